/** The daily usage: tokens and cost side by side, as bars or as a table. */

import { series } from "./chart.js";
import { costOf, delta, exact } from "./columns.js";
import { h, icon } from "./dom.js";
import { compact, day, dayLong, number, range, usd, usdCompact, usdExact } from "./format.js";
import { go } from "./state.js";

const BARS = 100; // more points than that are drawn as a line

/** The panel. `answer` is that of usage/daily. */
export function daily(answer, state) {
  const isTable = state.view.as === "table";
  return h(
    "section.panel",
    { "aria-labelledby": "daily-title" },
    h(
      "div.panel-bar",
      {},
      h(
        "div",
        {},
        h("h2", { id: "daily-title" }, byMonth(answer) ? "Monthly usage" : "Daily usage"),
        h("p.muted", {}, range(answer.period), before(answer)),
      ),
      h("div.panel-tools", {}, buckets(answer, state), viewToggle(isTable)),
    ),
    isTable ? dayTable(answer) : plots(answer),
  );
}

const byMonth = (answer) => answer.data[0]?.day.length === 7;
const before = ({ previous_period: then }) =>
  then && [" compared with ", h("span.key.key-previous"), ` ${range(then)}`];

function plots(answer) {
  return h(
    "div.plots",
    { "data-plots": true },
    half(answer, {
      key: "tokens",
      title: "Tokens",
      colour: "tokens",
      tick: compact,
      format: number,
      big: compact,
    }),
    half(answer, {
      key: "cost_usd",
      title: "Cost (USD)",
      colour: "cost",
      tick: usdCompact,
      format: usd,
      big: usd,
    }),
  );
}

function half({ data, totals, period }, { key, title, colour, tick, format, big }) {
  const values = data.map((row) => row[key]);
  const kind = data.length > BARS ? "area" : "bar";
  const then = data.some((row) => `previous_${key}` in row) && {
    label: "Previous period",
    values: data.map((row) => row[`previous_${key}`]),
    ...(kind === "bar"
      ? { colour: "previous-soft", behind: true }
      : { colour: "previous", kind: "line", dashed: true }),
  };
  return h(
    "figure.plot",
    {},
    h(
      "figcaption",
      {},
      h(`span.key.key-${colour}`),
      h("span.plot-title", {}, title),
      h(
        "data.plot-total",
        { value: totals[key] ?? "", title: key === "tokens" ? number(totals[key]) : usdExact(totals[key]) },
        totals[key] == null ? "unpriced" : big(totals[key]),
      ),
      delta(totals, key),
    ),
    h(
      "div.plot-area",
      {},
      series({
        label: summary(title, data, key, format),
        labels: data.map((row) => day(row.day)),
        tick,
        format,
        series: [
          {
            label: title,
            values,
            colour,
            kind,
            faint: (index) => partOf(data[index].day, period) !== "",
          },
          then,
        ].filter(Boolean),
        title: (index) => dayLong(data[index].day) + partOf(data[index].day, period),
        onPick: byMonth({ data })
          ? null
          : (index) => go({ period: "custom", from: data[index].day, to: data[index].day }),
      }),
    ),
  );
}

/** Whether a day or month may still grow; the reader's own clock is good enough for a lighter bar. */
const isRunning = (text) => text >= new Date(Date.now() - 43_200_000).toISOString().slice(0, text.length);

/** What a bar does not hold of its month or day, in words. */
function partOf(text, { from }) {
  if (isRunning(text)) return " (so far)";
  return text.length === 7 && from > `${text}-01` ? ` (from ${day(from)})` : "";
}

function summary(title, data, key, format) {
  const known = data.filter((row) => row[key] != null);
  if (!known.length) return `${title}: unknown`;
  const top = known.reduce((best, row) => (row[key] > best[key] ? row : best));
  return `${title} from ${dayLong(data[0].day)} to ${dayLong(data.at(-1).day)}; most on ${dayLong(top.day)}: ${format(top[key])}`;
}

function dayTable({ data, totals }) {
  const row = (first, one, cell) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, first),
      ["requests", "tokens"].map((key) =>
        h(cell, { class: "numeric" }, exact(one[key], number(one[key])), delta(one, key)),
      ),
      h(cell, { class: "numeric" }, costOf(one), delta(one, "cost_usd")),
    );
  return h(
    "div.table-scroll.is-tall",
    { id: "daily-scroll", tabindex: "0", role: "region", "aria-label": "Daily usage, table" },
    h(
      "table",
      {},
      h("caption.visually-hidden", {}, "Daily usage"),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, "Day"),
          ["Requests", "Tokens", "Cost (USD)"].map((title) =>
            h("th", { scope: "col", class: "numeric" }, title),
          ),
        ),
      ),
      h(
        "tbody",
        {},
        data.toReversed().map((one) => row(dayLong(one.day), one, "td")),
      ),
      h("tfoot", {}, row("Total", totals, "td")),
    ),
  );
}

/** Switches a plot and its table. */
export function viewToggle(isTable) {
  return h(
    "button.button.button-quiet",
    {
      id: "as-table",
      type: "button",
      "aria-pressed": isTable,
      onclick: () => go({ view: { as: isTable ? "" : "table" } }),
    },
    icon("table"),
    "View as table",
  );
}

function buckets(answer, { view }) {
  const { from, to } = answer.period;
  if (Date.parse(to) - Date.parse(from) < 45 * 86_400_000) return null;
  const one = (bucket, text) =>
    h(
      "button.segment",
      {
        id: `bucket-${bucket}`,
        type: "button",
        "aria-pressed": byMonth(answer) === (bucket === "month"),
        onclick: () => go({ view: { ...view, bucket } }),
      },
      text,
    );
  return h(
    "div.segments",
    { role: "group", "aria-label": "Each bar is a" },
    one("day", "Days"),
    one("month", "Months"),
  );
}

/** How the days are grouped: as the state says, else months for a year. */
export const bucketOf = (state) => state.view.bucket ?? (state.period === "12m" ? "month" : "day");
