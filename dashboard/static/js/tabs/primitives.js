import { cost, exact, requests, value } from "../columns.js";
import { h } from "../dom.js";
import { quantity } from "../format.js";
import { breakdown } from "./breakdown.js";

const USED = {
  "ai.chat": "Tokens used",
  "ai.embed": "Embeddings created",
  "ai.image": "Images generated",
  "voice.room": "Participant-minutes",
  "phone.call": "Call minutes",
  "phone.sms": "Messages sent",
  "web.crawl": "Pages crawled",
  "email.send": "Emails sent",
  "governance.scan": "Scans run",
  "safety.moderate": "Content checks",
};
const words = (slug) => slug[0].toUpperCase() + slug.slice(1).replaceAll("-", " ");
const primitive = {
  key: "primitive",
  title: "Primitive",
  sort: "primitive",
  cell: (row) => h("code", {}, value("primitive", row.primitive)),
};
const unit = { key: "unit", title: "Unit", sort: "unit", cell: (row) => USED[row.primitive] ?? row.unit };
const used = {
  key: "quantity",
  title: "Quantity",
  numeric: true,
  sort: "quantity",
  cell: (row) => exact(row.quantity, quantity(row.quantity)),
};
const countedAs = {
  key: "counted_as",
  title: "Counted towards",
  sort: "counted_as",
  cell: (row) =>
    row.counted_as === "token-quota"
      ? h("span.badge.badge-accent", {}, "Token quota")
      : h("span.muted", {}, words(row.counted_as)),
};

export default breakdown({
  id: "primitives",
  title: "Primitives",
  view: "primitives",
  rows: "Primitives",
  order: "-requests",
  columns: [primitive, unit, used, requests, { ...cost, title: "Cost" }, countedAs],
});
