/** Where the billing month is heading: the points of its chart, and the words for them. */

import { compact, count, dayWritten, number, percent, usd, usdCompact, usdExact } from "./format.js";

/** What can be looked at: how each measure is called, and written in short, in full and exactly. */
export const MEASURES = {
  tokens: {
    title: "Tokens",
    limit: "monthly token limit",
    colour: "tokens",
    write: compact,
    full: number,
    precise: number,
    tick: compact,
    ofDay: "tokens",
    ofSnapshot: ["projected_tokens", "token_limit"],
  },
  spend: {
    title: "Spend",
    limit: "monthly budget cap",
    colour: "cost",
    write: usd,
    full: usd,
    precise: usdExact,
    tick: usdCompact,
    ofDay: "cost_usd",
    ofSnapshot: ["projected_spend_usd", "budget_usd"],
  },
};

/** The measure that the state wants. */
export const measureOf = ({ view }) =>
  Object.hasOwn(MEASURES, view.measure ?? "") ? view.measure : "tokens";

/**
 * One measure of the quota's answer in one shape.
 *
 * @typedef {object} Gauge
 * @property {number|null} used       null where no price is known
 * @property {number|null} limit      null where there is none
 * @property {number|null} remaining
 * @property {number|null} percent
 * @property {number|null} projected  null where there is not enough to go by
 * @property {string|null} reachedOn  the day on which the limit was, or will be, reached
 * @property {boolean} isReached
 * @returns {Gauge}
 */
export function gaugeOf({ tokens_this_month: tokens, spend_this_month: spend, projection }, measure) {
  return measure === "tokens"
    ? shaped(tokens.used, tokens.limit, tokens.remaining, projection.tokens, tokens)
    : shaped(spend.used_usd, spend.limit_usd, spend.remaining_usd, projection.spend_usd, spend);
}

/** The same of the daily limit, for which no month's end is projected. */
export const gaugeOfToday = ({ tokens_today: today }) =>
  shaped(today.used, today.limit, today.remaining, null, today);

const shaped = (used, limit, remaining, projected, { percent: part, reached_on: reachedOn }) => ({
  used,
  limit,
  remaining,
  projected,
  percent: part,
  reachedOn,
  isReached: limit != null && used != null && used >= limit,
});

/**
 * The billing month day by day: the sum until each day, and from today on the straight line to the projection.
 *
 * @param {object} data    of usage/quota
 * @param {object[]} days  of usage/daily, at least those of the billing month
 */
export function course(data, days, measure) {
  const { projected } = gaugeOf(data, measure);
  const amounts = new Map(days.map((row) => [row.day, row[MEASURES[measure].ofDay]]));
  const [all, today] = [daysOf(data.billing_period), todayOf(data)];
  let sum = null; // until the first day with a known amount
  return all.map((day, index) => {
    if (day > today)
      return { day, projected: projected == null ? null : (projected * (index + 1)) / all.length };
    const amount = amounts.get(day) ?? null;
    if (amount != null) sum = Number((sum + amount).toFixed(9)); // money has nine digits
    return { day, amount, sum, projected: day === today && projected != null ? sum : null };
  });
}

/** The tenant's day, which the days that remain tell. */
export const todayOf = ({ billing_period: { to }, days_remaining: left }) => plus(to, 1 - left);

function daysOf({ from, to }) {
  const days = [from];
  while (days.at(-1) < to) days.push(plus(days.at(-1), 1));
  return days;
}

/** How many days a period has. */
export const lengthOf = ({ from, to }) => between(from, to) + 1;

const plus = (day, count) =>
  new Date(Date.parse(`${day}T00:00:00Z`) + count * 86_400_000).toISOString().slice(0, 10);
const between = (from, to) => (Date.parse(to) - Date.parse(from)) / 86_400_000;

/** How the month stands, in a word or two, as a sentence, and as the kind of a badge. */
export function verdict(data, measure) {
  const { used, limit, projected, reachedOn, isReached } = gaugeOf(data, measure);
  const { limit: name, write } = MEASURES[measure];
  const end = dayWritten(data.billing_period.to);
  if (used == null)
    return said("Unpriced", "warning", "No price is known for this month's usage, so its cost is unknown.");
  if (isReached)
    return said(
      "Limit reached",
      "error",
      `The ${name} of ${write(limit)} was reached on ${when(data, reachedOn)}.`,
    );
  if (projected == null)
    return said(
      "Too early to tell",
      "",
      "Not enough data yet: the projection begins when a day of the billing month has passed with usage.",
    );
  if (limit == null)
    return said(
      "No limit",
      "",
      `No ${name} is set. At this rate the month ends with ${write(projected)} on ${end}.`,
    );
  if (reachedOn)
    return said(
      "Limit in sight",
      "warning",
      `At this rate the ${name} of ${write(limit)} is reached on ${when(data, reachedOn)}.`,
    );
  const part = percent((100 * projected) / limit);
  return said("On track", "good", `At this rate ${part} of the ${name} is used when the month ends on ${end}.`);
}

const said = (badge, kind, text) => ({ badge, kind, text });

/** What the spend lacks, in a sentence; null where it lacks nothing. */
export function lack({ spend_this_month: { used_usd: used, unpriced_requests: unpriced } }, measure) {
  if (measure !== "spend" || used == null || !unpriced) return null;
  return `Without ${count(unpriced, "request")} of unknown price.`;
}

function when({ billing_period: { to } }, day) {
  const days = between(day, to);
  const place = days ? `${count(days, "day")} before the month ends` : "the last day of the billing month";
  return `${dayWritten(day)}, ${place}`;
}

/** What is left of the monthly limit, in short. */
export function noteOf(data, measure) {
  const { used, limit, remaining, reachedOn, isReached } = gaugeOf(data, measure);
  const { limit: name, write } = MEASURES[measure];
  if (limit == null) return `No ${name} is set`;
  if (used == null) return "No prices are known";
  return isReached ? `Used up since ${dayWritten(reachedOn)}` : `${write(remaining)} left`;
}

/** What is left of the daily limit, in short. */
export function noteOfToday(data) {
  const { limit, remaining, reachedOn, isReached } = gaugeOfToday(data);
  if (limit == null) return "No daily token limit is set";
  if (isReached) return "Used up until midnight";
  const left = `${compact(remaining)} left`;
  const day = reachedOn === todayOf(data) ? "today" : reachedOn && `on ${dayWritten(reachedOn)}`;
  return day ? `${left}; at this rate reached ${day}` : left;
}
