/** One alert: what it says, how it stands, what can be done with it, and its history. */

import { send } from "../api.js";
import { announce, h, icon } from "../dom.js";
import { arrows, popover } from "../popover.js";
import { go, link } from "../state.js";
import { attempt, change, confirmed, path } from "./actions.js";
import { subheading } from "./head.js";
import { history, saveHistory } from "./history.js";
import { exportButton, onOff, value } from "./list.js";
import { showSecret } from "./secret.js";
import { test } from "./test.js";
import * as words from "./words.js";

const HOUR = 3_600_000;
const MUTES = { "1 hour": HOUR, "1 day": 24 * HOUR, "1 week": 168 * HOUR, "30 days": 720 * HOUR };

/** The page of a rule: `rule`, `metrics`, `firings` and `deliveries` as the API has them. */
export function rulePage(data, state, { reload }) {
  const { rule, metrics } = data;
  return [
    subheading(
      [h("bdi", {}, rule.name), rule.is_default && words.badge("Default")],
      words.condition(rule, metrics),
      tools(rule, reload),
      exportButton(() => saveHistory(data)),
    ),
    h("section.panel.alert-facts", { "aria-label": "How it stands" }, facts(rule, reload)),
    history(data, state, { reload }),
  ];
}

function tools(rule, reload) {
  const button = (id, glyph, text, action, more = {}) =>
    h(
      "button.button",
      { id, type: "button", ...more, onclick: ({ currentTarget }) => attempt(currentTarget, action) },
      icon(glyph),
      text,
    );
  const nobody = rule.channels.length ? {} : { disabled: true, title: "There is nobody to tell." };
  return [
    button("test", "send", "Test", () => test(rule, reload), nobody),
    mute(rule, reload),
    h("a.button", { id: "edit", href: link({ view: { id: rule.id, open: "edit" } }) }, icon("edit"), "Edit"),
    button("delete", "trash", "Delete", () => remove(rule), { class: "button button-danger" }),
  ];
}

function facts(rule, reload) {
  const fact = (term, ...said) => h("div.fact", {}, h("dt", {}, term), h("dd", {}, said));
  const of = words.ofLimit({ ...rule, limit: rule.state.limit });
  const only = words.filtered(rule);
  return h(
    "dl",
    {},
    fact("Now", h("div.alert-standing", {}, words.standing(rule)), value(rule), of && h("p.muted", {}, of)),
    rule.state.reached_on && fact("Limit reached", words.onDay(rule.state.reached_on)),
    fact("Period", words.periodText(rule.state)),
    fact("Severity", words.severityBadge(rule)),
    only && fact("Filter", only),
    fact("Notification", notification(rule)),
    fact("Enabled", onOff(rule, reload)),
  );
}

function notification(rule) {
  if (!rule.channels.length) return "Nobody is told.";
  return [
    h(
      "ul",
      {},
      rule.channels.map((one) =>
        h(
          "li",
          {},
          h("bdi", {}, words.channelText(one)),
          rule.disabled_urls.includes(one.url) &&
            words.badge(
              "Disabled",
              "badge-error",
              "It answered 410 (gone). Save the alert again to enable it.",
            ),
        ),
      ),
    ),
    rule.notify_resolved && h("p.muted", {}, "Told when it is over, too."),
    rule.channels.some(({ type }) => type === "webhook") &&
      h(
        "button.button",
        {
          id: "show-secret",
          type: "button",
          onclick: ({ currentTarget }) => attempt(currentTarget, () => showSecret(rule)),
        },
        icon("key"),
        "Webhook secret",
      ),
  ];
}

function mute(rule, reload) {
  const until = (moment) => (event) =>
    attempt(event.currentTarget, async () => {
      await change(rule.id, { muted_until: moment && new Date(Date.now() + moment).toISOString() });
      announce(moment ? "The alert is muted." : "The alert is no longer muted.");
      await reload();
    });
  const item = (text, ms) => h("button.menu-item", { type: "button", onclick: until(ms) }, text);
  return popover({
    id: "mute",
    label: "Mute the alert",
    kind: ".menu",
    button: [icon("bell"), words.isMuted(rule) ? "Muted" : "Mute"],
    fill: () =>
      h(
        "div",
        { onkeydown: arrows },
        h("p.menu-note", {}, "The alert is still checked and recorded, but nobody is told."),
        Object.entries(MUTES).map(([text, ms]) => item(`For ${text}`, ms)),
        words.isMuted(rule) && item("Unmute", null),
      ),
  });
}

async function remove(rule) {
  if (rule.is_default) {
    const isMeant = await confirmed({
      title: "The default alert stays",
      text: "Every organisation has it, so that a quota is never reached in silence. You can switch it off, mute it, or change it instead.",
      action: "Edit",
      kind: "button-primary",
    });
    return isMeant && go({ view: { id: rule.id, open: "edit" } });
  }
  const isSure = await confirmed({
    title: "Delete this alert?",
    text: `“${rule.name}” will be deleted, and its history no longer shown. This cannot be undone.`,
    action: "Delete",
    kind: "button-error",
  });
  if (!isSure) return;
  await send("DELETE", path(rule.id));
  go({ view: { id: "", open: "", page: "" } }, { replace: true });
  announce("The alert was deleted.");
}
