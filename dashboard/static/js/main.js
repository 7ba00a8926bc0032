/** Starts the page: signed in or not, then one load for each change of the URL. */

import { h, icon, show } from "./dom.js";
import { forget } from "./names.js";
import * as page from "./page.js";
import { isEmbedded, keep, onToken, renew, token } from "./session.js";
import { closeSignIn, signIn } from "./sign-in.js";
import { link, onChange, read, visit } from "./state.js";
import { TABS, find } from "./tabs/index.js";
import { themeButton } from "./theme-button.js";
import { toolbar } from "./toolbar.js";

const dashboard = document.getElementById("dashboard");

function tabs(state) {
  const current = find(state.tab).id;
  show(
    document.getElementById("tabs"),
    TABS.map(({ id, title }) =>
      h(
        "a.tab",
        { id: `tab-${id}`, href: link({ tab: id, view: { id: "" } }), "aria-current": id === current ? "page" : null },
        title,
      ),
    ),
  );
  centre(document.getElementById(`tab-${current}`));
}

/** Scrolls the strip of tabs, and never the page. */
function centre(tab) {
  const strip = tab.parentElement;
  strip.scrollLeft += tab.getBoundingClientRect().x - (strip.clientWidth - tab.offsetWidth) / 2;
}

function draw(state = read()) {
  tabs(state);
  toolbar(state);
  page.reload();
}

function open() {
  if (!dashboard.hidden) return;
  closeSignIn();
  dashboard.hidden = false;
  draw();
}

function signOut(problem) {
  keep("");
  forget();
  page.clear();
  dashboard.hidden = true;
  signIn(open, problem?.detail ?? "");
}

/** Links of the page itself change the state; new tabs and windows stay the browser's. */
function follow(event) {
  const anchor = event.target.closest?.("a[href^='?']");
  if (
    !anchor ||
    event.defaultPrevented ||
    event.button ||
    event.metaKey ||
    event.ctrlKey ||
    event.shiftKey ||
    event.altKey
  )
    return;
  event.preventDefault();
  visit(new URL(anchor.href).search);
}

function tell({ detail: problem }) {
  if (problem.isUnauthorised) return signOut(problem);
  show(
    document.getElementById("notices"),
    h(
      "div.notice.notice-error",
      { role: "alert" },
      icon("alert"),
      h(
        "p",
        {},
        h("strong", {}, `${problem.title ?? "Error"}. `),
        problem.detail ?? problem.message,
        (problem.errors ?? []).map(({ field, reason }) => ` ${field}: ${reason}.`),
      ),
    ),
  );
}

onChange(() => !dashboard.hidden && draw());
page.start(signOut);
themeButton(page.redraw);
onToken(open);
document.addEventListener("click", follow);
document.addEventListener("usage:problem", tell);
document.getElementById("sign-out").addEventListener("click", () => signOut());
document.querySelector(".skip-link").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("content").focus();
});

if (token() || (isEmbedded && (await renew()))) open();
else signIn(open);
