/** The list of a tenant's alerts, and how each stands. */

import { meter } from "../chart.js";
import { h, hidden, icon } from "../dom.js";
import { count } from "../format.js";
import { link } from "../state.js";
import { attempt, change } from "./actions.js";
import { saveCsv } from "./csv.js";
import { heading } from "./head.js";
import * as words from "./words.js";

/** All alerts: `rules` and `metrics` as the API has them. */
export function list({ rules, metrics }, { reload }) {
  const { data, pagination } = rules;
  return [
    heading(
      "Alerts",
      `${count(pagination.total, "alert")}. Each one notifies once per period, when its threshold is reached.`,
      h(
        "a.button.button-primary",
        { id: "new-alert", href: link({ view: { id: "new" } }) },
        icon("plus"),
        "New alert",
      ),
      exportButton(() => save(data, metrics)),
    ),
    h(
      "ul.panel.alerts",
      {},
      data.map((rule) => row(rule, metrics, reload)),
    ),
  ];
}

function row(rule, metrics, reload) {
  const only = words.filtered(rule);
  return h(
    "li.alert",
    {},
    h(
      "div.alert-what",
      {},
      h(
        "h3",
        {},
        h(
          "a.alert-link",
          { id: `alert-${rule.id}`, href: link({ view: { id: rule.id, open: "", page: "" } }) },
          h("bdi", {}, rule.name),
        ),
        rule.is_default &&
          words.badge("Default", "", "Every organisation has it. It can be changed, not deleted."),
      ),
      h("p.muted", {}, words.condition(rule, metrics), only && h("span", {}, ` · ${only}`)),
    ),
    h("div.alert-standing", {}, words.standing(rule)),
    value(rule),
    h("div.alert-channels", {}, channels(rule)),
    onOff(rule, reload),
  );
}

/** The value beside the threshold that comes next. */
export function value(rule) {
  const { state, unit, metric } = rule;
  const next = words.nextThreshold(rule);
  if (state.value == null) return h("div.alert-value");
  const of = words.ofLimit({ metric, unit, limit: state.limit });
  return h(
    "div.alert-value",
    { title: of && `${words.amount(state.value, unit)} ${of}` },
    h(
      "p",
      {},
      h("data", { value: state.value }, words.amount(state.value, unit)),
      h("span.muted", {}, ` / ${words.amount(next, unit)}`),
    ),
    meter({ percent: (100 * state.value) / next, label: `of the threshold ${words.amount(next, unit)}` }),
  );
}

function channels({ channels: all, disabled_urls: disabled }) {
  if (!all.length) return h("span.muted", {}, "Nobody is told");
  const kinds = Object.keys(words.CHANNELS).filter((type) => all.some((one) => one.type === type));
  return [
    kinds.map((type) =>
      words.badge(
        words.CHANNELS[type],
        "",
        all
          .filter((one) => one.type === type)
          .map(words.channelText)
          .join("\n"),
      ),
    ),
    disabled.length > 0 && words.badge("Disabled webhook", "badge-error"),
  ];
}

/** Switches an alert on and off. */
export function onOff(rule, reload) {
  return h(
    "button.switch",
    {
      id: `switch-${rule.id}`,
      type: "button",
      role: "switch",
      "aria-checked": rule.enabled,
      onclick: ({ currentTarget }) =>
        attempt(currentTarget, async () => {
          await change(rule.id, { enabled: !rule.enabled });
          await reload();
        }),
    },
    hidden(`Enabled: ${rule.name}`),
  );
}

/** Saves what is shown. */
export function exportButton(onclick) {
  return h("button.button", { id: "export", type: "button", onclick }, icon("download"), "Export");
}

function save(rules, metrics) {
  const muted = (rule) => (words.isMuted(rule) ? rule.muted_until : "");
  saveCsv(
    "alerts.csv",
    [
      ["Name", (rule) => rule.name],
      ["Condition", (rule) => words.condition(rule, metrics)],
      ["Filter", words.filtered],
      ["Severity", (rule) => words.SEVERITIES[rule.severity]],
      ["Value", (rule) => rule.state.value],
      ["Threshold", words.nextThreshold],
      ["Unit", (rule) => rule.unit],
      ["Limit", (rule) => rule.state.limit],
      ["Reached", (rule) => (rule.state.reached.length ? "yes" : "no")],
      ["Notification", (rule) => rule.channels.map(words.channelText).join("; ")],
      ["Enabled", (rule) => (rule.enabled ? "yes" : "no")],
      ["Muted until", muted],
    ],
    rules,
  );
}
