/** The thresholds of the form: one to five numbers in the unit of the metric. */

import { h, hidden, icon } from "../dom.js";
import { group } from "./field.js";

const MOST = 5;
const SIGNS = { percent: "%", usd: "$", count: "" };

export function thresholdFields(values) {
  const list = h("ul.thresholds", {}, values.map(row));
  const add = h(
    "button.button.button-quiet",
    { id: "add-threshold", type: "button" },
    icon("plus"),
    "Add a threshold",
  );
  add.addEventListener("click", () => {
    list.append(row(""));
    setUnit(list.closest("form"), list.dataset.unit);
    changed(list);
    list.lastChild.querySelector("input").focus();
  });
  tidy(list, add);
  list.addEventListener("threshold:gone", () => changed(list));
  return group("Threshold", "thresholds", "", list, add);
}

function row(value) {
  const remove = (event) => {
    const item = event.currentTarget.closest("li");
    const list = item.parentElement;
    item.remove();
    list.dispatchEvent(new Event("threshold:gone"));
    list.lastChild.querySelector("input").focus();
  };
  return h(
    "li",
    { "data-field": "thresholds" },
    h(
      "div.threshold",
      {},
      h("span.unit", { "aria-hidden": "true" }),
      h("input.input", {
        name: "threshold",
        type: "number",
        min: "0",
        step: "any",
        value,
        "aria-label": "Threshold",
      }),
      h(
        "button.button.button-quiet.button-icon",
        { type: "button", onclick: remove },
        icon("x"),
        hidden("Remove this threshold"),
      ),
    ),
    h("p.field-problem"),
  );
}

function changed(list) {
  tidy(list, list.closest("form").querySelector("#add-threshold"));
  list.dispatchEvent(new Event("input", { bubbles: true }));
}

/** The last one stays, and there are not too many. */
function tidy(list, add) {
  add.hidden = list.children.length >= MOST;
  for (const button of list.querySelectorAll("button")) button.hidden = list.children.length === 1;
}

/** Shows the unit of the metric beside each number. */
export function setUnit(form, unit) {
  const list = form.querySelector(".thresholds");
  list.dataset.unit = unit;
  for (const sign of list.querySelectorAll(".unit")) sign.textContent = SIGNS[unit];
  for (const input of list.querySelectorAll("input")) input.setAttribute("aria-label", NAMES[unit]);
}

const NAMES = { percent: "Threshold in percent", usd: "Threshold in US dollars", count: "Threshold" };

/** The numbers; one that is none is NaN. */
export const readThresholds = (form) =>
  [...form.querySelectorAll("input[name=threshold]")].map((input) => input.valueAsNumber);
