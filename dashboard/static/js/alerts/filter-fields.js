/** The filter of the form: a chip for each value, and what adds one, with suggestions from the API. */

import { get, Problem } from "../api.js";
import { debounced, h, hidden, icon } from "../dom.js";
import { DIMENSIONS, meet, nameOf } from "../names.js";
import { group } from "./field.js";

const NAMES = ["feature", "product", "provider", "model", "user"];
const OFFERED = 50;

export function filterFields(filter) {
  const list = h(
    "ul.chips",
    { "aria-label": "Only this usage" },
    NAMES.flatMap((name) => (filter[name] ?? []).map((value) => chip(name, value))),
  );
  return [
    h(
      "div.filter-fields",
      {},
      group(
        "Filter",
        "filter",
        "Only this usage is measured. Values of one kind add up: any of them. Without a filter all usage is.",
        list,
        adder(list),
      ),
    ),
    h(
      "p.no-filter.field-help",
      {},
      "This metric is measured against a limit of the whole organisation, and takes no filter.",
    ),
  ];
}

/** A dimension, a value of it, and the button that makes a chip of them. */
function adder(list) {
  const options = NAMES.map((name) => h("option", { value: name }, DIMENSIONS[name].title));
  const select = h("select.input", { id: "filter-name", "aria-label": "Filter by" }, options);
  const offers = h("datalist", { id: "filter-offers" });
  const input = h("input.input", {
    id: "filter-value",
    list: offers.id,
    maxlength: 128,
    autocomplete: "off",
    placeholder: "Any",
    "aria-label": "Value",
  });
  const offer = () => suggest(offers, select.value, input.value.trim());
  const add = () => {
    take(list, select.value, input);
    input.focus();
  };
  select.addEventListener("change", () => {
    input.value = "";
    offer();
  });
  input.addEventListener("focus", () => !offers.childElementCount && offer());
  input.addEventListener("input", debounced(offer));
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !input.value.trim()) return;
    event.preventDefault();
    add();
  });
  const button = h("button.button", { id: "filter-add", type: "button", onclick: add }, icon("plus"), "Add");
  return h("div.filter-adder", {}, select, input, offers, button);
}

function chip(name, value) {
  const remove = (event) => {
    const form = event.currentTarget.form;
    event.currentTarget.closest("li").remove();
    form.dispatchEvent(new Event("input"));
    form.querySelector("#filter-value").focus();
  };
  return h(
    "li",
    { "data-name": name, "data-value": value },
    h(
      "button.chip",
      { type: "button", onclick: remove },
      h("span.chip-name", {}, DIMENSIONS[name].title),
      h("bdi", {}, nameOf(name, value)),
      icon("x"),
      hidden(", remove filter"),
    ),
  );
}

/** Makes a chip of what is typed. */
function take(list, name, input) {
  const value = input.value.trim();
  const isThere = [...list.children].some(({ dataset }) => dataset.name === name && dataset.value === value);
  if (value && !isThere) list.append(chip(name, value));
  input.value = "";
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

/** The values of a dimension in the last 30 days that begin as is typed. */
async function suggest(offers, name, q) {
  const { path, key } = DIMENSIONS[name];
  const query = new URLSearchParams({ period: "30d", limit: OFFERED });
  if (q) query.set("q", q);
  offers.dataset.asked = query;
  try {
    const { data } = await get(path, query);
    if (offers.dataset.asked !== `${query}`) return; // a later answer stands there, or comes
    meet(data);
    const values = [...new Set(data.map((row) => row[key]).filter((one) => one != null))];
    offers.replaceChildren(...values.map((value) => h("option", { value, label: nameOf(name, value) })));
  } catch (error) {
    if (!(error instanceof Problem)) throw error; // without suggestions it goes on
  }
}

/** The wanted values of each dimension; what is typed and not added yet is meant, too. */
export function readFilter(form) {
  const found = {};
  const add = (name, value) => value && !found[name]?.includes(value) && (found[name] ??= []).push(value);
  for (const { dataset } of form.querySelectorAll(".filter-fields .chips > li"))
    add(dataset.name, dataset.value);
  add(form.querySelector("#filter-name").value, form.querySelector("#filter-value").value.trim());
  return found;
}
