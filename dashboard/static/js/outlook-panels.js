/** The billing month drawn: how far usage is, where it is heading, and how that forecast moved. */

import { series } from "./chart.js";
import { exact } from "./columns.js";
import { viewToggle } from "./daily.js";
import { h, icon } from "./dom.js";
import { day, dayLong, dayWritten } from "./format.js";
import { course, gaugeOf, lack, MEASURES, verdict } from "./outlook.js";
import { go } from "./state.js";

const ICONS = { good: "check", warning: "alert", error: "alert" };

/** The panel of the month's course. */
export function outlook(data, days, measure, state) {
  const isTable = state.view.as === "table";
  const points = course(data, days, measure);
  return h(
    "section.panel",
    { "aria-labelledby": "outlook-title" },
    h(
      "div.panel-bar",
      {},
      h("h2", { id: "outlook-title" }, "Where the month is heading"),
      h("div.panel-tools", {}, measures(measure), viewToggle(isTable)),
    ),
    verdictLine(verdict(data, measure), lack(data, measure)),
    isTable ? table(points, measure) : drawn(data, points, measure),
  );
}

function measures(current) {
  return h(
    "div.segments",
    { role: "group", "aria-label": "Measure" },
    Object.entries(MEASURES).map(([id, { title }]) =>
      h(
        "button.segment",
        {
          id: `measure-${id}`,
          type: "button",
          "aria-pressed": id === current,
          onclick: () => go({ view: { measure: id === "tokens" ? "" : id } }),
        },
        title,
      ),
    ),
  );
}

function verdictLine({ badge, kind, text }, note) {
  return h(
    "div.verdict",
    {},
    h("span", { class: `badge badge-${kind || "plain"}` }, ICONS[kind] && icon(ICONS[kind]), badge),
    h("p", {}, text, note && h("span.muted", {}, ` ${note}`)),
  );
}

function drawn(data, points, measure) {
  const { used, limit, reachedOn, projected } = gaugeOf(data, measure);
  if (used == null) return h("p.nothing", {}, "There is no known spend to draw.");
  const { colour, write, full, tick } = MEASURES[measure];
  const index = points.findIndex((point) => point.day === reachedOn);
  return h(
    "figure.plot",
    {},
    h(
      "figcaption.plot-keys",
      {},
      key(colour, "Used so far"),
      projected != null && key(`${colour} key-dashed`, `Projected: ${write(projected)}`),
      limit != null && key("limit", `Limit: ${write(limit)}`),
    ),
    h(
      "div.plot-area",
      {},
      series({
        label: verdict(data, measure).text,
        labels: points.map((point) => day(point.day)),
        tick,
        format: full,
        title: (at) => dayLong(points[at].day),
        mark: index >= 0 && { index, value: limit, text: dayWritten(reachedOn) },
        series: [
          { label: "Used so far", values: points.map(({ sum }) => sum ?? null), colour, kind: "area" },
          {
            label: "Projected",
            values: points.map((point) => point.projected),
            colour,
            kind: "line",
            dashed: true,
          },
          limit != null && { label: "Limit", values: points.map(() => limit), colour: "limit", kind: "line" },
        ].filter(Boolean),
      }),
    ),
  );
}

const key = (kind, text) => h("span.plot-key", {}, h("span", { class: `key-line key-${kind}` }), text);

function table(points, measure) {
  const { title, full } = MEASURES[measure];
  const cell = (value) => h("td.numeric", {}, exact(value, full(value), { title: MEASURES[measure].precise(value) }));
  return h(
    "div.table-scroll.is-tall",
    { id: "outlook-scroll", tabindex: "0", role: "region", "aria-label": "The billing month, table" },
    h(
      "table",
      {},
      h("caption.visually-hidden", {}, "The billing month by day"),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, "Day"),
          [title, "Used so far", "Projected"].map((text) => h("th.numeric", { scope: "col" }, text)),
        ),
      ),
      h(
        "tbody",
        {},
        points.map((point) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, dayLong(point.day)),
            cell(point.amount),
            cell(point.sum),
            cell(point.sum == null ? point.projected : null),
          ),
        ),
      ),
    ),
  );
}

/** The panel of the projections that were made on each day. `rows` are those of usage/quota/history. */
export function moves({ billing_period: { from } }, rows, measure) {
  const { title, write, ofSnapshot } = MEASURES[measure];
  const [value] = ofSnapshot;
  const found = rows.filter((row) => row.day >= from && row[value] != null);
  return h(
    "section.panel",
    { "aria-labelledby": "moves-title" },
    h(
      "div.panel-bar",
      {},
      h(
        "div",
        {},
        h("h2", { id: "moves-title" }, "How the projection moved"),
        h("p.muted", {}, `${title} at the month's end, as projected on each day`),
      ),
    ),
    found.length < 2 ? h("p.nothing", {}, nothing(found, value, write)) : drawnMoves(found, measure),
  );
}

function drawnMoves(rows, measure) {
  const { title, colour, full, tick, ofSnapshot } = MEASURES[measure];
  const [value, limit] = ofSnapshot;
  const hasLimit = rows.some((row) => row[limit] != null);
  const [first, last] = [rows[0], rows.at(-1)];
  const said = (row) => `on ${dayWritten(row.day)} ${full(row[value])}`;
  return h(
    "figure.plot",
    {},
    h("figcaption.plot-keys", {}, key(`${colour} key-dashed`, "Projected"), hasLimit && key("limit", "Limit")),
    h(
      "div.plot-area",
      {},
      series({
        label: `${title} projected for the month's end: ${said(first)}; ${said(last)}`,
        labels: rows.map((row) => day(row.day)),
        tick,
        format: full,
        fromZero: false,
        title: (at) => dayLong(rows[at].day),
        series: [
          { label: "Projected", values: rows.map((row) => row[value]), colour, kind: "line", dashed: true },
          hasLimit && { label: "Limit", values: rows.map((row) => row[limit]), colour: "limit", kind: "line" },
        ].filter(Boolean),
      }),
    ),
  );
}

function nothing(found, value, write) {
  if (!found.length) return "Nothing yet. The projection is kept once a day from now on.";
  const only = `${write(found[0][value])} on ${dayWritten(found[0].day)}`;
  return `So far there is one projection: ${only}. A line appears from the second day on.`;
}
