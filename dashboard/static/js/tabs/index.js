/** The tabs in their order. README.md says how one is made. */

import alerts from "./alerts.js";
import byFeature from "./by-feature.js";
import byProduct from "./by-product.js";
import byUser from "./by-user.js";
import overview from "./overview.js";
import primitives from "./primitives.js";
import quota from "./quota.js";

export const TABS = [overview, byFeature, byUser, byProduct, quota, primitives, alerts];

/** The tab of that id; the overview for an unknown one. */
export const find = (id) => TABS.find((tab) => tab.id === id) ?? overview;
