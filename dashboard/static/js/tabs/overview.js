/** The key metrics at a glance, and the daily usage. */

import { meter } from "../chart.js";
import { costOf, exact, value } from "../columns.js";
import { h } from "../dom.js";
import { bucketOf, daily } from "../daily.js";
import { compact, count, number, percent, rangeShort, share } from "../format.js";
import { link, question } from "../state.js";
import { empty } from "../states.js";

const BARS = 6; // of a ranking
const SLICES = ["azure.ai.openai", "azure.ai.inference", "anthropic"]; // each provider keeps its colour

export default {
  id: "overview",
  title: "Overview",
  file: "daily",
  controls: ["period", "filters", "compare"],
  exported: (state) => ({ bucket: bucketOf(state) }),
  async load(state, get) {
    const [summary, days, features, models] = await Promise.all([
      get("usage/summary", question(state)),
      get("usage/daily", question(state, { bucket: bucketOf(state), limit: 1_000 })),
      get("usage/by-feature", question(state, { limit: BARS })),
      get("usage/by-model", question(state, { limit: BARS })),
    ]);
    return { summary, days, features, models };
  },
  render({ summary: { data, totals }, days, features, models }, state) {
    const shown = totals.requests ? [daily(days, state), rankings(features, models)] : empty(state);
    return [cards(data), shown];
  },
};

function cards(data) {
  const month = rangeShort(data.billing_period);
  return h(
    "section",
    { "aria-label": "Key metrics" },
    h(
      "ul.cards",
      {},
      card(
        "Tokens used",
        month,
        h(
          "data",
          { value: data.tokens_this_month, title: number(data.tokens_this_month) },
          compact(data.tokens_this_month),
        ),
        limit(data),
      ),
      card(
        "AI cost this month",
        month,
        costOf({ cost_usd: data.cost_this_month_usd }), // the note says what it lacks
        data.unpriced_requests_this_month > 0 &&
          h("p.card-note", {}, `Without ${count(data.unpriced_requests_this_month, "unpriced request")}`),
      ),
      card(
        "Requests today",
        "Today",
        h("data", { value: data.requests_today }, number(data.requests_today)),
        h("p.card-note", {}, "From all sources"),
      ),
      card(
        "Active users",
        month,
        h("data", { value: data.active_users_this_month }, number(data.active_users_this_month)),
        h("p.card-note", {}, "With at least one AI request"),
      ),
      card(
        "Top feature",
        month,
        data.top_feature ? value("feature", data.top_feature) : "–",
        h("p.card-note", {}, "By tokens"),
      ),
      card("Provider breakdown", month, null, providers(data.providers)),
    ),
  );
}

function card(title, when, figure, rest) {
  return h(
    "li.card",
    {},
    h("div.card-head", {}, h("h2", {}, title), h("span.muted", {}, when)),
    figure && h("p.card-figure", { vars: { length: figure.textContent?.length } }, figure),
    rest,
  );
}

function limit({ tokens_this_month: used, token_limit: most, tokens_percent: part }) {
  if (most == null) return h("p.card-note", {}, "No limit");
  return [
    meter({ percent: part, label: `${percent(part)} of the limit` }),
    h(
      "p.card-note",
      {},
      h("span", {}, `${percent(part)} of ${compact(most)} limit`),
      h("span.visually-hidden", {}, `: ${number(used)} of ${number(most)}`),
    ),
  ];
}

/** The share of each provider; only those with requests take part in the bar. */
function providers(all) {
  const slice = ({ provider }) =>
    `slice-${SLICES.includes(provider) ? SLICES.indexOf(provider) : SLICES.length}`;
  return [
    h(
      "div.shares",
      { "aria-hidden": "true" },
      all
        .filter((one) => one.requests)
        .map((one) => h(`span.slice.${slice(one)}`, { vars: { part: one.percent } })),
    ),
    h(
      "ul.legend",
      {},
      all.map((one) =>
        h(
          "li",
          {},
          h(`span.key.${slice(one)}`),
          h("bdi", {}, one.name),
          h("data", { value: one.percent ?? "" }, share(one.percent ?? 0)),
        ),
      ),
    ),
  ];
}

function rankings(features, models) {
  return h(
    "div.panels",
    {},
    ranking(
      "feature",
      "Top features",
      features,
      h(
        "a.button.button-quiet",
        { href: link({ tab: "by-feature" }) },
        `All ${number(features.pagination.total)}`,
      ),
    ),
    ranking("model", "Top models", models),
  );
}

function ranking(dimension, title, { data, totals }, more) {
  const most = Math.max(1, ...data.map((row) => row.tokens));
  const part = (row) => share(totals.tokens ? (100 * row.tokens) / totals.tokens : 0);
  return h(
    "section.panel",
    { "aria-label": title },
    h("div.panel-bar", {}, h("h2", {}, title), more),
    h(
      "ul.ranking",
      {},
      data.map((row) =>
        h(
          "li",
          { vars: { part: row.tokens / most } },
          value(dimension, row[dimension]),
          h("span.ranking-share.muted", {}, part(row)),
          exact(row.tokens, compact(row.tokens), { title: `${number(row.tokens)} tokens` }),
          costOf(row),
        ),
      ),
    ),
  );
}
