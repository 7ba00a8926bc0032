/** What things are called. */

import { NONE } from "./state.js";

export const DIMENSIONS = {
  feature: { title: "Feature", path: "usage/by-feature", key: "feature" },
  product: { title: "Product", path: "usage/by-product", key: "product" },
  provider: { title: "Provider", path: "usage/by-provider", key: "provider" },
  model: { title: "Model", path: "usage/by-model", key: "model" },
  primitive: { title: "Primitive", path: "usage/primitives", key: "primitive" },
  user: { title: "User", path: "usage/by-user", key: "user_id" },
};

const KNOWN = {
  product: {
    "ai-platform": "AI Platform",
    psa: "PSA",
    crm: "CRM",
    defend: "Defend",
    voice: "Voice",
    books: "Books",
    rmm: "RMM",
  },
  provider: {
    "azure.ai.openai": "Azure OpenAI",
    "azure.ai.inference": "Azure AI Foundry",
    anthropic: "Anthropic",
  },
};
const people = new Map();

/** Remembers what rows say of users, so that chips can name them. */
export function meet(rows) {
  for (const row of rows)
    if (row.user_id && (row.name ?? row.email)) people.set(row.user_id, row.name ?? row.email);
}

/** Forgets them, at sign-out. */
export const forget = () => people.clear();

/** What a value of a dimension is called; null and "(none)" are usage that names none. */
export function nameOf(dimension, value) {
  if (value == null || value === NONE) return dimension === "user" ? "No user" : "None";
  if (dimension === "user") return people.get(value) ?? value;
  const known = KNOWN[dimension] ?? {};
  return Object.hasOwn(known, value) ? known[value] : value;
}
