/** The channels of the form: whom to tell, and how; each has a row. */

import { h, hidden, icon } from "../dom.js";
import { group } from "./field.js";
import { CHANNELS } from "./words.js";

const MOST = 5;
const CONTROLS = {
  email: ({ to = [] }) =>
    h("input.input", {
      type: "text",
      inputmode: "email",
      value: to.join(", "),
      placeholder: "ada@example.com, ben@example.com",
      autocomplete: "off",
      autocapitalize: "none",
      spellcheck: "false",
      "aria-label": "Email addresses, separated by commas",
    }),
  ticket: () => h("p.muted", {}, "Opens a ticket in the platform's PSA."),
  webhook: ({ url = "" }) =>
    h("input.input", {
      type: "url",
      value: url,
      placeholder: "https://example.com/hooks/usage",
      maxlength: 2_000,
      autocomplete: "off",
      "aria-label": "URL of the webhook",
    }),
};

export function channelFields(channels) {
  const list = h("ul.channels", {}, channels.map(row));
  const adders = Object.entries(CHANNELS).map(([type, text]) =>
    h(
      "button.button",
      { id: `add-${type}`, type: "button", onclick: () => add(list, type) },
      icon("plus"),
      text,
    ),
  );
  const bar = h("div.adders", {}, adders);
  tidy(list, bar);
  list.addEventListener("channel:changed", () => tidy(list, bar));
  return group(
    "Notification",
    "channels",
    "Everyone listed is told. With nobody listed, the alert is only recorded in its history.",
    list,
    bar,
  );
}

function add(list, type) {
  list.append(row({ type }));
  changed(list);
  (list.lastChild.querySelector("input") ?? list.lastChild.querySelector("button")).focus();
}

function row(channel) {
  const { type } = channel;
  const remove = (event) => {
    const item = event.currentTarget.closest("li");
    const list = item.parentElement;
    item.remove();
    changed(list);
    list.closest("form").querySelector(`#add-${type}`).focus();
  };
  return h(
    "li",
    { "data-field": "channels", "data-type": type },
    h(
      "div.channel",
      {},
      h("span.channel-type", {}, CHANNELS[type]),
      CONTROLS[type](channel),
      h(
        "button.button.button-quiet.button-icon",
        { type: "button", onclick: remove },
        icon("x"),
        hidden(`Remove this ${CHANNELS[type]} notification`),
      ),
    ),
    h("p.field-problem"),
  );
}

function changed(list) {
  list.dispatchEvent(new Event("channel:changed"));
  list.dispatchEvent(new Event("input", { bubbles: true }));
}

/** A ticket is opened once, and there are not too many. */
function tidy(list, bar) {
  const isFull = list.children.length >= MOST;
  const hasTicket = list.querySelector("[data-type=ticket]") != null;
  for (const button of bar.children) button.disabled = isFull || (button.id === "add-ticket" && hasTicket);
}

/** The channels as the API takes them. */
export function readChannels(form) {
  return [...form.querySelectorAll(".channels > li")].map((item) => {
    const { type } = item.dataset;
    const text = item.querySelector("input")?.value.trim();
    if (type === "email") return { type, to: text.split(/[\s,;]+/).filter(Boolean) };
    return type === "webhook" ? { type, url: text } : { type };
  });
}
