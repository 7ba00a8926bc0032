/** What the tabs have in common that break the usage down into rows. */

import { sums } from "../columns.js";
import { meet } from "../names.js";
import { question } from "../state.js";
import { empty } from "../states.js";
import { page, table } from "../table.js";

/** A tab of one view of the API; `more` goes to the table. */
export function breakdown({ id, title, view, rows, columns, order = "-tokens", ...more }) {
  return {
    id,
    title,
    file: view,
    controls: ["period", "filters", "compare"],
    load: (state, get) => get(`usage/${view}`, question(state, page(state))),
    render(answer, state) {
      meet(answer.data);
      if (!answer.totals.requests && !state.view.q) return empty(state);
      return [sums(answer), table({ title: rows, columns, answer, state, order, ...more })];
    },
  };
}
