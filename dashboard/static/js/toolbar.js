/** The row of controls above every tab: period, filters, comparison, Alerts and Export. */

import { download } from "./api.js";
import { announce, h, icon, show } from "./dom.js";
import { addFilter, chips } from "./filters.js";
import { range } from "./format.js";
import { arrows, popover } from "./popover.js";
import { go, link, PERIODS, question, read } from "./state.js";
import { find } from "./tabs/index.js";

const root = document.getElementById("toolbar");

/** Draws the controls that the current tab has. */
export function toolbar(state = read()) {
  const tab = find(state.tab);
  const has = (control) => tab.controls.includes(control);
  root.hidden = !tab.controls.length && !tab.file; // the Alerts tab has a row of its own
  show(
    root,
    h(
      "div.toolbar-row",
      {},
      has("period") && periodPicker(state),
      has("compare") && compareToggle(state),
      has("filters") && addFilter(state),
      h(
        "div.toolbar-end",
        {},
        h(
          "a.button",
          { id: "alerts", href: link({ tab: "alerts", view: { id: "" } }) },
          icon("bell"),
          "Alerts",
        ),
        tab.file && exportButton(tab, state),
      ),
    ),
    has("filters") && chips(state),
  );
}

function periodPicker(state) {
  const label = PERIODS[state.period] ?? range(state);
  return popover({
    id: "period",
    label: "Time period",
    kind: ".menu",
    button: [icon("calendar"), label],
    fill: (close) => [
      h(
        "div",
        { role: "radiogroup", "aria-label": "Time period", onkeydown: arrows },
        Object.entries(PERIODS).map(([period, text]) =>
          h(
            "button.menu-item",
            {
              type: "button",
              role: "radio",
              "aria-checked": state.period === period,
              onclick: () => {
                close();
                go({ period, from: "", to: "" });
              },
            },
            text,
            icon("check"),
          ),
        ),
      ),
      customRange(state, close),
    ],
  });
}

function customRange(state, close) {
  const field = (name, text) =>
    h(
      "label",
      {},
      text,
      h("input.input", {
        id: `custom-${name}`,
        type: "date",
        name,
        value: state[name],
        required: true,
        max: "9999-12-31",
      }),
    );
  const problem = h("p.field-problem", { role: "alert" });
  const apply = (event) => {
    event.preventDefault();
    const { from, to } = Object.fromEntries(new FormData(event.target));
    if (!from || !to || from > to) {
      problem.textContent = from && to ? "The first day is after the last." : "Choose both days.";
      return;
    }
    close();
    go({ period: "custom", from, to });
  };
  return h(
    "form.custom-range",
    { onsubmit: apply, novalidate: true, "aria-labelledby": "custom-title" },
    h("h2", { id: "custom-title" }, "Custom date range"),
    h("div.custom-days", {}, field("from", "From"), field("to", "To")),
    problem,
    h("button.button.button-primary", { type: "submit" }, "Apply"),
  );
}

function compareToggle({ compare }) {
  return h(
    "button.button",
    {
      id: "compare",
      type: "button",
      "aria-pressed": compare,
      title: "Compare with the previous period",
      onclick: () => go({ compare: !compare }),
    },
    icon("compare"),
    h("span", {}, "Compare"),
  );
}

function exportButton(tab, state) {
  const save = async ({ currentTarget: button }) => {
    button.disabled = true;
    button.setAttribute("aria-busy", "true");
    try {
      await download(`usage/export/${tab.file}.csv`, parametersOf(tab, state));
      announce("The CSV file was saved.");
    } catch (error) {
      document.dispatchEvent(new CustomEvent("usage:problem", { detail: error }));
    }
    button.disabled = false;
    button.removeAttribute("aria-busy");
  };
  return h(
    "button.button.button-primary",
    { id: "export", type: "button", onclick: save },
    icon("download"),
    "Export",
  );
}

/** Exactly what is shown: the period, filters, order and search of the tab. */
function parametersOf(tab, state) {
  if (!tab.controls.includes("period")) return new URLSearchParams();
  return question(state, tab.exported?.(state) ?? { sort: state.view.sort, q: state.view.q });
}
