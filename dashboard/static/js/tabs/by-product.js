import { cost, details, requests, tokens, value } from "../columns.js";
import { h, hidden, icon } from "../dom.js";
import { go, read } from "../state.js";
import { breakdown } from "./breakdown.js";

const product = {
  key: "product",
  title: "Product",
  sort: "name",
  cell: ({ product: id, name, features }) =>
    h(
      "div.unfoldable",
      {},
      features.length > 0 && unfold(id, name),
      h(
        "div.person",
        {},
        value("product", id, name),
        h("bdi.muted.clip", {}, features.map((one) => one.feature).join(", ")),
      ),
    ),
  inner: (row) => value("feature", row.feature),
};

function unfold(id, name) {
  const open = (read().view.open ?? "").split(",").filter(Boolean);
  const isOpen = open.includes(id);
  const next = isOpen ? open.filter((one) => one !== id) : [...open, id];
  return h(
    "button.unfold",
    {
      id: `unfold-${id}`,
      type: "button",
      "aria-expanded": isOpen,
      onclick: () => go({ view: { open: next.join(",") } }, { replace: true }),
    },
    icon("chevron-right"),
    hidden(`Features of ${name}`),
  );
}

export default breakdown({
  id: "by-product",
  title: "By Product",
  view: "by-product",
  rows: "Products",
  key: "product",
  inside: (row) => row.features,
  columns: [product, requests, tokens, { ...cost, title: "Cost" }, ...details],
});
