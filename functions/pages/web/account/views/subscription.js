// The current plan as a card: price, renewal, payment state, and what can be done.

import { call, openPortal } from "../client.js";
import { date, h, money, price } from "../dom.js";
import { form } from "../forms.js";
import { format, locale, parts, plural } from "../language.js";
import { cancellation } from "./cancel.js";

/** The label of a status, and how it is shown. */
const statuses = {
  trialing: [t.status_trialing, "good"],
  active: [t.status_active, "good"],
  past_due: [t.status_past_due, "bad"],
  unpaid: [t.status_unpaid, "bad"],
  paused: [t.status_paused, "bad"],
  incomplete: [t.status_incomplete, "bad"],
  incomplete_expired: [t.status_expired, ""],
  canceled: [t.status_canceled, ""],
};

/** Whether the subscription has started and has not ended: then there can be no second one. */
export const isLive = (subscription) => ["trialing", "active", "past_due", "unpaid", "paused"].includes(subscription?.status);

/** Whether the subscription ends with its current period. */
export const isEnding = ({ cancel_at_period_end, access_until, current_period_end }) =>
  cancel_at_period_end || (access_until !== null && access_until <= current_period_end);

/** "$19.00 a month", or "$57.00 every 3 months". */
export function subscriptionPrice({ price_cents, currency, billing_period, interval_count }) {
  if (price_cents === 0 || (interval_count ?? 1) === 1) return price(price_cents, currency, billing_period);
  const interval = plural(billing_period === "year" ? t.years : t.months, interval_count);
  return format(t.price_interval, { amount: money(price_cents, currency), interval });
}

/** When the subscription renews or ends, in one sentence; null if that depends on a payment. */
function renewal(subscription) {
  const { status, access_until, current_period_end, canceled_at, cancel_at, cancel_at_period_end } = subscription;
  if (status === "canceled") return parts(t.ended_on, { date: date((!cancel_at_period_end && canceled_at) || current_period_end) });
  if (status === "incomplete" || status === "incomplete_expired") return [t.first_payment_incomplete];
  if (status === "paused") return [t.trial_paused];
  if (status !== "trialing" && status !== "active") return null;
  if (isEnding(subscription)) return parts(t.ends_on_no_renewal, { date: date(access_until ?? current_period_end) });
  const next = parts(status === "trialing" ? t.trial_ends_on : t.renews_on, { date: date(current_period_end) });
  return cancel_at ? [...next, " ", ...parts(t.ends_on, { date: date(cancel_at) })] : next;
}

/** The first payment of a subscription may be a moment older than it. An older one belongs to the previous subscription. */
const MINUTE_MS = 60_000;

/** Quantity, discount, scheduled change, and the state of a payment that is not simply paid. */
function details({ plan, scheduled_plan, current_period_end, quantity, discount, payment_processing, collection_paused, started_at }, payments) {
  const isOwn = ({ created_at }) => Date.parse(created_at) >= Date.parse(started_at) - MINUTE_MS;
  const lastPayment = payments.find((payment) => payment.status === "succeeded" && isOwn(payment));
  const amount = discount && (discount.percent_off ? (discount.percent_off / 100).toLocaleString(locale, { style: "percent", maximumFractionDigits: 2 }) : money(discount.amount_off_cents, plan.currency));
  return [
    scheduled_plan && parts(t.changes_to, { plan: h("strong", {}, scheduled_plan.name), date: date(current_period_end) }),
    quantity > 1 && [format(t.quantity, { quantity })],
    discount && (discount.ends_at ? parts(t.discount_until, { amount, date: date(discount.ends_at) }) : [format(t.discount, { amount })]),
    payment_processing && [t.debit_processing],
    collection_paused && [t.collection_paused],
    lastPayment && parts(t.last_payment, { amount: money(lastPayment.amount_cents, lastPayment.currency), date: date(lastPayment.created_at) }),
    parts(t.subscribed_since, { date: date(started_at) }),
  ].filter(Boolean);
}

/** For a subscription with a failed payment: how long there is access, and where to pay. */
function paymentNotice({ status, has_access, access_until }, payments) {
  if (status !== "past_due" && status !== "unpaid") return null;
  const open = payments.find((payment) => payment.status === "failed" && payment.invoice_url);
  const limit = access_until !== null && parts(has_access ? t.access_until : t.access_ended, { date: date(access_until) });
  const access = limit || [t.no_access];
  return h(
    "div",
    { class: "notice" },
    h("p", {}, h("strong", {}, t.last_payment_failed), " ", ...access),
    h("p", {}, open ? h("a", { class: "button", href: open.invoice_url }, format(t.pay_now, { amount: money(open.amount_cents, open.currency) })) : t.pay_in_portal),
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
    status === "paused" && form([], t.resume_subscription, change("resume", t.resumed)),
    scheduled_plan && !cancel_at_period_end && form([], format(t.stay_on, { plan: plan.name }), change("resume", format(t.staying_on, { plan: plan.name }))),
    cancel_at_period_end
      ? form([], t.undo_cancel, change("resume", t.will_renew))
      : cancellation(subscription, place, change("cancel", t.will_cancel)),
    form([], t.portal, openPortal, { kind: "quiet" }),
  ];
}

/** The plan of a user without a subscription, if there is one of price 0. */
function freePlan(plans) {
  const free = plans.find((plan) => plan.price_cents === 0);
  const name = free?.name ?? t.no_plan;
  return h("div", {}, h("p", { class: "plan-name" }, h("strong", {}, name)), h("p", { class: "soft" }, free ? t.not_subscribed : t.choose_plan));
}

/** The section of the current plan, as a list of one element. */
export function currentPlan({ subscription, plans, payments }, refresh) {
  const section = (...children) => [h("section", { class: "panel current-plan", "aria-labelledby": "current-plan" }, h("h2", { id: "current-plan" }, t.current_plan), ...children)];
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
