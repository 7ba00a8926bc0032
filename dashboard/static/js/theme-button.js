/** The button that goes through the themes: the system's, light, dark. */

import { hidden, icon } from "./dom.js";

const KEY = "usage-analytics.theme";
const NEXT = { auto: "light", light: "dark", dark: "auto" };
const ICONS = { auto: "auto", light: "sun", dark: "moon" };
const button = document.getElementById("theme");

/** Shows the theme on the button; `changed` is called when the colours are others. */
export function themeButton(changed) {
  label();
  for (const query of ["(prefers-color-scheme: dark)", "print"])
    matchMedia(query).addEventListener("change", changed);
  button.addEventListener("click", () => {
    const theme = NEXT[current()];
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // Not kept then.
    }
    label();
    changed();
  });
}

const current = () => document.documentElement.dataset.theme ?? "auto";

function label() {
  const text = `Theme: ${current()}`;
  button.title = text;
  button.replaceChildren(icon(ICONS[current()]), hidden(text));
}
