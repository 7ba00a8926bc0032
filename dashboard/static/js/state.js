/**
 * What is shown, all of it in the URL's query: a link shows the same, and Back goes back. Never the key.
 *
 * @typedef {object} State
 * @property {string} tab
 * @property {string} period  7d, 30d, 3m, 12m or custom
 * @property {string} from    the first day of a custom period
 * @property {string} to      the last one
 * @property {boolean} compare  beside the period before
 * @property {Record<string, string[]>} filters  wanted values by dimension
 * @property {Record<string, string>} view  what only the current tab knows: VIEW_KEYS
 */

export const FILTERS = ["feature", "product", "provider", "model", "primitive", "user"];
export const PERIODS = {
  "7d": "Last 7 days",
  "30d": "Last 30 days",
  "3m": "Last 3 months",
  "12m": "Last 12 months",
};
/** sort, q, page: the table; open: rows unfolded; bucket: day or month; as: "table" for charts; columns: "all"; measure: "spend" for the quota; id: of an alert. */
export const VIEW_KEYS = ["sort", "q", "page", "open", "bucket", "as", "columns", "measure", "id"];
export const NONE = "(none)";

const listeners = new Set();

/** The state that a query stands for; nonsense in it becomes the default. */
export function read(search = location.search) {
  const query = new URLSearchParams(search);
  const custom = isDay(query.get("from")) && isDay(query.get("to"));
  const period = query.get("period");
  return {
    tab: query.get("tab") ?? "overview",
    period: custom ? "custom" : Object.hasOwn(PERIODS, period ?? "") ? period : "30d",
    from: custom ? query.get("from") : "",
    to: custom ? query.get("to") : "",
    compare: query.get("compare") === "previous",
    filters: Object.fromEntries(
      FILTERS.map((name) => [name, query.getAll(name)]).filter(([, all]) => all.length),
    ),
    view: Object.fromEntries(VIEW_KEYS.filter((key) => query.get(key)).map((key) => [key, query.get(key)])),
  };
}

/** The query that stands for a state; defaults are left out. */
export function write(state) {
  const query = new URLSearchParams();
  if (state.tab !== "overview") query.set("tab", state.tab);
  for (const [name, value] of period(state)) if (value !== "30d") query.set(name, value);
  if (state.compare) query.set("compare", "previous");
  for (const [name, values] of Object.entries(state.filters))
    for (const value of values) query.append(name, value);
  for (const [key, value] of Object.entries(state.view)) if (value) query.set(key, value);
  return `?${query}`;
}

/** The state after a change. Another tab forgets what only the last one knew; another selection starts on page 1. */
export function changed(state, { view, ...change }) {
  const next = { ...state, ...change };
  const kept = next.tab === state.tab ? { ...state.view } : {};
  if (Object.keys(change).length || (view && ("q" in view || "sort" in view))) delete kept.page;
  return { ...next, view: { ...kept, ...view } };
}

/** Goes to another state; with `replace` without a step in the history. */
export function go(change, { replace = false } = {}) {
  visit(link(change), replace);
}

/** Goes to the state that a link leads to. */
export function visit(search, replace = false) {
  const [now, next] = [read(), read(search)];
  const url = write(next);
  if (url === write(now)) return;
  history[replace ? "replaceState" : "pushState"](null, "", url);
  notify();
  if (place(next) !== place(now)) scrollTo(0, 0);
}

/** What is read from its top on. */
const place = ({ tab, view }) => [tab, view.id, view.page].join();

/** The link that leads to another state. */
export const link = (change) => write(changed(read(), change));

/** Calls back whenever the state has changed. */
export function onChange(listener) {
  listeners.add(listener);
}

addEventListener("popstate", () => {
  if (document.activeElement?.matches("input")) document.activeElement.blur(); // what was typed belongs to the last page
  notify();
});

function notify() {
  for (const listener of listeners) listener(read());
}

/** Only what has this value too, or no longer if it is filtered already. */
export function toggleFilter(name, value) {
  const { filters } = read();
  const values = filters[name] ?? [];
  const next = values.includes(value) ? values.filter((one) => one !== value) : [...values, value];
  const { [name]: _, ...others } = filters;
  go({ filters: next.length ? { ...others, [name]: next } : others });
}

/** The parameters of the API for the period. */
export function period(state) {
  return state.period === "custom"
    ? [
        ["from", state.from],
        ["to", state.to],
      ]
    : [["period", state.period]];
}

/** The parameters of the API for the period, the filters and the comparison, and more. */
export function question(state, more = {}) {
  const query = new URLSearchParams(period(state));
  for (const [name, values] of Object.entries(state.filters))
    for (const value of values) query.append(name, value);
  if (state.compare) query.set("compare", "previous");
  for (const [name, value] of Object.entries(more)) if (value != null && value !== "") query.set(name, value);
  return query;
}

function isDay(text) {
  return /^\d{4}-\d{2}-\d{2}$/.test(text ?? "") && !Number.isNaN(Date.parse(text));
}
