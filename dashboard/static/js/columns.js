/** The columns that several tables share. A column says how a cell, its total and its comparison read. */

import { h, hidden, icon } from "./dom.js";
import { average, compact, count, number, percent, range, usd, usdExact } from "./format.js";
import { nameOf } from "./names.js";
import { toggleFilter } from "./state.js";

/**
 * @typedef {object} Column
 * @property {string} key       its name in the answer
 * @property {string} title
 * @property {(row: object, answer: object) => Node|string} cell
 * @property {((totals: object) => Node|string)=} total
 * @property {((row: object, answer: object) => Node|string)=} inner  of a row inside another
 * @property {string=} sort     the API's name of the order, if it can be sorted
 * @property {boolean=} numeric
 * @property {boolean=} compared  has previous_… and …_change_percent
 * @property {boolean=} more    is shown with "All columns" only
 */

const plain = (key, title, more = false) => ({
  key,
  title,
  more,
  sort: key,
  numeric: true,
  cell: (row) => exact(row[key], number(row[key])),
  total: (totals) => exact(totals[key], number(totals[key])),
});

export const requests = { ...plain("requests", "Requests"), compared: true };
export const tokens = {
  ...plain("tokens", "Tokens"),
  compared: true,
  cell: (row, { totals: { tokens: whole } }) =>
    exact(
      row.tokens,
      number(row.tokens),
      row.tokens > 0 && whole > 0
        ? {
            class: "share",
            vars: { share: row.tokens / whole },
            title: `${percent((100 * row.tokens) / whole)} of all tokens`,
          }
        : {},
    ),
};
export const cost = {
  key: "cost_usd",
  title: "Cost (USD)",
  sort: "cost_usd",
  numeric: true,
  compared: true,
  cell: (row) => costOf(row),
  total: (totals) => costOf(totals),
};
export const averageTokens = {
  key: "average_tokens",
  title: "Avg tokens/request",
  sort: "average_tokens",
  numeric: true,
  cell: (row) => exact(row.average_tokens, average(row.average_tokens)),
  total: (totals) => average(totals.requests ? totals.tokens / totals.requests : null),
};
export const details = [
  plain("input_tokens", "Input tokens", true),
  plain("output_tokens", "Output tokens", true),
  plain("cache_read_input_tokens", "Cached input", true),
  plain("reasoning_output_tokens", "Reasoning", true),
];

/** A number as it is shown, with the exact one for machines. */
export function exact(value, text, properties = {}) {
  return value == null ? h("span.muted", {}, text) : h("data", { value, ...properties }, text);
}

/** A cost; unknown ones say so, and partly known ones say what they lack. */
export function costOf({ cost_usd: value, unpriced_requests: unpriced = 0 }) {
  const lacking = unpriced > 0 && `${count(unpriced, "request")} without a known price`;
  if (value == null) return h("span.badge.badge-warning", { title: lacking }, "unpriced");
  return h(
    "span.cost",
    {},
    lacking &&
      h("span.lacking", { title: `Without ${lacking}` }, icon("alert"), hidden(`without ${lacking}`)),
    h("data", { value, title: usdExact(value) }, usd(value)),
  );
}

/** How a number moved against the period before. */
export function delta(figures, key) {
  if (!(`previous_${key}` in figures)) return null;
  const [moved, then] = [figures[`${key}_change_percent`], figures[`previous_${key}`]];
  const was = `Previous period: ${then == null ? "unknown" : key === "cost_usd" ? usd(then) : number(then)}`;
  if (moved == null) return h("span.delta", { title: was }, !then && figures[key] ? "new" : "–");
  return h(
    "span.delta",
    { title: was },
    moved !== 0 && icon(moved > 0 ? "arrow-up" : "arrow-down"),
    hidden(moved > 0 ? "up " : moved < 0 ? "down " : ""),
    percent(Math.abs(moved)),
  );
}

/** A value that filters everything when it is clicked. */
export function value(dimension, one, label = nameOf(dimension, one)) {
  return h(
    "button.cell-link",
    {
      type: "button",
      title: `Filter by ${label}`,
      onclick: () => toggleFilter(dimension, one ?? "(none)"),
    },
    h("bdi", {}, label),
  );
}

/** The period, and its three sums, above a table. */
export function sums({ totals, period, previous_period: then }) {
  const one = (title, key, shown, full) =>
    h(
      "div.sum",
      {},
      h("dt", {}, title),
      h("dd", {}, h("data.sum-value", { value: totals[key] ?? "", title: full }, shown), delta(totals, key)),
    );
  return h(
    "div.sums",
    {},
    h(
      "dl",
      {},
      one("Requests", "requests", number(totals.requests)),
      one("Tokens", "tokens", compact(totals.tokens), number(totals.tokens)),
      one(
        "Cost (USD)",
        "cost_usd",
        totals.cost_usd == null ? "unpriced" : usd(totals.cost_usd),
        usdExact(totals.cost_usd),
      ),
    ),
    h("p.muted", {}, range(period), then && h("span.sums-then", {}, ` compared with ${range(then)}`)),
  );
}
