/**
 * The key or token that asks, in this browser tab only (sessionStorage).
 *
 * Embedded in the platform's portal, the page asks its parent for a token:
 *   page → parent   {type: "usage-analytics:ready"}          sent to the allowed origins only
 *   parent → page   {type: "usage-analytics:token", token}   at any time, also to renew it
 * The allowed origins are set when the page is built; a message from any other origin is ignored.
 */

const KEY = "usage-analytics.token";
const WAIT = 5_000; // milliseconds for the parent's answer
const parents = meta("parents").split(" ").filter(Boolean);
const arrivals = new EventTarget();

let memory = ""; // where storage is forbidden
let renewal = null; // while the parent is asked

export const isEmbedded = parents.length > 0 && window.parent !== window;

/** What a meta element of the page says. */
export function meta(name) {
  return document.querySelector(`meta[name="${name}"]`)?.content ?? "";
}

/** The token, or an empty text. */
export function token() {
  try {
    return sessionStorage.getItem(KEY) ?? memory;
  } catch {
    return memory;
  }
}

/** Keeps a token; an empty one forgets it. */
export function keep(value) {
  memory = value;
  try {
    if (value) sessionStorage.setItem(KEY, value);
    else sessionStorage.removeItem(KEY);
  } catch {
    // Memory has it.
  }
}

/** Whether a text can be sent as a token at all. */
export const isToken = (text) => typeof text === "string" && /^[\x21-\x7e]{1,8192}$/.test(text);

/** Calls back whenever the parent hands over a token. */
export const onToken = (listener) => arrivals.addEventListener("token", listener);

/** Asks the parent for a token, once for all who want it now. Gives whether one came in time. */
export async function renew() {
  if (!isEmbedded) return false;
  renewal ??= asked().finally(() => (renewal = null));
  return renewal;
}

function asked() {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, WAIT, false);
    arrivals.addEventListener(
      "token",
      () => {
        clearTimeout(timer);
        resolve(true);
      },
      { once: true },
    );
    for (const origin of parents) window.parent.postMessage({ type: "usage-analytics:ready" }, origin);
  });
}

if (isEmbedded) {
  addEventListener("message", (event) => {
    if (event.source !== window.parent || !parents.includes(event.origin)) return;
    if (event.data?.type !== "usage-analytics:token" || !isToken(event.data.token)) return;
    keep(event.data.token);
    arrivals.dispatchEvent(new Event("token"));
  });
}
