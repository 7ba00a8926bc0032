/** The limits: what is used of them, and where the billing month is heading. */

import { gauge } from "../chart.js";
import { exact } from "../columns.js";
import { h } from "../dom.js";
import { dayLong, number, percent, range, rangeShort } from "../format.js";
import {
  gaugeOf,
  gaugeOfToday,
  lengthOf,
  measureOf,
  MEASURES,
  noteOf,
  noteOfToday,
  todayOf,
} from "../outlook.js";
import { moves, outlook } from "../outlook-panels.js";

const REACH = { period: "3m", limit: 100 }; // holds every billing month, so that all can be asked at once

export default {
  id: "quota",
  title: "Quota",
  file: "quota",
  controls: [],
  async load(state, get) {
    const [quota, days, history] = await Promise.all([
      get("usage/quota"),
      get("usage/daily", new URLSearchParams(REACH)),
      get("usage/quota/history", new URLSearchParams({ period: REACH.period })),
    ]);
    return { quota, days, history };
  },
  render({ quota: { data }, days, history }, state) {
    const measure = measureOf(state);
    return [
      heading(data, state),
      limits(data),
      h("div.outlook", {}, outlook(data, days.data, measure, state), moves(data, history.data, measure)),
    ];
  },
};

function heading({ billing_period: period, tier }, { filters }) {
  return h(
    "p.billing",
    {},
    h("span", {}, "Billing month ", h("strong", {}, range(period))),
    h("span.badge", {}, "Tier ", h("bdi", {}, tier)),
    Object.keys(filters).length > 0 &&
      h("span.muted", {}, "Limits count all usage: filters do not narrow them."),
  );
}

function limits(data) {
  const month = rangeShort(data.billing_period);
  const elapsed = data.projection.basis.elapsed_fraction;
  return h(
    "section",
    { "aria-label": "Limits" },
    h(
      "ul.limits",
      {},
      limited("Tokens used today", dayLong(todayOf(data)), "tokens", gaugeOfToday(data), noteOfToday(data)),
      limited("Tokens used this month", month, "tokens", gaugeOf(data, "tokens"), noteOf(data, "tokens")),
      limited("Monthly spend", month, "spend", gaugeOf(data, "spend"), noteOf(data, "spend")),
      fact(
        "Days remaining",
        "Today included",
        exact(data.days_remaining, number(data.days_remaining)),
        `Of ${number(lengthOf(data.billing_period))}; ${percent(100 * elapsed)} of the time has passed`,
      ),
      fact("Projected month-end usage", "Linear extrapolation", ...projected(data)),
    ),
  );
}

function limited(title, when, measure, { used, limit, percent: part }, note) {
  const { colour, write, precise } = MEASURES[measure];
  const length = `${write(used)} of ${write(limit)}`.length;
  return h(
    "li.card.limit",
    {},
    head(title, when),
    gauge({ percent: part, text: limit == null ? "∞" : percent(part), kind: colour }),
    h(
      "p.limit-figure",
      { vars: { length } },
      used == null
        ? h("span.badge.badge-warning", {}, "unpriced")
        : h("data", { value: used, title: precise(used) }, write(used)),
      limit != null && [
        h("span.muted", {}, " of "),
        h("data.muted", { value: limit, title: precise(limit) }, write(limit)),
      ],
    ),
    h("p.card-note", {}, note),
  );
}

function fact(title, when, figure, ...notes) {
  return h(
    "li.card.fact",
    {},
    head(title, when),
    h("p.card-figure", {}, figure),
    notes.filter(Boolean).map((note) => h("p.card-note", {}, note)),
  );
}

const head = (title, when) => h("div.card-head", {}, h("h2", {}, title), h("span.muted", {}, when));

function projected(data) {
  const [tokens, spend] = ["tokens", "spend"].map((measure) => {
    const { projected: value, limit } = gaugeOf(data, measure);
    const { write, precise } = MEASURES[measure];
    const share = value != null && limit != null && percent((100 * value) / limit);
    return { value, share, shown: value != null && h("data", { value, title: precise(value) }, write(value)) };
  });
  if (tokens.value == null) return [exact(null, "–"), "Not enough data yet"];
  return [
    [tokens.shown, h("span.figure-unit", {}, " tokens")],
    tokens.share && `${tokens.share} of the limit`,
    spend.shown
      ? h("span", {}, "Spend ", spend.shown, spend.share && `, ${spend.share} of the budget cap`)
      : "Spend unknown: no prices",
  ];
}
