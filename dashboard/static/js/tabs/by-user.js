import { cost, details, requests, tokens, value } from "../columns.js";
import { h } from "../dom.js";
import { ago, moment } from "../format.js";
import { breakdown } from "./breakdown.js";

const user = { key: "user_id", title: "User", sort: "name", cell: person };
const topFeature = {
  key: "top_feature",
  title: "Top feature",
  sort: "top_feature",
  cell: (row) => row.top_feature && value("feature", row.top_feature),
};
const lastActive = {
  key: "last_active",
  title: "Last active",
  sort: "last_active",
  cell: ({ last_active: at }, { period }) =>
    h(
      "div.person",
      {},
      h("time", { datetime: at }, moment(at, period.time_zone)),
      h("span.muted", {}, ago(at)),
    ),
};

/** Name and email; the id where there is no name, and both missing for work that nobody attended. */
function person({ user_id: id, name, email }) {
  const [first, second] =
    id == null ? ["No user", "Unattended work"] : [name ?? email ?? id, name ? email : null];
  return h("div.person", {}, value("user", id, first), second && h("bdi.muted", {}, second));
}

export default breakdown({
  id: "by-user",
  title: "By User",
  view: "by-user",
  rows: "Users",
  search: "Search users",
  columns: [user, requests, tokens, { ...cost, title: "Cost" }, topFeature, lastActive, ...details],
});
