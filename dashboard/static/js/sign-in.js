/** The form that asks for an API key. */

import { Problem, verify } from "./api.js";
import { isToken, keep } from "./session.js";

const view = document.getElementById("sign-in");
const form = view.querySelector("form");
const field = document.getElementById("key");
const said = document.getElementById("sign-in-problem");

let done = () => {};

/** Shows the form until a key is accepted, then calls `whenDone`. `problem` says why somebody is here again. */
export function signIn(whenDone, problem = "") {
  done = whenDone;
  document.title = "Sign in · Usage Analytics";
  view.hidden = false;
  say(problem);
  field.value = "";
  field.focus();
}

/** Hides the form. */
export function closeSignIn() {
  say("");
  field.value = "";
  view.hidden = true;
}

function say(text) {
  said.textContent = text;
  said.hidden = !text;
  if (text) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const key = field.value.trim();
  if (!isToken(key))
    return say(key ? "This is no API key: a key has only letters, digits and signs." : "Enter your API key.");
  form.setAttribute("aria-busy", "true");
  try {
    await verify(key);
    keep(key);
    done();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    say(
      error.isUnauthorised
        ? "This key is not accepted. It may be mistyped, expired or revoked."
        : error.detail || error.message,
    );
    field.focus();
  } finally {
    form.removeAttribute("aria-busy");
  }
});
