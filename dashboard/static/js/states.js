/** What stands where no numbers can: loading, nothing there, an error. */

import { h, icon } from "./dom.js";
import { go } from "./state.js";

/** Grey shapes like those that will come. */
export function skeleton(tab) {
  const bones = (...kinds) => kinds.map((kind) => h(`div.bone.bone-${kind}`));
  const cards = (length) =>
    h("div.cards", {}, Array.from({ length }, () => h("div.card", {}, bones("title", "figure", "text"))));
  const [above, kind] = {
    overview: [cards(6), "plot"],
    quota: [cards(3), "plot"],
  }[tab.id] ?? [bones("sums"), "row"];
  const rows = Array.from({ length: kind === "row" ? 8 : 1 }, () => kind);
  return h("div.skeleton", { "aria-hidden": "true" }, above, h("div.panel", {}, bones("title", ...rows)));
}

/** No usage was found: why that may be, and what helps. */
export function empty(state) {
  const isFiltered = Object.keys(state.filters).length > 0 || state.view.q;
  const button = (text, change) => h("button.button", { type: "button", onclick: () => go(change) }, text);
  return h(
    "section.state",
    {},
    h("span.state-icon", {}, icon("chart")),
    h("h2", {}, "No usage in this period"),
    h(
      "p",
      {},
      isFiltered
        ? "Nothing matches the filters. Take one away, or look at more days."
        : "Usage appears here a few seconds after a product feature makes its first AI request. If there was some earlier, look at more days.",
    ),
    h(
      "div.state-actions",
      {},
      isFiltered && button("Clear filters", { filters: {}, view: { q: "" } }),
      state.period !== "12m" && button("Show the last 12 months", { period: "12m", from: "", to: "" }),
    ),
  );
}

/** The request failed, and there is nothing from before to show. */
export function problemOf(problem, retry) {
  const isWrong = problem.status === 400 && problem.errors.length > 0; // what was asked: they say why
  return h(
    "section.state",
    { role: "alert" },
    h("span.state-icon", {}, icon(problem.status ? "alert" : "offline")),
    h("h2", {}, isWrong ? "This view cannot be shown" : problem.title),
    problem.detail && !isWrong && h("p", {}, problem.detail),
    problem.errors.length > 0 &&
      h(
        "ul.state-errors",
        {},
        problem.errors.map(({ field, reason }) => h("li", {}, h("code", {}, field), `: ${reason}`)),
      ),
    h(
      "div.state-actions",
      {},
      !isWrong &&
        h(
          "button.button.button-primary",
          { id: "retry", type: "button", onclick: retry },
          icon("refresh"),
          "Try again",
        ),
      problem.status === 400 &&
        h(
          "button.button",
          {
            class: `button ${isWrong ? "button-primary" : ""}`,
            type: "button",
            onclick: () => go({ period: "30d", from: "", to: "", filters: {}, view: { sort: "", q: "", page: "" } }),
          },
          "Start over",
        ),
    ),
  );
}

/** Calls `action` each `ms` while the page is visible, and when it becomes so. */
export function nowAndThen(ms, action) {
  const whenVisible = () => document.visibilityState === "visible" && action();
  setInterval(whenVisible, ms);
  document.addEventListener("visibilitychange", whenVisible);
}
