/** Sends a test to all channels of a rule, and follows it until each has taken it or failed. */

import { get, send } from "../api.js";
import { announce, h, show } from "../dom.js";
import { attemptText, channelText, deliveryBadge } from "./words.js";
import { closeButton, fail, openDialog, path } from "./actions.js";

const OFTEN = 1_000; // milliseconds
const SELDOM = 5_000;
const SOON = 30; // rounds until we ask less often
const LOOKED_AT = 200; // deliveries, the newest ones

/** Sends the test and shows a dialog; `whenClosed` is called after it. */
export async function test(rule, whenClosed) {
  const { data: sent } = await send("POST", path(rule.id, "/test"));
  const list = h("ul.test-list");
  const dialog = openDialog(
    `Test of “${rule.name}”`,
    [h("p.muted", {}, "Sent like a real alert, and marked as a test."), h("div", { role: "status" }, list)],
    closeButton(),
  );
  dialog.addEventListener("close", whenClosed);
  drawn(list, sent, [], rule);
  follow(dialog, list, sent, rule).catch(fail);
}

async function follow(dialog, list, sent, rule) {
  const query = new URLSearchParams({ limit: LOOKED_AT });
  for (let round = 0; dialog.open; round++) {
    await new Promise((resolve) => setTimeout(resolve, round < SOON ? OFTEN : SELDOM));
    if (!dialog.open) return;
    const { data } = await get(path(rule.id, "/deliveries"), query);
    const found = data.filter(({ id }) => sent.some((one) => one.id === id));
    drawn(list, sent, found, rule);
    if (found.length === sent.length && found.every(({ state }) => state !== "pending"))
      return announce("The test is over.");
  }
}

/** One line a channel; only what has changed is drawn, so that only that is read out. */
function drawn(list, sent, found, rule) {
  const lines = sent.map(({ id, channel }) => {
    const delivery = found.find((one) => one.id === id) ?? { state: "pending", attempts: [] };
    return JSON.stringify([id, delivery.state, delivery.attempts.length, channel]);
  });
  if (list.dataset.lines === `${lines}`) return;
  list.dataset.lines = `${lines}`;
  show(
    list,
    sent.map(({ id, channel }) =>
      line(
        channel,
        found.find((one) => one.id === id),
        rule.state.period.time_zone,
      ),
    ),
  );
}

function line(channel, delivery = { state: "pending", attempts: [] }, zone = undefined) {
  const last = delivery.attempts.at(-1);
  return h(
    "li",
    {},
    h("div.test-line", {}, h("bdi", {}, channelText(channel)), deliveryBadge(delivery, zone)),
    last && h("p.muted", {}, attemptText(last)),
  );
}
