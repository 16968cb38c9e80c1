// All subscriptions, newest first.

import { h, money } from "../../account/dom.js";
import { badge, day } from "../ui/parts.js";
import { billingPage, perPeriod, planName } from "./lists.js";

export const title = "Subscriptions";

/** Stripe's statuses: their names here, and their tone. */
export const statuses = {
  active: ["Active", "good"],
  trialing: ["Trialing", "info"],
  past_due: ["Past due", "warn"],
  unpaid: ["Unpaid", "bad"],
  paused: ["Paused", "plain"],
  incomplete: ["Incomplete", "warn"],
  incomplete_expired: ["Expired", "plain"],
  canceled: ["Canceled", "plain"],
};

function status(subscription) {
  const [text, tone] = statuses[subscription.status] ?? [subscription.status, "plain"];
  const notes = [
    subscription.payment_processing && "payment in progress",
    subscription.collection_paused && "collection paused",
    subscription.scheduled_plan && `changes to ${subscription.scheduled_plan.name}`,
  ].filter(Boolean);
  return [badge(text, tone), ...notes.map((note) => h("div", { class: "note" }, note))];
}

function price(subscription) {
  const { discount, quantity, currency } = subscription;
  const off = discount && (discount.percent_off ? `${discount.percent_off}% off` : `${money(discount.amount_off_cents, currency)} off`);
  const notes = [quantity > 1 && `${quantity} seats`, off].filter(Boolean);
  return [perPeriod(subscription), ...notes.map((note) => h("div", { class: "note" }, note))];
}

/** The next event: it renews, ends, or has ended. */
function next({ status, cancel_at, cancel_at_period_end, canceled_at, current_period_end }) {
  if (status === "canceled" || status === "incomplete_expired") return [h("span", { class: "soft" }, "Ended "), day(canceled_at ?? current_period_end)];
  if (cancel_at || cancel_at_period_end) return [h("span", { class: "soft" }, "Ends "), day(cancel_at ?? current_period_end)];
  return [h("span", { class: "soft" }, status === "trialing" ? "Trial ends " : "Renews "), day(current_period_end)];
}

function access({ has_access, access_until }) {
  return has_access ? day(access_until) : h("span", { class: "soft" }, "No access");
}

/** The monthly amount, if it counts as revenue. */
function monthly({ status, price_cents, currency, billing_period, interval_count }) {
  if (status !== "active" && status !== "past_due") return null;
  const months = { day: 12 / 365, week: 12 / 52, month: 1, year: 12 }[billing_period] * (interval_count ?? 1);
  return [Math.round(price_cents / months), currency];
}

export const view = () =>
  billingPage({
    name: "subscriptions",
    title,
    text: "Who subscribes to which plan, and what happens next.",
    statuses,
    columns: [
      { name: "Plan", cell: ({ plan }) => planName(plan) },
      { name: "Status", cell: status },
      { name: "Price", cell: price, kind: "number" },
      { name: "Next", cell: next, kind: "nowrap" },
      { name: "Access until", cell: access, kind: "extra" },
      { name: "Started", cell: ({ started_at }) => day(started_at), kind: "extra" },
    ],
    empty: { title: "No subscriptions yet", text: "They appear here when a user pays at the checkout.", action: h("a", { href: "/dashboard/plans" }, "See the plans") },
    amount: monthly,
    period: " a month",
  });
