/** The line above each view of the tab: its name, and what can be done. */

import { h, icon } from "../dom.js";
import { link } from "../state.js";

let last = ""; // the view that was headed before: the focus follows to another one

/** A heading with a quiet line below, and buttons at the right. */
export function heading(title, note, ...tools) {
  const head = h("h2", { id: "alerts-title", tabindex: "-1" }, title);
  const isOther = last && last !== location.search;
  last = location.search;
  if (isOther) queueMicrotask(() => document.activeElement === document.body && head.focus());
  return h(
    "header.alerts-head",
    {},
    h("div", {}, head, note && h("p.muted", {}, note)),
    h("div.alerts-tools", {}, tools),
  );
}

/** The way back to the list. */
export const back = () =>
  h(
    "nav.alerts-back",
    { "aria-label": "Back" },
    h(
      "a.button.button-quiet",
      { href: link({ view: { id: "", open: "", page: "" } }) },
      icon("chevron-left"),
      "All alerts",
    ),
  );
