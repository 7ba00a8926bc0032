/** A button that opens a panel. The browser's popover brings Escape, clicks outside and the way of the focus. */

import { h, icon } from "./dom.js";

const GAP = 6;

/** `fill(panel)` is called each time it opens, and gives what is inside. */
export function popover({ id, button, label, fill, kind = "" }) {
  const panel = h(`div.popover${kind}`, {
    id: `${id}-panel`,
    popover: "auto",
    role: "dialog",
    "aria-label": label,
  });
  const opener = h(
    "button.button",
    { id, type: "button", popovertarget: panel.id, "aria-expanded": "false" },
    button,
    icon("chevron-down"),
  );
  panel.addEventListener("beforetoggle", (event) => {
    if (event.newState === "open") panel.replaceChildren(...[fill(() => panel.hidePopover())].flat());
  });
  panel.addEventListener("toggle", (event) => {
    const isOpen = event.newState === "open";
    opener.setAttribute("aria-expanded", isOpen);
    if (!isOpen) return;
    place(panel, opener);
    (panel.querySelector("[aria-checked=true]") ?? panel.querySelector("input, button"))?.focus();
  });
  return h("div.popover-anchor", {}, opener, panel);
}

/** Below its button, inside the window; a phone's style sheet makes it a sheet at the bottom instead. */
function place(panel, opener) {
  const at = opener.getBoundingClientRect();
  const left = Math.max(GAP, Math.min(at.left, innerWidth - panel.offsetWidth - GAP));
  panel.style.setProperty("--left", `${left}px`);
  panel.style.setProperty("--top", `${at.bottom + GAP}px`);
}

/** The arrow keys go through the items of a menu. */
export function arrows(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const items = [...event.currentTarget.querySelectorAll(".menu-item")];
  items.at((items.indexOf(document.activeElement) + step) % items.length)?.focus();
}
