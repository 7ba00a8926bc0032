/** Fields of the form: a label, a control, what helps, and what is wrong with it. */

import { h } from "../dom.js";

/** One control: `make` gets the properties that tie it to its label. */
export function field(label, name, make, help = "") {
  const id = `alert-${name}`;
  return h(
    "div.field",
    { "data-field": name },
    h("label", { for: id }, label),
    make({ id, name, "aria-describedby": `${id}-problem ${id}-help` }),
    ...notes(id, help),
  );
}

/** Several controls under one heading. */
export function group(label, name, help, ...controls) {
  const id = `alert-${name}`;
  return h(
    "fieldset.field",
    { "data-field": name, "aria-describedby": `${id}-problem ${id}-help` },
    h("legend", {}, label),
    controls,
    ...notes(id, help),
  );
}

const notes = (id, help) => [
  h("p.field-problem", { id: `${id}-problem` }),
  h("p.field-help", { id: `${id}-help` }, help),
];

/** Says what helps with a field. */
export function hint(form, name, text) {
  form.querySelector(`#alert-${name}-help`).textContent = text;
}

/** What can be said before the API is asked, as the API would. */
export function check({ thresholds, channels }) {
  const noMail = ({ to }) => to && (!to.length || to.some((one) => !/^[^@]+@[^@]+$/.test(one)));
  const wrong = (name, values, isWrong, reason) =>
    values.flatMap((value, index) => (isWrong(value) ? [{ field: `${name}.${index}`, reason }] : []));
  return [
    ...wrong("thresholds", thresholds, (one) => !(one > 0), "Enter a number above zero."),
    ...wrong("channels", channels, noMail, "Enter email addresses, separated by commas."),
    ...wrong("channels", channels, ({ url }) => url === "", "Enter a URL."),
  ];
}

/** Takes away what was said of errors. */
export function clear(form) {
  for (const one of form.querySelectorAll(".field-problem")) one.textContent = "";
  for (const one of form.querySelectorAll("[aria-invalid]")) one.removeAttribute("aria-invalid");
}

/** Says each error at its field, and goes to the first one. What has no field is said above all. */
export function showErrors(form, errors) {
  const controls = errors.map(({ field: name, reason }) => showError(form, name, reason));
  controls.find(Boolean)?.focus();
}

/** Says what is wrong with the whole. */
export function problemAt(form, text) {
  const place = form.querySelector(".form-problem");
  place.textContent = [place.textContent, text].filter(Boolean).join(" ");
  place.scrollIntoView({ block: "nearest" });
}

function showError(form, name, reason) {
  const place = placeOf(form, name);
  if (!place) return problemAt(form, `${name}: ${reason}`);
  const said = place.querySelector(".field-problem");
  const text = `${reason[0].toUpperCase()}${reason.slice(1)}`;
  said.textContent = [said.textContent, text].filter(Boolean).join(". ");
  const control = [...place.querySelectorAll("input, select, textarea")].find((one) => one.checkVisibility());
  control?.setAttribute("aria-invalid", "true");
  return control;
}

/** The field that an error's path names, or the nearest around it: `channels.1.url` is in `channels.1`. */
function placeOf(form, name) {
  const parts = name.split(".");
  for (let length = parts.length; length; length--) {
    const wanted = parts.slice(0, length).join(".");
    const found = [...form.querySelectorAll("[data-field]")].find((one) => fieldOf(one) === wanted);
    if (found) return found;
  }
  return null;
}

/** A row of a list is named by its place, which changes when others go. */
function fieldOf(element) {
  const { field: name } = element.dataset;
  if (!element.matches("li")) return name;
  return `${name}.${[...element.parentElement.children].indexOf(element)}`;
}
