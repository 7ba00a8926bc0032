/** Loads the current tab and shows it: while it loads, when it fails, and again each minute. */

import { get, Problem } from "./api.js";
import { announce, h, icon, show } from "./dom.js";
import { freshness } from "./freshness.js";
import { read, write } from "./state.js";
import { find } from "./tabs/index.js";
import { nowAndThen, problemOf, skeleton } from "./states.js";

const REFRESH = 60_000; // milliseconds
const KEPT = 24; // answers, by URL: Back shows them at once
const content = document.getElementById("content");
const notices = document.getElementById("notices");
const footer = document.getElementById("footer");

const seen = new Map();
let shown = null; // {url, tab, text}: what stands on the page
let loading = null;
let loadedAt = 0;
let isOpen = false;
let onUnauthorised = () => {};

/** `unauthorised` is called when the API wants another key. */
export function start(unauthorised) {
  onUnauthorised = unauthorised;
  nowAndThen(REFRESH, () => isOpen && Date.now() - loadedAt >= REFRESH - 1_000 && reload());
  addEventListener("online", () => isOpen && reload());
}

/** Loads what the URL asks for. What was seen before is shown until the answer is there. */
export async function reload() {
  const state = read();
  const [url, tab] = [write(state), find(state.tab)];
  isOpen = true;
  loading?.abort();
  const mine = (loading = new AbortController());
  prepare(state, url, tab);
  try {
    const data = await tab.load(state, (path, parameters) => get(path, parameters, mine.signal));
    if (mine !== loading) return;
    present(tab, data, state, url);
    remember(url, data);
    notices.replaceChildren();
    loadedAt = Date.now();
  } catch (error) {
    if (mine === loading && error.name !== "AbortError") fail(error, tab);
  } finally {
    if (mine === loading) settle();
  }
}

function settle() {
  content.removeAttribute("aria-busy");
  content.classList.remove("is-old");
}

/** Draws again what is there, in other colours. */
export function redraw() {
  const state = read();
  const url = write(state);
  if (!seen.has(url)) return;
  shown = null;
  present(find(state.tab), seen.get(url), state, url);
}

/** Forgets everything, at sign-out. */
export function clear() {
  loading?.abort();
  loading = shown = null;
  loadedAt = 0;
  isOpen = false;
  seen.clear();
  for (const part of [content, notices, footer]) part.replaceChildren();
}

function prepare(state, url, tab) {
  content.setAttribute("aria-busy", "true");
  document.title = `${tab.title} · Usage Analytics`;
  if (seen.has(url)) present(tab, seen.get(url), state, url);
  else if (shown?.tab !== tab.id) {
    shown = null;
    show(content, skeleton(tab));
    footer.replaceChildren();
  }
  content.classList.toggle("is-old", shown != null && shown.url !== url); // a refresh does not dim
}

function present(tab, data, state, url) {
  show(footer, freshness(data));
  const text = JSON.stringify(data, (key, value) =>
    key === "complete_through" || key === "as_of" ? undefined : value,
  );
  if (shown?.url === url && shown.text === text) return; // nothing new: nothing moves
  const isOther = shown?.url !== url;
  const nodes = tab.render(data, state, { reload });
  shown = { url, tab: tab.id, text };
  show(content, nodes);
  if (isOther) announce(`${tab.title} is shown.`);
}

function remember(url, data) {
  seen.delete(url);
  seen.set(url, data);
  if (seen.size > KEPT) seen.delete(seen.keys().next().value);
}

function fail(error, tab) {
  if (error.isUnauthorised) return onUnauthorised(error);
  if (!(error instanceof Problem)) console.error(error); // a mistake of this page
  const problem =
    error instanceof Problem
      ? error
      : new Problem({ title: "This page made a mistake", detail: error.message });
  if (shown?.tab === tab.id && shown.url === write(read())) return show(notices, stale(problem));
  shown = null;
  notices.replaceChildren();
  footer.replaceChildren();
  show(content, problemOf(problem, reload));
}

function stale(problem) {
  return h(
    "div.notice.notice-warning",
    { role: "alert" },
    icon(problem.status ? "alert" : "offline"),
    h("p", {}, h("strong", {}, `${problem.title}. `), "These are the numbers from before."),
    h("button.button", { id: "retry", type: "button", onclick: reload }, "Try again"),
  );
}
