// The state of a subscription in plain words, and what can be done with it.

import { call } from "../client.js";
import { date, form, h, money, price } from "../dom.js";

const states = {
  trialing: "Trial",
  active: "Active",
  past_due: "Past due: the last payment failed, and it is tried again",
  unpaid: "Unpaid: there is no access until the open invoice is paid",
  paused: "Paused: nothing is charged, and there is no access",
  incomplete: "Not begun: the first payment is not finished",
  incomplete_expired: "Never begun: the first payment did not come",
  canceled: "Ended",
};

/** Whether it began and is not over: then there can be no second one. */
export const isLive = (held) => ["trialing", "active", "past_due", "unpaid", "paused"].includes(held?.status);

/** What comes when, as a pair of name and date. */
function next(held) {
  const { status, access_until, current_period_end } = held;
  if (status === "canceled") return ["Ended on", date((!held.cancel_at_period_end && held.canceled_at) || current_period_end)];
  if (status === "past_due") return access_until && [held.has_access ? "Access until" : "Access ended on", date(access_until)];
  if (status !== "trialing" && status !== "active") return null;
  if (held.cancel_at_period_end || (access_until && access_until <= current_period_end)) return ["Ends on", date(access_until ?? current_period_end)];
  return [status === "trialing" ? "First payment on" : "Renews on", date(current_period_end)];
}

/** The ways to end it with its period or to take that back, after which `onChange` shows it anew, and to Stripe's own page. */
function ways(held, onChange) {
  const renewal = (act) => async () => {
    await call("POST", `/billing/subscriptions/${act}`, undefined, { "idempotency-key": crypto.randomUUID() });
    await onChange();
  };
  const portal = async () => location.assign((await call("POST", "/billing/portal")).url);
  return [
    held.cancel_at_period_end ? form([], "Keep the subscription", renewal("resume")) : form([], "End it with this period", renewal("cancel")),
    form([], "Cards and invoices", portal),
  ];
}

/** The state of `held`; `paid` are the newest payments, of which a failed one tells where to pay. */
export function subscription(held, paid, onChange) {
  if (held === null) return null;
  const { plan, scheduled_plan, status } = held;
  const facts = [
    [isLive(held) ? "Plan" : "Last plan", plan.name],
    ["Price", price(held.price_cents, held.currency, held.billing_period)],
    ["Status", states[status] ?? status],
    next(held),
    scheduled_plan && ["Then", scheduled_plan.name],
    ["Since", date(held.started_at)],
  ].filter(Boolean);
  const isOwed = status === "past_due" || status === "unpaid";
  const owed = isOwed && paid.find((payment) => payment.status === "failed" && payment.invoice_url);
  return h(
    "div",
    {},
    h("dl", {}, ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    owed && h("p", {}, h("a", { href: owed.invoice_url }, `Pay ${money(owed.amount_cents, owed.currency)} now`)),
    ...(isLive(held) ? ways(held, onChange) : []),
  );
}
