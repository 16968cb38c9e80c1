// What there is to subscribe to, what is subscribed to, and what was paid.

import { call, resume } from "../client.js";
import { h, sentence, time } from "../dom.js";

export const title = "Plan";

/** How long a paid checkout is waited for: Stripe's word is there within seconds. */
const LOOKS = 15;

const PERIODS = { month: "a month", year: "a year" };

const STATUSES = {
  trialing: "Trial",
  active: "Active",
  past_due: "The last payment failed",
  unpaid: "Not paid",
  paused: "Paused: there is no way to pay",
  canceled: "Ended",
  incomplete: "The first payment is not made yet",
  incomplete_expired: "The first payment was never made",
};

function money(cents, currency) {
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency });
  return format.format(cents / 10 ** format.resolvedOptions().maximumFractionDigits);
}

function day(text) {
  return h("time", { datetime: text }, new Date(text).toLocaleDateString(undefined, { dateStyle: "medium" }));
}

async function mine() {
  try {
    return await call("GET", "/billing/subscriptions/me");
  } catch (problem) {
    if (problem.code === "no_subscription") return null;
    throw problem;
  }
}

/** The subscription, once it gives access; looked for again while a payment's news is under way. */
async function paid() {
  for (let look = 1; look < LOOKS; look += 1) {
    const subscription = await mine();
    if (subscription?.has_access) return subscription;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  return mine();
}

function state(subscription, payments) {
  const { plan, status, current_period_end: end } = subscription;
  const failed = payments.find((payment) => payment.status === "failed" && payment.invoice_url);
  const facts = [
    ["Plan", plan.name],
    ["Price", `${money(subscription.price_cents, subscription.currency)} ${PERIODS[subscription.billing_period]}`],
    ["State", STATUSES[status] ?? status],
    ["Since", day(subscription.started_at)],
    subscription.has_access && (subscription.cancel_at_period_end ? ["Ends on", day(end)] : status === "past_due" ? ["Access until", day(subscription.access_until)] : ["Renews on", day(end)]),
  ].filter(Boolean);
  return [
    h("h2", {}, "Your subscription"),
    h("dl", {}, ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    status === "past_due" && failed && h("p", {}, h("a", { href: failed.invoice_url }, "Pay the open invoice"), " to keep your access."),
  ];
}

function features(plan) {
  const items = Object.entries(plan.features).map(([name, value]) => h("li", {}, value === true ? name : `${name}: ${typeof value === "object" ? JSON.stringify(value) : value}`));
  return items.length > 0 && h("ul", {}, ...items);
}

function offers(plans, subscription, alert) {
  const isSubscribed = subscription !== null && !["canceled", "incomplete", "incomplete_expired"].includes(subscription.status);

  async function subscribe(plan, button) {
    button.disabled = true;
    alert.textContent = "";
    try {
      const key = { "idempotency-key": crypto.randomUUID() };
      const { checkout_url: page } = await call("POST", "/billing/subscriptions/subscribe", { plan_code: plan.code }, key);
      location.assign(page);
    } catch (problem) {
      button.disabled = false;
      alert.textContent = sentence(problem);
    }
  }

  return plans.map((plan) => {
    const isCurrent = isSubscribed ? subscription.plan.id === plan.id : plan.price_cents === 0;
    const button = h("button", { onclick: () => subscribe(plan, button) }, `Subscribe to ${plan.name}`);
    const mayBuy = !isSubscribed && plan.price_cents > 0;
    const price = plan.price_cents === 0 ? "Free" : `${money(plan.price_cents, plan.currency)} ${PERIODS[plan.billing_period]}`;
    return h(
      "li",
      {},
      h("div", {}, h("strong", {}, plan.name), isCurrent && " (yours)", h("br"), price, plan.trial_days > 0 && `, ${plan.trial_days} days for nothing`, plan.description && h("br"), plan.description, features(plan)),
      mayBuy && button,
    );
  });
}

function paymentRow(payment) {
  const status = { succeeded: "Paid", failed: "Failed", refunded: "Given back" }[payment.status];
  return h(
    "li",
    {},
    h("div", {}, payment.description ?? "Payment", h("br"), h("small", {}, time(payment.created_at), ", ", status, payment.refunded_cents > 0 && payment.status !== "refunded" && `, ${money(payment.refunded_cents, payment.currency)} given back`)),
    h("div", { class: "act" }, money(payment.amount_cents, payment.currency), payment.invoice_url && h("br"), payment.invoice_url && h("a", { href: payment.invoice_url }, "Invoice of ", day(payment.created_at))),
  );
}

function payments(first) {
  const rows = h("ul", { class: "rows" }, ...first.items.map(paymentRow));
  let cursor = first.next_cursor;
  const more = h("button", { class: "quiet", onclick: () => load() }, "Show more");
  more.hidden = cursor === null;

  async function load() {
    const page = await call("GET", `/billing/payments/me?cursor=${encodeURIComponent(cursor)}`);
    rows.append(...page.items.map(paymentRow));
    cursor = page.next_cursor;
    more.hidden = cursor === null;
  }
  return [h("h2", {}, "Payments"), rows, more];
}

/** What a browser that comes back from a checkout is told; its address is put right. */
function returned() {
  const came = new URLSearchParams(location.search).get("checkout");
  if (came) history.replaceState(null, "", "/account/plan");
  return came;
}

export async function view() {
  const came = returned();
  const subscription = came === "success" ? await paid() : await mine();
  // What the token says of the tier follows the payment.
  if (came === "success") await resume();
  const [{ items: plans }, first] = await Promise.all([call("GET", "/billing/plans"), call("GET", "/billing/payments/me")]);
  const notices = {
    success: subscription?.has_access ? "Thank you, it is paid." : "Thank you. The payment is not confirmed yet: look again in a minute.",
    canceled: "Nothing was paid.",
  };
  const alert = h("p", { role: "alert" });
  return [
    h("h1", {}, title),
    notices[came] && h("p", { role: "status" }, notices[came]),
    ...(subscription ? state(subscription, first.items) : []),
    h("h2", {}, "Plans"),
    h("ul", { class: "rows" }, ...offers(plans, subscription, alert)),
    alert,
    ...(first.items.length > 0 ? payments(first) : []),
  ].filter(Boolean);
}
