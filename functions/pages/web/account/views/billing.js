// Billing: the current plan, the plans to choose from, the invoices, and the return from a checkout.

import { call, confirmCheckout } from "../client.js";
import { date, h } from "../dom.js";
import { format } from "../language.js";
import { announce, fill } from "../panel.js";
import { returnAddress } from "../return.js";
import { mayHaveSubscription, subscriptionMissing } from "../subscription-hint.js";
import { invoices } from "./invoices.js";
import { plans } from "./plans.js";
import { currentPlan, isLive, subscriptionPrice } from "./subscription.js";

export const title = t.billing;
export const address = "/account/billing";

/** How often the subscription is requested, a second apart, until the payment is confirmed. */
const MAX_ATTEMPTS = 15;

/** The user's subscription; null for a user who never had one. */
async function loadSubscription(user) {
  try {
    return await call("GET", "/billing/subscriptions/me");
  } catch (problem) {
    if (problem.code !== "no_subscription") throw problem;
    subscriptionMissing(user);
    return null;
  }
}

/** Everything that the page shows. */
async function load() {
  const [user, { items }, payments] = await Promise.all([call("GET", "/me"), call("GET", "/billing/plans"), call("GET", "/billing/payments/me")]);
  const subscription = mayHaveSubscription(user, payments.items) ? await loadSubscription(user) : null;
  return { user, plans: items, payments, subscription };
}

/** The result of a checkout in the address. It is removed from the address. */
function takeCheckoutResult() {
  const result = new URLSearchParams(location.search).get("checkout");
  if (result !== null) history.replaceState(history.state, "", location.pathname);
  return result;
}

function content(data, isConfirming, refresh) {
  return [
    ...currentPlan(data, refresh),
    h("section", { class: "panel", "aria-labelledby": "plans" }, h("h2", { id: "plans" }, t.plans), plans(data, isConfirming, refresh)),
    h("section", { class: "panel", "aria-labelledby": "invoices" }, h("h2", { id: "invoices" }, t.invoices), ...invoices(data.payments)),
  ];
}

export function view({ notice }) {
  // Before the address changes: the checkout is a reason to request the subscription.
  const isReturn = new URLSearchParams(location.search).get("checkout") === "success";
  const status = h("p", { role: "status", tabindex: "-1" }, notice);
  const place = h("div", {});
  /** Loads everything again after a change. The button that was pressed is gone then: the focus goes to the message. */
  const refresh = async (...message) => {
    const data = await load();
    place.replaceChildren(...content(data, false, refresh));
    status.replaceChildren(...message);
    if (message.length > 0) status.focus();
  };
  fill(place, 6, async () => {
    const data = await load();
    const result = takeCheckoutResult();
    if (result === "canceled") status.textContent = t.checkout_left;
    if (result === "success") {
      status.textContent = t.confirming;
      confirmPayment(status, place, refresh);
    }
    return content(data, isReturn, refresh);
  });
  return [h("h1", { tabindex: "-1" }, title), status, place];
}

/** The thanks, with what the subscription costs and when it is charged next. */
function thanks(subscription) {
  const values = { plan: subscription.plan.name, price: subscriptionPrice(subscription), date: date(subscription.current_period_end).textContent };
  return format(subscription.status === "trialing" ? t.subscribed_trial : t.subscribed, values);
}

/** Waits until the subscription gives access, then shows it, or leads back to the product that the person came from. */
async function confirmPayment(status, place, refresh) {
  // If the token is not renewed, the next call renews it.
  const current = await confirmCheckout({ attempts: MAX_ATTEMPTS, isWanted: () => place.isConnected }).catch(() => null);
  if (!place.isConnected) return;
  if (!current?.has_access) {
    status.textContent = isLive(current)
      ? t.payment_open
      : t.payment_unconfirmed;
    return;
  }
  if (returnAddress() !== null) return location.assign(returnAddress());
  // If this fails, the next visit shows it.
  await refresh().catch(() => {});
  status.textContent = thanks(current);
  announce(status.textContent);
}
