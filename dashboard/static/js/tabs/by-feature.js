import { averageTokens, cost, details, requests, tokens, value } from "../columns.js";
import { breakdown } from "./breakdown.js";

const feature = {
  key: "feature",
  title: "Feature",
  sort: "feature",
  cell: (row) => value("feature", row.feature),
};
const provider = {
  key: "provider",
  title: "Provider",
  sort: "provider",
  cell: (row) => row.provider && value("provider", row.provider),
};

export default breakdown({
  id: "by-feature",
  title: "By Feature",
  view: "by-feature",
  rows: "Features",
  search: "Search features",
  columns: [feature, requests, tokens, cost, averageTokens, provider, ...details],
});
