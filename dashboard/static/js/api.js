/** Asks the API. Every failure is a Problem; the browser's cache answers with the API's ETags. */

import { meta, renew, token } from "./session.js";

const BASE = `${meta("api")}/api/`;

/** What went wrong, in words for people; `status` is 0 where the service was not reached. */
export class Problem extends Error {
  constructor({ status = 0, title, detail = "", errors = [] }) {
    super(title);
    Object.assign(this, { status, title, detail, errors });
  }

  /** Whether signing in again is what helps. */
  get isUnauthorised() {
    return this.status === 401;
  }
}

/** The JSON at a path: `get("usage/daily", question(state), signal)`. */
export async function get(path, parameters = new URLSearchParams(), signal = undefined) {
  return (await ask(path, { parameters, signal })).json();
}

/** Sends JSON and gives the JSON of the answer, or null where there is none. */
export async function send(method, path, body = undefined, signal = undefined) {
  const response = await ask(path, { method, body, signal });
  return response.status === 204 ? null : response.json();
}

/** Saves a file that the API makes, under the name that it gives. */
export async function download(path, parameters) {
  const response = await ask(path, { parameters });
  const name = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") ?? "")?.[1];
  const url = URL.createObjectURL(await response.blob());
  const anchor = Object.assign(document.createElement("a"), {
    href: url,
    download: name ?? path.split("/").pop(),
  });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Raises a Problem unless this token may read usage. */
export async function verify(candidate) {
  await checked(await fetched("usage/quota", { token: candidate }));
}

async function ask(path, options) {
  const response = await fetched(path, options);
  if (response.status === 401 && (await renew())) return checked(await fetched(path, options));
  return checked(response);
}

async function fetched(path, { parameters = "", method = "GET", body, signal, token: other }) {
  const query = `${parameters}`;
  const headers = { Authorization: `Bearer ${other ?? token()}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    return await fetch(`${BASE}${path}${query ? `?${query}` : ""}`, {
      method,
      headers,
      signal,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "omit",
      cache: "no-cache", // asks each time, and takes a 304 for an answer
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    const detail = navigator.onLine
      ? "The service does not answer. It may be restarting, or something between you and it blocks the way."
      : "This device is offline. The page goes on by itself once you are connected again.";
    throw new Problem({
      title: navigator.onLine ? "The service cannot be reached" : "You are offline",
      detail,
    });
  }
}

async function checked(response) {
  if (response.ok) return response;
  const said = await response.json().catch(() => ({}));
  throw new Problem({ title: said.title ?? `Error ${response.status}`, ...said, status: response.status });
}
