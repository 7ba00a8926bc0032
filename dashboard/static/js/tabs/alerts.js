/**
 * Alerts: the list, one of them with its history (`id`), and the form (`id=new`, or `open=edit` beside the id).
 * `open` is also the firing that is unfolded, and `page` the page of the history.
 */

import { settingsOf, path } from "../alerts/actions.js";
import { form } from "../alerts/form.js";
import { PAGE } from "../alerts/history.js";
import { list } from "../alerts/list.js";
import { rulePage } from "../alerts/rule.js";
import { h, icon } from "../dom.js";
import { link } from "../state.js";

const MOST = 1_000; // rows of an answer
const DEFAULT = "default";

export default {
  id: "alerts",
  title: "Alerts",
  file: null, // the views have an Export of their own: there is no such file of the API
  controls: [],
  async load(state, get) {
    try {
      return await asked(state.view, get);
    } catch (error) {
      if (!STATES[error.status]) throw error;
      return { status: error.status };
    }
  },
  render(data, state, tools) {
    if (data.status) return STATES[data.status]();
    if (data.given) return form(data, state);
    return data.rule ? rulePage(data, state, tools) : list(data, tools);
  },
};

async function asked({ id, open, page }, get) {
  if (id === "new" || (id && open === "edit")) return toEdit(id, get);
  const metrics = () => get("usage/alert-metrics"); // asked last, as the quickest
  if (!id) return all({ rules: get("usage/alerts", new URLSearchParams({ limit: MOST })), metrics: metrics() });
  const before = (Math.max(1, Math.trunc(Number(page)) || 1) - 1) * PAGE;
  return all({
    rule: get(path(id)),
    firings: get(path(id, "/firings"), new URLSearchParams({ limit: PAGE, offset: before })),
    deliveries: get(path(id, "/deliveries"), new URLSearchParams({ limit: MOST })),
    metrics: metrics(),
  });
}

/** The answers, all asked at once; of the metrics just the list. */
async function all(questions) {
  const answers = await Promise.all(Object.values(questions));
  const found = Object.fromEntries(Object.keys(questions).map((name, index) => [name, answers[index]]));
  return { ...found, metrics: found.metrics.data };
}

/** What the form starts with: the rule, without how it stands, which changes by itself. */
async function toEdit(id, get) {
  const isNew = id === "new";
  const { metrics, rule } = await all({
    rule: get(path(isNew ? DEFAULT : id)),
    metrics: get("usage/alert-metrics"),
  });
  const known = settingsOf(rule);
  const mails = known.channels.filter(({ type }) => type === "email");
  const fresh = {
    name: "",
    channels: mails,
    filter: {},
    severity: "warning",
    enabled: true,
    muted_until: null,
    notify_resolved: false,
  };
  const given = isNew ? { ...known, ...fresh } : known;
  return { metrics, given, version: isNew ? null : rule.updated_at };
}

/** What is shown where the API gives no alert, by the status of its answer. */
const STATES = {
  403: () =>
    notice("key", "This key may not see alerts", [
      "You can read usage with it. To see and change alerts, sign in with a key that has the scope ",
      h("code", {}, "alerts"),
      " as well; whoever manages your keys can make one.",
    ]),
  404: () =>
    notice("bell", "This alert is gone", "Somebody has deleted it, or the link is not complete.", toList()),
};

function notice(glyph, title, text, ...actions) {
  return h(
    "section.state",
    {},
    h("span.state-icon", {}, icon(glyph)),
    h("h2", {}, title),
    h("p", {}, text),
    h("div.state-actions", {}, actions),
  );
}

const toList = () => h("a.button", { href: link({ view: { id: "", open: "", page: "" } }) }, "All alerts");
