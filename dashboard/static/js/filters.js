/** Filters: chips of those that are set, and the panel that adds one. */

import { get } from "./api.js";
import { debounced, h, hidden, icon } from "./dom.js";
import { compact } from "./format.js";
import { DIMENSIONS, meet, nameOf } from "./names.js";
import { arrows, popover } from "./popover.js";
import { FILTERS, go, NONE, question, toggleFilter } from "./state.js";

const OFFERED = 50;

/** A chip for each value, which takes it away. */
export function chips({ filters }) {
  const all = Object.entries(filters).flatMap(([name, values]) => values.map((value) => [name, value]));
  if (!all.length) return null;
  return h(
    "ul.chips",
    { "aria-label": "Filters" },
    all.map(([name, value]) =>
      h(
        "li",
        {},
        h(
          "button.chip",
          { type: "button", onclick: () => toggleFilter(name, value) },
          h("span.chip-name", {}, DIMENSIONS[name].title),
          h("bdi", {}, nameOf(name, value)),
          icon("x"),
          hidden(", remove filter"),
        ),
      ),
    ),
    all.length > 1 &&
      h(
        "li",
        {},
        h("button.button.button-quiet", { type: "button", onclick: () => go({ filters: {} }) }, "Clear all"),
      ),
  );
}

/** The button and the panel: first a dimension, then its values as the API has them in this period. */
export function addFilter(state) {
  return popover({
    id: "add-filter",
    label: "Add a filter",
    kind: ".menu",
    button: [icon("filter"), "Add filter"],
    fill: (close) => {
      const panel = h("div", { onkeydown: arrows });
      const ask = (name) => panel.replaceChildren(values(name, state, close, choose));
      const choose = () => {
        panel.replaceChildren(
          ...FILTERS.map((name) =>
            h(
              "button.menu-item",
              { type: "button", onclick: () => ask(name) },
              DIMENSIONS[name].title,
              icon("chevron-right"),
            ),
          ),
        );
        panel.firstChild.focus();
      };
      choose();
      return panel;
    },
  });
}

function values(name, state, close, back) {
  const { title, path, key } = DIMENSIONS[name];
  const list = h("div.menu-list", { role: "group", "aria-label": `${title}s`, "aria-busy": "true" });
  let asked;
  const offer = async (q) => {
    asked = q;
    try {
      const answer = await get(
        path,
        question({ ...state, compare: false, filters: {} }, { q, sort: "-requests", limit: OFFERED }),
      );
      if (asked !== q) return; // a later answer stands there, or comes
      meet(answer.data);
      list.replaceChildren(...options(name, key, unique(answer.data, key), state, close));
    } catch (error) {
      list.replaceChildren(h("p.nothing", {}, error.title ?? error.message));
    }
    list.removeAttribute("aria-busy");
  };
  offer("");
  const search = h("input.input", {
    type: "search",
    placeholder: `Search ${title.toLowerCase()}s`,
    "aria-label": `Search ${title.toLowerCase()}s`,
    maxlength: 128,
    autocomplete: "off",
    oninput: debounced((event) => offer(event.target.value.trim())),
  });
  queueMicrotask(() => search.focus());
  return h(
    "div",
    {},
    h(
      "div.menu-head",
      {},
      h(
        "button.button.button-quiet.button-icon",
        { type: "button", onclick: back },
        icon("chevron-left"),
        hidden("Back"),
      ),
      search,
    ),
    list,
  );
}

function options(name, key, rows, { filters }, close) {
  if (!rows.length) return [h("p.nothing", {}, "Nothing found in this period.")];
  return rows.map((row) => {
    const value = row[key] ?? NONE;
    const isSet = (filters[name] ?? []).includes(value);
    return h(
      "button.menu-item",
      {
        type: "button",
        "aria-pressed": isSet,
        onclick: () => {
          close();
          toggleFilter(name, value);
        },
      },
      h("bdi", {}, nameOf(name, value)),
      isSet ? icon("check") : h("span.muted", {}, compact(row.requests)),
    );
  });
}

/** One row a value: a model may stand there once for each provider. */
function unique(rows, key) {
  const found = new Map();
  for (const row of rows) {
    const before = found.get(row[key]);
    found.set(row[key], before ? { ...before, requests: before.requests + row.requests } : row);
  }
  return [...found.values()];
}
