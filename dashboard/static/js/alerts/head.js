/** The row above each view of the tab, in place of the toolbar: its name, and what can be done. */

import { h, icon } from "../dom.js";
import { link } from "../state.js";

let last = location.search; // the view that was headed before: the focus follows to another one

/** A heading with a quiet line below, and buttons at the right. */
export const heading = (title, note, ...tools) => head(null, title, note, tools);

/** The same, with the way back to the list above. */
export const subheading = (title, note, ...tools) => head(back(), title, note, tools);

function head(above, title, note, tools) {
  const name = h("h2", { id: "alerts-title", tabindex: "-1" }, title);
  const isOther = last !== location.search;
  last = location.search;
  if (isOther) queueMicrotask(() => document.activeElement === document.body && name.focus());
  return h(
    "header.alerts-head",
    {},
    h("div", {}, above, name, note && h("p.muted", {}, note)),
    h("div.alerts-tools", {}, tools),
  );
}

const back = () =>
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
