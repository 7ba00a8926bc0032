/** Alerts in words: what a rule watches, how it stands, whom it tells, and how that went. */

import { h } from "../dom.js";
import { dayFull, moment, number, percent, range, time, usd } from "../format.js";
import { DIMENSIONS, nameOf } from "../names.js";

const AMOUNTS = { percent, usd, count: number };
const SEVERE = { info: "badge-accent", warning: "badge-warning", critical: "badge-error" };
const SHORT = { daily_tokens_vs_average_percent: "Today beside the 7-day average" };
const either = new Intl.ListFormat("en", { type: "disjunction" });

export const SEVERITIES = { info: "Info", warning: "Warning", critical: "Critical" };
export const CHANNELS = { email: "Email", ticket: "PSA ticket", webhook: "Webhook" };

/** An amount in the unit of its metric: 80%, $500.00, 1,200 */
export const amount = (value, unit) => AMOUNTS[unit](value);

export const badge = (text, kind = "", title = null) => h("span", { class: `badge ${kind}`, title }, text);

/** "Monthly token quota": a metric without its unit. */
export function metricName(metric, metrics) {
  const label = metrics.find(({ name }) => name === metric)?.label ?? metric;
  return SHORT[metric] ?? label.replace(/\s*[%$]$/, "");
}

/** "Monthly token quota reaches 80% or 100%"; of a metric as the API names it. */
export function condition({ metric, thresholds, unit }, metrics) {
  const amounts = thresholds.map((one) => amount(one, unit));
  return `${metricName(metric, metrics)} reaches ${either.format(amounts)}`;
}

/** "Feature chat or search, User Ada"; nothing for a rule that looks at everything. */
export function filtered({ filter }) {
  return Object.entries(filter)
    .filter(([, values]) => values.length)
    .map(
      ([name, values]) =>
        `${DIMENSIONS[name].title} ${either.format(values.map((one) => nameOf(name, one)))}`,
    )
    .join(", ");
}

/** What a rule is called unless somebody says: the metric, and of what. */
export function nameFor(metric, filter, metrics) {
  const of = Object.entries(filter).flatMap(([name, values]) => values.map((one) => nameOf(name, one)));
  return [metricName(metric, metrics), of.join(", ")].filter(Boolean).join(" of ").slice(0, 128);
}

export const isMuted = ({ muted_until: until }) => until != null && Date.parse(until) > Date.now();

/** Badges of how a rule stands: off, reached, or fine; and muted. */
export function standing(rule) {
  const { state } = rule;
  const isSilent = isMuted(rule) && rule.enabled;
  return [
    !rule.enabled
      ? badge("Off", "", "It is not looked at.")
      : state.reached.length
        ? badge("Reached", SEVERE[rule.severity])
        : state.value == null
          ? badge("No data", "", "There is no limit, no known price, or not enough usage yet.")
          : badge("OK", "badge-good"),
    isSilent && badge(`Muted until ${moment(rule.muted_until, state.period.time_zone)}`),
  ];
}

/** The threshold that comes next; the last one when all are reached. */
export const nextThreshold = ({ thresholds, state }) =>
  thresholds.find((one) => !state.reached.includes(one)) ?? thresholds.at(-1);

/** "of 12,500,000 tokens", or "of $500.00": what per cent are of. */
export function ofLimit({ metric, limit, unit }) {
  if (limit == null || unit !== "percent") return "";
  return metric.includes("budget") ? `of ${usd(limit)}` : `of ${number(limit)} tokens`;
}

/** "Email to ada@contoso.example" */
export function channelText({ type, to, url }) {
  return [CHANNELS[type], type === "email" ? `to ${to.join(", ")}` : type === "webhook" ? url : ""]
    .filter(Boolean)
    .join(" ");
}

/** When a limit was reached, or will be. */
export function onDay(day) {
  const isAhead = day > new Date().toISOString().slice(0, 10);
  return `${isAhead ? "at this rate " : ""}on ${dayFull(day)}`;
}

const ABOUT = {
  fired: "Alert",
  resolved: "Resolved",
  test: "Test",
  undelivered: "Notice of a failed delivery",
};

export const aboutText = (about) => ABOUT[about] ?? about;

/** How a delivery stands, as a badge. */
export function deliveryBadge({ state, attempts, next_at: next }, zone) {
  if (state === "delivered") return badge("Delivered", "badge-good");
  if (state === "failed") return badge("Failed", "badge-error");
  if (attempts.length && next)
    return badge(`Again at ${time(next, zone)}`, "badge-warning", moment(next, zone));
  return badge("On its way", "badge-accent");
}

/** "200 · 34 ms · detail" */
export function attemptText({ status, detail, milliseconds }) {
  return [status, detail, `${number(milliseconds)} ms`]
    .filter((one) => one != null && one !== "")
    .join(" · ");
}

/** The period of a firing, in the tenant's days. */
export const periodText = ({ period }) => range(period);

export const severityBadge = ({ severity }) => badge(SEVERITIES[severity], SEVERE[severity]);
