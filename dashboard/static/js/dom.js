/** Builds elements. Data become text or attributes, never markup. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element: `h("a.link", {href: "?", onclick: go}, "text", child)`.
 * Properties: `on…` are listeners, `vars` custom properties of its style, all others attributes; true and false
 * mean there or not, but for `aria-…`, where they are words. Children that are null or false are left out.
 */
export function h(selector, properties = {}, ...children) {
  const [tag, ...classes] = selector.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(properties)) set(element, name, value);
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

function set(element, name, value) {
  if (value == null || (value === false && !name.startsWith("aria-"))) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "vars")
    for (const [key, one] of Object.entries(value)) element.style.setProperty(`--${key}`, one);
  else element.setAttribute(name, value === true && !name.startsWith("aria-") ? "" : value);
}

/** One of the icons of templates/icons.svg; decoration, so that a button needs text beside it. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** An SVG element, for drawings. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Text for screen readers only. */
export const hidden = (text) => h("span.visually-hidden", {}, text);

/** Replaces what is inside `root`; elements with an id keep focus, typed text, caret and scroll position. */
export function show(root, ...nodes) {
  const active = root.contains(document.activeElement) ? document.activeElement : null;
  const typed = active?.matches("input:not([type=checkbox]):not([type=radio])")
    ? { value: active.value, start: active.selectionStart, end: active.selectionEnd }
    : null;
  const scrolled = [...root.querySelectorAll("[id]")].filter((one) => one.scrollLeft || one.scrollTop);
  const places = scrolled.map(({ id, scrollLeft, scrollTop }) => ({ id, scrollLeft, scrollTop }));
  root.replaceChildren(...nodes.flat(Infinity).filter(Boolean));
  for (const { id, ...place } of places) Object.assign(document.getElementById(id) ?? {}, place);
  const again = active?.id && document.getElementById(active.id);
  if (!again || again === document.activeElement) return;
  again.focus({ preventScroll: true });
  if (typed && again.type !== "date") {
    again.value = typed.value;
    if (typed.start != null) again.setSelectionRange(typed.start, typed.end);
  }
}

/** Says something to screen readers. */
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}

/** Calls `action` once the calls stop for `ms` milliseconds. */
export function debounced(action, ms = 250) {
  let timer;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(action, ms, ...values);
  };
}
