/** The secret that signs a rule's webhooks: shown, copied, rotated. */

import { get, send } from "../api.js";
import { h, icon } from "../dom.js";
import { moment } from "../format.js";
import { attempt, closeButton, confirmed, copy, openDialog, path } from "./actions.js";

/** Shows the secret. */
export async function showSecret(rule) {
  opened(rule, await get(path(rule.id, "/secret")));
}

function opened(rule, { secret, rotated_at: rotated }) {
  const zone = rule.state.period.time_zone;
  const dialog = openDialog(
    "Webhook secret",
    [
      h(
        "p.muted",
        {},
        "Calls are signed with it by the Standard Webhooks scheme, so that the receiver knows that they are genuine. Keep it as you keep a password.",
      ),
      h(
        "div.secret",
        {},
        h("code", { id: "secret" }, secret),
        h(
          "button.button",
          {
            type: "button",
            onclick: ({ currentTarget }) => attempt(currentTarget, () => copy(currentTarget, secret)),
          },
          "Copy",
        ),
      ),
      rotated && h("p.muted", {}, `Rotated on ${moment(rotated, zone)}.`),
    ],
    [
      h(
        "button.button",
        {
          id: "rotate",
          type: "button",
          onclick: ({ currentTarget }) => attempt(currentTarget, () => rotate(rule, dialog)),
        },
        icon("refresh"),
        "Rotate",
      ),
      closeButton(),
    ],
  );
}

async function rotate(rule, dialog) {
  const isSure = await confirmed({
    title: "Rotate the secret?",
    text: "There will be a new secret at once. For 24 hours calls are signed with the old one, too, so that the receiver can follow without missing a call. After that the old one is worth nothing.",
    action: "Rotate",
    kind: "button-primary",
  });
  if (!isSure) return;
  const made = await send("POST", path(rule.id, "/secret"));
  dialog.close();
  opened(rule, made);
}
