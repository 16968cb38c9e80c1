// The current plan as a card: price, renewal, payment state, and what can be done.

import { call, openPortal } from "../client.js";
import { date, h, money, price } from "../dom.js";
import { form } from "../forms.js";
import { cancellation } from "./cancel.js";

/** The label of a status, and how it is shown. */
const statuses = {
  trialing: ["Trial", "good"],
  active: ["Active", "good"],
  past_due: ["Past due", "bad"],
  unpaid: ["Unpaid", "bad"],
  paused: ["Paused", "bad"],
  incomplete: ["Incomplete", "bad"],
  incomplete_expired: ["Expired", ""],
  canceled: ["Canceled", ""],
};

/** Whether the subscription has started and has not ended: then there can be no second one. */
export const isLive = (subscription) => ["trialing", "active", "past_due", "unpaid", "paused"].includes(subscription?.status);

/** Whether the subscription ends with its current period. */
export const isEnding = ({ cancel_at_period_end, access_until, current_period_end }) =>
  cancel_at_period_end || (access_until !== null && access_until <= current_period_end);

/** "$19.00 a month", or "$57.00 every 3 months". */
export function subscriptionPrice({ price_cents, currency, billing_period, interval_count }) {
  if (price_cents === 0 || (interval_count ?? 1) === 1) return price(price_cents, currency, billing_period);
  return `${money(price_cents, currency)} every ${interval_count} ${billing_period}s`;
}

/** When the subscription renews or ends, in one sentence; null if that depends on a payment. */
function renewal(subscription) {
  const { status, access_until, current_period_end, canceled_at, cancel_at, cancel_at_period_end } = subscription;
  if (status === "canceled") return ["Ended on ", date((!cancel_at_period_end && canceled_at) || current_period_end), "."];
  if (status === "incomplete" || status === "incomplete_expired") return ["The first payment wasn't completed."];
  if (status === "paused") return ["Your trial ended without a payment method. Add a card under “Cards and invoices”, then resume."];
  if (status !== "trialing" && status !== "active") return null;
  if (isEnding(subscription)) return ["Ends on ", date(access_until ?? current_period_end), ". It won't renew."];
  const next = [status === "trialing" ? "Trial ends and first payment on " : "Renews on ", date(current_period_end), "."];
  return cancel_at ? [...next, " Ends on ", date(cancel_at), "."] : next;
}

/** The first payment of a subscription may be a moment older than it. An older one belongs to the previous subscription. */
const MINUTE_MS = 60_000;

/** Quantity, discount, scheduled change, and the state of a payment that is not simply paid. */
function details({ plan, scheduled_plan, current_period_end, quantity, discount, payment_processing, collection_paused, started_at }, payments) {
  const isOwn = ({ created_at }) => Date.parse(created_at) >= Date.parse(started_at) - MINUTE_MS;
  const lastPayment = payments.find((payment) => payment.status === "succeeded" && isOwn(payment));
  const amount = discount && (discount.percent_off ? `${discount.percent_off}%` : money(discount.amount_off_cents, plan.currency));
  return [
    scheduled_plan && ["Changes to ", h("strong", {}, scheduled_plan.name), " on ", date(current_period_end), "."],
    quantity > 1 && [`Quantity: ${quantity}.`],
    discount && (discount.ends_at ? [`Discount: ${amount} off until `, date(discount.ends_at), "."] : [`Discount: ${amount} off.`]),
    payment_processing && ["Your bank debit is being processed. This can take a few days."],
    collection_paused && ["Payments are paused: you won't be charged until they resume."],
    lastPayment && [`Last payment: ${money(lastPayment.amount_cents, lastPayment.currency)} on `, date(lastPayment.created_at), "."],
    ["Subscribed since ", date(started_at), "."],
  ].filter(Boolean);
}

/** For a subscription with a failed payment: how long there is access, and where to pay. */
function paymentNotice({ status, has_access, access_until }, payments) {
  if (status !== "past_due" && status !== "unpaid") return null;
  const open = payments.find((payment) => payment.status === "failed" && payment.invoice_url);
  const limit = access_until !== null && [has_access ? "You have access until " : "Your access ended on ", date(access_until), "."];
  const access = limit || ["You have no access until it is paid."];
  return h(
    "div",
    { class: "notice" },
    h("p", {}, h("strong", {}, "Your last payment failed."), " ", ...access),
    h("p", {}, open ? h("a", { class: "button", href: open.invoice_url }, `Pay ${money(open.amount_cents, open.currency)} now`) : "Update your card or pay the open invoice under “Cards and invoices”."),
  );
}

/** The buttons. A cancellation is confirmed in `place`; `refresh` shows the result. */
function actions(subscription, place, refresh) {
  const change = (action, message) => async () => {
    await call("POST", `/billing/subscriptions/${action}`, undefined, { "idempotency-key": crypto.randomUUID() });
    await refresh(message);
  };
  const { plan, scheduled_plan, status, cancel_at_period_end } = subscription;
  return [
    status === "paused" && form([], "Resume subscription", change("resume", "Your subscription has been resumed.")),
    scheduled_plan && !cancel_at_period_end && form([], `Stay on ${plan.name}`, change("resume", `You're staying on ${plan.name}.`)),
    cancel_at_period_end
      ? form([], "Don't cancel", change("resume", "Your subscription will renew."))
      : cancellation(subscription, place, change("cancel", "Your subscription will be canceled at the end of the period.")),
    form([], "Cards and invoices", openPortal, { kind: "quiet" }),
  ];
}

/** The plan of a user without a subscription, if there is one of price 0. */
function freePlan(plans) {
  const free = plans.find((plan) => plan.price_cents === 0);
  const name = free?.name ?? "No plan";
  return h("div", {}, h("p", { class: "plan-name" }, h("strong", {}, name)), h("p", { class: "soft" }, free ? "You're not subscribed to a paid plan." : "Choose a plan below to subscribe."));
}

/** The section of the current plan, as a list of one element. */
export function currentPlan({ subscription, plans, payments }, refresh) {
  const section = (...children) => [h("section", { class: "panel current-plan", "aria-labelledby": "current-plan" }, h("h2", { id: "current-plan" }, "Current plan"), ...children)];
  if (subscription === null) return section(freePlan(plans));
  const [label, kind] = statuses[subscription.status] ?? [subscription.status, ""];
  const place = h("div", {});
  const lines = [renewal(subscription), ...details(subscription, payments.items)].filter(Boolean);
  return section(
    paymentNotice(subscription, payments.items),
    h(
      "div",
      {},
      h("p", { class: "plan-name" }, h("strong", {}, subscription.plan.name), h("span", { class: `badge ${kind}` }, label)),
      h("p", { class: "plan-price" }, subscriptionPrice(subscription)),
      h("ul", { class: "facts" }, ...lines.map((line) => h("li", {}, ...line))),
    ),
    isLive(subscription) && h("div", { class: "actions" }, ...actions(subscription, place, refresh)),
    place,
  );
}
