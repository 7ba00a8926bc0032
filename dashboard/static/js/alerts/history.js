/** What a rule fired, and how each notification went. */

import { send } from "../api.js";
import { announce, h, icon } from "../dom.js";
import { ago, moment } from "../format.js";
import { go } from "../state.js";
import { attempt, path } from "./actions.js";
import { saveCsv } from "./csv.js";
import * as words from "./words.js";

export const PAGE = 50; // firings

/** The panel; a firing unfolds to its deliveries, each with all attempts. */
export function history(data, state, { reload }) {
  const { firings, rule } = data;
  const page = Math.max(1, Math.trunc(Number(state.view.page)) || 1);
  return h(
    "section.panel.history",
    { "aria-label": "History" },
    h("div.panel-bar", {}, h("h2", {}, "History")),
    firings.data.length
      ? h(
          "ul.firings",
          {},
          firings.data.map((one) => firing(one, data, state, reload)),
        )
      : h(
          "p.nothing",
          {},
          page > 1
            ? "There is nothing older."
            : "Nothing yet. Each time this alert is reached, it is listed here.",
        ),
    (page > 1 || firings.data.length === PAGE) && pager(page, firings.data.length === PAGE),
  );
}

function firing(one, { rule, deliveries }, { view }, reload) {
  const zone = one.period.time_zone;
  const told = deliveries.data.filter(({ firing_id: id }) => id === one.id);
  const isOpen = view.open === one.id;
  const [headId, listId] = [`firing-${one.id}`, `deliveries-${one.id}`];
  return h(
    "li.firing",
    {},
    h(
      "button.firing-head",
      {
        id: headId,
        type: "button",
        "aria-expanded": isOpen,
        "aria-controls": listId,
        onclick: () => go({ view: { open: isOpen ? "" : one.id } }, { replace: true }),
      },
      icon("chevron-right"),
      h(
        "span.firing-what",
        {},
        h("strong", {}, what(one)),
        h(
          "span.muted",
          {},
          `${words.periodText(one)} · ${one.is_test ? "sent" : "fired"} ${ago(one.fired_at)}`,
        ),
      ),
      h("span.firing-badges", {}, badges(one), summary(told)),
    ),
    isOpen && h("div.firing-more", { id: listId }, why(one, zone), log(told, rule, zone, reload)),
  );
}

/** "84.5% of 12,500,000 tokens" */
const valueOf = (one) => [words.amount(one.value, one.unit), words.ofLimit(one)].filter(Boolean).join(" ");

const what = (one) =>
  one.is_test ? "Test notification" : `${valueOf(one)} reached ${words.amount(one.threshold, one.unit)}`;

function badges(one) {
  return [
    !one.is_test && words.severityBadge(one),
    one.is_muted && words.badge("Muted", "", "Nobody was told."),
    !one.is_test && one.resolved_at && words.badge("Resolved", "badge-good"),
  ];
}

function summary(told) {
  const failed = told.filter(({ state }) => state === "failed").length;
  const pending = told.filter(({ state }) => state === "pending").length;
  if (!told.length) return words.badge("Nobody told");
  if (failed) return words.badge(`${failed} of ${told.length} failed`, "badge-error");
  if (pending) return words.badge(`${pending} of ${told.length} on the way`, "badge-accent");
  return words.badge(`${told.length} delivered`);
}

function why(one, zone) {
  const fact = (term, said) => said && h("div.fact", {}, h("dt", {}, term), h("dd", {}, said));
  return h(
    "dl.firing-facts",
    {},
    fact("Fired", moment(one.fired_at, zone)),
    !one.is_test && fact("Value", valueOf(one)),
    fact("Threshold", words.amount(one.threshold, one.unit)),
    one.reached_on && fact("Limit reached", words.onDay(one.reached_on)),
    fact("Filter", one.filter),
    !one.is_test &&
      one.resolved_at &&
      fact(
        "Resolved",
        `${moment(one.resolved_at, zone)}${one.resolved_value == null ? "" : ` at ${words.amount(one.resolved_value, one.unit)}`}`,
      ),
  );
}

function log(told, rule, zone, reload) {
  if (!told.length) return h("p.muted", {}, "No notification was sent for it.");
  return h(
    "ul.deliveries",
    {},
    told.map((one) => delivery(one, rule, zone, reload)),
  );
}

function delivery(one, rule, zone, reload) {
  return h(
    "li.delivery",
    {},
    h(
      "div.delivery-head",
      {},
      h(
        "p",
        {},
        h("bdi", {}, words.channelText(one.channel)),
        h("span.muted", {}, ` · ${words.aboutText(one.about)}`),
      ),
      words.deliveryBadge(one, zone),
      one.state === "failed" && replayButton(one, rule, reload),
    ),
    h(
      "ol.attempts",
      {},
      one.attempts.map((each) => attemptLine(each, zone)),
    ),
  );
}

function attemptLine(one, zone) {
  return h(
    "li",
    { class: one.is_delivered ? "is-delivered" : "is-failed" },
    icon(one.is_delivered ? "check" : "x"),
    h("time", { datetime: one.at }, moment(one.at, zone)),
    h("span.muted", {}, words.attemptText(one)),
  );
}

function replayButton(one, rule, reload) {
  return h(
    "button.button",
    {
      id: `replay-${one.id}`,
      type: "button",
      onclick: ({ currentTarget }) =>
        attempt(currentTarget, async () => {
          await send("POST", path(rule.id, `/deliveries/${one.id}/replay`));
          announce("It is sent again.");
          await reload();
        }),
    },
    icon("refresh"),
    "Send again",
  );
}

function pager(page, hasMore) {
  const step = (text, to, isOn) =>
    h(
      "button.button.button-quiet",
      {
        id: `page-${text}`,
        type: "button",
        disabled: !isOn,
        onclick: () => go({ view: { page: to > 1 ? `${to}` : "", open: "" } }),
      },
      text,
    );
  return h(
    "nav.history-pages",
    { "aria-label": "Pages" },
    step("Newer", page - 1, page > 1),
    step("Older", page + 1, hasMore),
  );
}

/** Saves the firings that are shown, and how their notifications went. */
export function saveHistory({ rule, firings, deliveries }) {
  const told = (one) =>
    deliveries.data
      .filter(({ firing_id: id }) => id === one.id)
      .map((each) => `${words.channelText(each.channel)}: ${words.aboutText(each.about)}, ${each.state}`)
      .join("; ");
  saveCsv(
    `alert-${rule.id}.csv`,
    [
      ["Name", (one) => one.rule.name],
      ["Fired at", (one) => one.fired_at],
      ["From", (one) => one.period.from],
      ["To", (one) => one.period.to],
      ["Value", (one) => one.value],
      ["Threshold", (one) => one.threshold],
      ["Unit", (one) => one.unit],
      ["Limit", (one) => one.limit],
      ["Severity", (one) => words.SEVERITIES[one.severity]],
      ["Filter", (one) => one.filter],
      ["Test", (one) => (one.is_test ? "yes" : "no")],
      ["Muted", (one) => (one.is_muted ? "yes" : "no")],
      ["Resolved at", (one) => one.resolved_at],
      ["Resolved value", (one) => one.resolved_value],
      ["Notifications", told],
    ],
    firings.data,
  );
}
