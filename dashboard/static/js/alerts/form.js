/** The form of an alert. What is typed lives in its fields alone, and is read when it is saved. */

import { get, Problem, send } from "../api.js";
import { announce, h, icon } from "../dom.js";
import { go, link } from "../state.js";
import { fail, path } from "./actions.js";
import { channelFields, readChannels } from "./channel-fields.js";
import { check, clear, field, hint, problemAt, showErrors } from "./field.js";
import { filterFields, readFilter } from "./filter-fields.js";
import { subheading } from "./head.js";
import { readThresholds, setUnit, thresholdFields } from "./threshold-fields.js";
import { nameFor, SEVERITIES } from "./words.js";

const SPANS = { month: "billing month", day: "day" };

/** `given` are the settings to start with; `version` says which ones, and is null for a new alert. */
export function form({ metrics, given, version }, { view }) {
  const isNew = version == null;
  const open = document.getElementById("alert-form");
  if (open?.dataset.id === view.id && open.dataset.isTouched) return [title(isNew, given), open]; // keeps what is typed
  const element = h(
    "form.panel.alert-form",
    { id: "alert-form", novalidate: true, "aria-labelledby": "alerts-title", "data-id": view.id },
    h("p.field-problem.form-problem", { role: "alert" }),
    parts(metrics, given),
    buttons(view.id, isNew),
  );
  element.addEventListener("input", () => {
    element.dataset.isTouched = "yes";
    suggestName(element, metrics);
  });
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    save(element, { id: view.id, metrics, version, isNew });
  });
  element.elements.metric.addEventListener("change", () => follow(element, metrics));
  follow(element, metrics);
  suggestName(element, metrics);
  return [title(isNew, given), element];
}

const title = (isNew, given) => subheading(isNew ? "New alert" : `Edit “${given.name}”`, "");

function parts(metrics, given) {
  const named = metrics.map(({ name, label }) => [name, label]);
  return [
    field("Metric", "metric", (tied) => choice(tied, named, given.metric)),
    thresholdFields(given.thresholds),
    filterFields(given.filter),
    channelFields(given.channels),
    h(
      "div.form-pair",
      {},
      field("Severity", "severity", (tied) => choice(tied, Object.entries(SEVERITIES), given.severity)),
      muteField(given.muted_until),
    ),
    field(
      "Name",
      "name",
      (tied) => h("input.input", { ...tied, value: given.name, maxlength: 128, autocomplete: "off" }),
      "Used in emails and tickets. Leave it empty to use the name in grey.",
    ),
    checkbox("notify_resolved", "Also tell when it is resolved", given.notify_resolved),
    checkbox("enabled", "Enabled", given.enabled),
  ];
}

/** One of several; each is a value and its text. */
function choice(tied, all, chosenValue) {
  return h(
    "select.input",
    tied,
    all.map(([value, text]) => h("option", { value, selected: value === chosenValue }, text)),
  );
}

function muteField(until) {
  return field(
    "Mute until",
    "muted_until",
    (tied) =>
      h("input.input", {
        ...tied,
        type: "datetime-local",
        value: localTime(until),
        max: "9999-12-31T23:59",
      }),
    "In the time zone of this device. Until then the alert is still checked, but nobody is told.",
  );
}

function buttons(id, isNew) {
  const away = { id: isNew ? "" : id, open: "" };
  return h(
    "div.form-buttons",
    {},
    h("button.button.button-primary", { id: "save", type: "submit" }, icon("check"), "Save"),
    h("a.button", { href: link({ view: away }) }, "Cancel"),
  );
}

const checkbox = (name, text, checked) =>
  h("label.check", {}, h("input", { id: `alert-${name}`, name, type: "checkbox", checked }), text);

/** What depends on the metric: the unit of thresholds, the period, and whether a filter goes with it. */
function follow(element, metrics) {
  const { unit, span, takes_filter: takesFilter, note } = chosen(element, metrics);
  setUnit(element, unit);
  hint(element, "metric", note);
  hint(element, "thresholds", `Each threshold notifies once per ${SPANS[span]}, when the value reaches it.`);
  element.querySelector(".filter-fields").hidden = !takesFilter;
  element.querySelector(".no-filter").hidden = takesFilter;
}

const chosen = ({ elements }, metrics) => metrics.find(({ name }) => name === elements.metric.value);

function suggestName(element, metrics) {
  element.elements.name.placeholder = suggested(element, metrics);
}

function suggested(element, metrics) {
  const { name, takes_filter: takesFilter } = chosen(element, metrics);
  return nameFor(name, takesFilter ? readFilter(element) : {}, metrics);
}

/** The settings as they stand in the fields. */
function settings(element, metrics) {
  const { elements } = element;
  const until = elements.muted_until.value;
  return {
    name: elements.name.value.trim() || suggested(element, metrics),
    metric: elements.metric.value,
    thresholds: readThresholds(element),
    severity: elements.severity.value,
    filter: chosen(element, metrics).takes_filter ? readFilter(element) : {},
    channels: readChannels(element),
    enabled: elements.enabled.checked,
    muted_until: until ? new Date(until).toISOString() : null,
    notify_resolved: elements.notify_resolved.checked,
  };
}

async function save(element, { id, metrics, version, isNew }) {
  const button = element.querySelector("#save");
  const asked = settings(element, metrics);
  clear(element);
  const wrong = check(asked);
  if (wrong.length) return showErrors(element, wrong);
  button.disabled = true;
  try {
    if (!isNew) await same(id, version);
    const saved = await (isNew ? send("POST", "usage/alerts", asked) : send("PUT", path(id), asked));
    delete element.dataset.isTouched;
    go({ view: { id: saved.id, open: "" } }, { replace: true });
    announce("The alert was saved.");
  } catch (error) {
    if (!(error instanceof Problem) || error.isUnauthorised) return fail(error);
    if (error.errors.length) showErrors(element, error.errors);
    else problemAt(element, `${error.title}. ${error.detail}`);
  } finally {
    button.disabled = false;
  }
}

/** Raises a Problem if somebody else has changed the rule since the form was opened. */
async function same(id, version) {
  const { updated_at: now } = await get(path(id));
  if (now === version) return;
  throw new Problem({
    status: 412,
    title: "Somebody else has changed this alert",
    detail: "Cancel to see what it says now. Nothing was saved.",
  });
}

/** A moment as a datetime-local field has it; empty for one that is over. */
function localTime(moment) {
  if (!moment || Date.parse(moment) < Date.now()) return "";
  const date = new Date(moment);
  return new Date(date - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
