/** The quiet line at the end of each view: how complete the numbers are, and what they lack. */

import { h, icon } from "./dom.js";
import { count, time } from "./format.js";

/** From what a tab loaded: an answer of the API, or an object of several. */
export function freshness(data) {
  const answers = (data?.freshness ? [data] : Object.values(data ?? {})).filter((one) => one?.freshness);
  if (!answers.length) return null;
  const { freshness: said, period } = answers[0];
  const zone = period?.time_zone;
  const facts = [
    said.unpriced > 0 && [`${count(said.unpriced, "request")} unpriced`, "badge-warning"],
    said.rejected > 0 && [`${count(said.rejected, "event")} rejected`, "badge-warning"],
    said.duplicates > 0 && [`${count(said.duplicates, "duplicate")} ignored`, ""],
  ].filter(Boolean);
  return h(
    "details.freshness",
    { id: "freshness", open: document.getElementById("freshness")?.open },
    h(
      "summary",
      {},
      icon("clock"),
      h("span", {}, `Complete through ${time(said.complete_through, zone)}`),
      facts.map(([text, kind]) => h("span.badge", { class: `badge ${kind}` }, text)),
      zone && h("span.muted", {}, `Days in ${zone}`),
    ),
    explanation(),
  );
}

function explanation() {
  const item = (term, text) => [h("dt", {}, term), h("dd", {}, text)];
  return h(
    "dl",
    {},
    item(
      "Complete through",
      "Everything stored until then is counted. Events that still wait in a queue follow within seconds.",
    ),
    item(
      "Unpriced",
      "Requests of models or primitives without a known price. Their tokens are counted; their cost is unknown and in no sum, so that a cost is never too low in silence.",
    ),
    item(
      "Rejected",
      "Events that arrived in the period and broke the contract. They are kept; your platform team can read and replay them.",
    ),
    item("Duplicates", "Events that arrived more than once. Each is counted once."),
  );
}
