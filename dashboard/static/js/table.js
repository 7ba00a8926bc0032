/** A table of one page of a view; sorting, searching and paging are the API's. */

import { delta } from "./columns.js";
import { debounced, h, hidden, icon } from "./dom.js";
import { number } from "./format.js";
import { go } from "./state.js";

export const PAGE = 50; // rows

/** The parameters of the API for what the table shows. */
export const page = ({ view }) => ({
  sort: view.sort,
  q: view.q,
  limit: PAGE,
  offset: view.page > 1 ? (Math.min(view.page, 200_000) - 1) * PAGE : null,
});

/**
 * @param {object} table
 * @param {string} table.title    what the rows are; the caption
 * @param {import("./columns.js").Column[]} table.columns
 * @param {object} table.answer   of the API: data, totals, pagination
 * @param {import("./state.js").State} table.state
 * @param {string} table.order    how it is sorted unless the state says
 * @param {string=} table.search  the label of the search field, if it has one
 * @param {((row: object) => object[])=} table.inside  rows below a row, shown when it is unfolded
 * @param {string=} table.key     the key of rows that can be unfolded
 */
export function table({ title, columns, answer, state, order, search, inside, key }) {
  const shown = columns.filter((column) => !column.more || state.view.columns === "all");
  const rows = answer.data.flatMap((row) => {
    const isOpen = inside && (state.view.open ?? "").split(",").includes(row[key]);
    return [
      bodyRow(shown, row, answer),
      ...(isOpen ? inside(row).map((one) => innerRow(shown, one, answer)) : []),
    ];
  });
  return h(
    "section.panel.table-panel",
    { "aria-label": title },
    h(
      "div.panel-bar",
      {},
      h("h2", {}, title),
      h(
        "div.panel-tools",
        {},
        search && searchField(search, state),
        columns.length > columns.filter((column) => !column.more).length && columnsButton(state),
      ),
    ),
    rows.length
      ? h(
          "div.table-scroll",
          { id: "table-scroll", tabindex: "0", role: "region", "aria-label": `${title}, table` },
          h(
            "table",
            {},
            h("caption.visually-hidden", {}, title),
            h(
              "thead",
              {},
              h(
                "tr",
                {},
                shown.map((column) => heading(column, state.view.sort ?? order)),
              ),
            ),
            h("tbody", {}, rows),
            h("tfoot", {}, footRow(shown, answer)),
          ),
        )
      : h("p.nothing", {}, state.view.q ? `Nothing has “${state.view.q}” in its name.` : "Nothing to show."),
    pager(answer.pagination, state),
  );
}

function heading(column, sorted) {
  const properties = { scope: "col", class: column.numeric ? "numeric" : null };
  if (!column.sort) return h("th", properties, column.title);
  const isDescending = sorted === `-${column.sort}`;
  const isSorted = isDescending || sorted === column.sort;
  const [first, other] = column.numeric ? [`-${column.sort}`, column.sort] : [column.sort, `-${column.sort}`];
  return h(
    "th",
    { ...properties, "aria-sort": isSorted ? (isDescending ? "descending" : "ascending") : null },
    h(
      "button.sorter",
      {
        id: `sort-${column.key}`,
        type: "button",
        onclick: () => go({ view: { sort: sorted === first ? other : first } }),
      },
      column.title,
      h("span.sort-mark", {}, icon(isSorted && !isDescending ? "arrow-up" : "arrow-down")),
    ),
  );
}

/** A row; the first cell is its heading. */
function rowOf(columns, kind, cells) {
  return h(
    kind,
    {},
    columns.map((column, index) =>
      h(
        index ? "td" : "th",
        { scope: index ? null : "row", class: column.numeric ? "numeric" : null },
        cells(column, index),
      ),
    ),
  );
}

const bodyRow = (columns, row, answer) =>
  rowOf(columns, "tr", (column) => [column.cell(row, answer), column.compared && delta(row, column.key)]);

const innerRow = (columns, row, answer) =>
  rowOf(columns, "tr.inner", (column) =>
    (column.inner ?? (column.key in row ? column.cell : () => null))(row, answer),
  );

const footRow = (columns, { totals }) =>
  rowOf(columns, "tr", (column, index) =>
    index ? [column.total?.(totals), column.compared && delta(totals, column.key)] : "Total",
  );

const searched = debounced((q) => go({ view: { q } }, { replace: true }));

function searchField(label, { view }) {
  return h(
    "label.search",
    {},
    icon("search"),
    hidden(label),
    h("input.input", {
      id: "search",
      type: "search",
      placeholder: label,
      value: view.q,
      maxlength: 128,
      autocomplete: "off",
      oninput: (event) => searched(event.target.value.trim()),
    }),
  );
}

function columnsButton({ view }) {
  const isAll = view.columns === "all";
  return h(
    "button.button.button-quiet",
    {
      id: "columns",
      type: "button",
      "aria-pressed": isAll,
      onclick: () => go({ view: { columns: isAll ? "" : "all" } }),
    },
    icon("columns"),
    "All columns",
  );
}

function pager({ limit, offset, total }, { view }) {
  const current = Math.max(1, Math.trunc(Number(view.page)) || 1);
  const step = (text, glyph, to, isOn) =>
    h(
      "button.button.button-quiet.button-icon",
      {
        id: `page-${glyph}`,
        type: "button",
        disabled: !isOn,
        onclick: () => go({ view: { page: to > 1 ? `${to}` : "" } }),
      },
      icon(glyph),
      hidden(text),
    );
  const last = Math.min(offset + limit, total);
  return h(
    "nav.pager",
    { "aria-label": "Pages" },
    h(
      "p.muted",
      {},
      total ? `${number(Math.min(offset + 1, total))}–${number(last)} of ${number(total)}` : "No rows",
    ),
    total > limit &&
      h(
        "div.pager-steps",
        {},
        step("Previous page", "chevron-left", current - 1, offset > 0),
        step("Next page", "chevron-right", current + 1, last < total),
      ),
  );
}
