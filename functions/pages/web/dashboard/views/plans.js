// The plans: a list, and the form of one of them.

import { call } from "../../account/client.js";
import { h } from "../../account/dom.js";
import { allPlans } from "../names.js";
import { badge, copyable, count, facts, pageHead, when } from "../ui/parts.js";
import { list, nothing } from "../ui/table.js";
import { archiveRow, changeForm, createForm } from "./plans/editor.js";
import { priceText } from "./plans/money.js";

export const title = "Plans";

const crumb = () => h("p", { class: "crumb" }, h("a", { href: "/dashboard/plans" }, "Plans"));

/** How many subscriptions each plan has, by its id; null where the statistics do not say. */
async function subscribersByPlan() {
  const stats = await call("GET", "/admin/stats?days=7").catch(() => ({}));
  return stats.by_plan ? new Map(stats.by_plan.map(({ plan_id, subscriptions }) => [plan_id, subscriptions])) : null;
}

export async function view({ query }) {
  if (query.has("new")) return [crumb(), pageHead("New plan", { text: "Product and price are created at Stripe, unless the plan is free." }), h("section", { class: "panel" }, createForm())];
  if (query.has("id")) return one(query.get("id"));
  return all();
}

async function all() {
  const subscribers = await subscribersByPlan();
  const plans = list({
    label: "plans",
    columns: [
      { name: "Plan", kind: "main", cell: ({ name }) => h("bdi", {}, name) },
      { name: "Code", cell: ({ code }) => h("code", {}, code) },
      { name: "Price", kind: "number", cell: priceText },
      { name: "Tier", kind: "number", cell: ({ tier }) => count(tier) },
      { name: "Trial", kind: "number", cell: ({ trial_days }) => (trial_days > 0 ? `${trial_days} days` : "–") },
      ...(subscribers ? [{ name: "Subscriptions", kind: "number", cell: ({ id }) => count(subscribers.get(id) ?? 0) }] : []),
      { name: "State", kind: "tight", cell: ({ is_active }) => (is_active ? badge("Active", "good") : badge("Archived")) },
    ],
    load: async () => {
      const items = await allPlans(true);
      return { items: [...items].sort((one, other) => Number(other.is_active) - Number(one.is_active)), next_cursor: null };
    },
    href: ({ id }) => `/dashboard/plans?id=${id}`,
    empty: { title: "No plans yet", text: "Create the plans that users can subscribe to." },
  });
  return [pageHead(title, { text: "What users can subscribe to. The free plan is that of every user without access.", actions: [h("a", { class: "button", href: "/dashboard/plans?new=1" }, "New plan")] }), plans.node];
}

async function one(id) {
  const [plans, byPlan] = await Promise.all([allPlans(true), subscribersByPlan()]);
  const plan = plans.find((found) => found.id === id);
  if (!plan) return [crumb(), pageHead("Plan not found"), nothing({ title: "There is no plan with this id", action: h("a", { href: "/dashboard/plans" }, "See all plans") })];
  const subscribers = byPlan && (byPlan.get(id) ?? 0);
  const about = facts([
    ["State", plan.is_active ? badge("Active", "good") : badge("Archived")],
    ["Price", priceText(plan)],
    ["Subscriptions", h("a", { href: `/dashboard/subscriptions?plan_id=${id}` }, subscribers === null ? "See the list" : count(subscribers))],
    ["Id", copyable(id)],
    ["Stripe product", plan.stripe_product_id && copyable(plan.stripe_product_id)],
    ["Stripe price", plan.stripe_price_id && copyable(plan.stripe_price_id)],
    ["Created", when(plan.created_at)],
    ["Changed", when(plan.updated_at)],
    ["History", h("a", { href: `/dashboard/audit?target_id=${id}` }, "In the audit log")],
  ]);
  const effects = h(
    "section",
    { class: "panel" },
    h("h2", {}, "What subscribers keep"),
    h("ul", { class: "plain-list" }, h("li", {}, "A new amount, currency or period applies to new subscriptions. Stripe gets a new price, and the old one is archived. Current subscribers keep the old one."), h("li", {}, "A new tier or new features reach current subscribers within minutes."), h("li", {}, "A new trial applies to new subscriptions.")),
  );
  const main = plan.is_active
    ? [h("section", { class: "panel" }, changeForm(plan, subscribers)), h("section", { class: "panel danger-zone" }, archiveRow(plan, subscribers))]
    : [h("section", { class: "panel" }, h("h2", {}, "This plan is archived"), h("p", {}, "It cannot be subscribed to or changed. Its subscribers keep their access and their price."), h("pre", {}, JSON.stringify(plan.features, null, 2)))];
  return [crumb(), pageHead(plan.name), h("div", { class: "columns" }, h("div", {}, ...main), h("div", {}, h("section", { class: "panel" }, about), effects))];
}
