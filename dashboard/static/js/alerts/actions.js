/** What is done to rules, and dialogs that ask before or tell after. */

import { get, send } from "../api.js";
import { announce, h } from "../dom.js";

const SETTINGS = [
  "name",
  "metric",
  "thresholds",
  "severity",
  "filter",
  "channels",
  "enabled",
  "muted_until",
  "notify_resolved",
];

export const path = (id, more = "") => `usage/alerts/${encodeURIComponent(id)}${more}`;

/** What the API takes of a rule that it gave. */
export function settingsOf(rule) {
  return Object.fromEntries(SETTINGS.map((name) => [name, rule[name]]));
}

/** Changes some settings of the rule as it is now, which may be newer than what is shown. */
export async function change(id, changes) {
  return send("PUT", path(id), { ...settingsOf(await get(path(id))), ...changes });
}

/** Does what a button asks for; the button is busy meanwhile, and the page tells of a failure. */
export async function attempt(button, action) {
  if (button.getAttribute("aria-busy")) return;
  button.setAttribute("aria-busy", "true");
  try {
    await action();
  } catch (error) {
    fail(error);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

/** Lets the page tell of a failure. */
export function fail(error) {
  document.dispatchEvent(new CustomEvent("usage:problem", { detail: error }));
}

/** Opens a dialog over the page: a title, what is inside, and buttons. It is gone once it is closed. */
export function openDialog(title, inside, buttons) {
  const dialog = h(
    "dialog.dialog",
    { "aria-label": title },
    h("h2", {}, title),
    inside,
    h("div.dialog-buttons", {}, buttons),
  );
  const close = () => dialog.close();
  document.addEventListener("usage:problem", close); // which is told behind it
  addEventListener("popstate", close);
  dialog.addEventListener("close", () => {
    document.removeEventListener("usage:problem", close);
    removeEventListener("popstate", close);
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Asks before something is done. Gives whether to do it. */
export function confirmed({ title, text, action, kind = "" }) {
  return new Promise((resolve) => {
    const button = (label, value, properties) =>
      h(
        "button.button",
        {
          type: "button",
          ...properties,
          onclick: () => {
            dialog.close(value);
          },
        },
        label,
      );
    const dialog = openDialog(title, h("p", {}, text), [
      button("Cancel", "", { autofocus: true }),
      button(action, "yes", { id: "confirm", class: `button ${kind}` }),
    ]);
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"));
  });
}

/** A button that closes its dialog. */
export const closeButton = (label = "Close") =>
  h(
    "button.button.button-primary",
    { type: "button", onclick: (event) => event.currentTarget.closest("dialog").close() },
    label,
  );

/** Copies a text, and says so on the button. */
export async function copy(button, text) {
  await navigator.clipboard.writeText(text);
  button.textContent = "Copied";
  announce("Copied.");
}
