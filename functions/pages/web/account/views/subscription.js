// The state of a subscription in plain words, and what can be done with it.

import { call } from "../client.js";
import { cancellation } from "./cancel.js";
import { date, form, h, money, price } from "../dom.js";

const states = {
  trialing: "Trial",
  active: "Active",
  past_due: "Past due",
  unpaid: "Unpaid",
  paused: "Paused: nothing is charged, and there is no access",
  incomplete: "Not begun: the first payment is not finished",
  incomplete_expired: "Never begun: the first payment did not come",
  canceled: "Ended",
};

/** Whether it began and is not over: then there can be no second one. */
export const isLive = (held) => ["trialing", "active", "past_due", "unpaid", "paused"].includes(held?.status);

/** Whether it goes no further than its period. */
export const willEnd = ({ cancel_at_period_end, access_until, current_period_end }) =>
  cancel_at_period_end || (access_until !== null && access_until <= current_period_end);

/** What comes when, as a pair of name and date. */
function next(held) {
  const { status, access_until, current_period_end } = held;
  if (status === "canceled") return ["Ended on", date((!held.cancel_at_period_end && held.canceled_at) || current_period_end)];
  if (status !== "trialing" && status !== "active") return null;
  if (willEnd(held)) return ["Ends on", date(access_until ?? current_period_end)];
  return [status === "trialing" ? "First payment on" : "Renews on", date(current_period_end)];
}

/** For whom owes a payment: until when there is access, and where to pay. */
function debt(held, paid) {
  const { status, has_access, access_until } = held;
  if (status !== "past_due" && status !== "unpaid") return null;
  const open = paid.find((payment) => payment.status === "failed" && payment.invoice_url);
  const until = access_until === null ? ["There is no access until it is paid."] : [has_access ? "Your access stays until " : "Your access ended on ", date(access_until), "."];
  return h(
    "div",
    { class: "notice" },
    h("p", {}, h("strong", {}, "The last payment failed."), " ", ...until),
    h("p", {}, open ? h("a", { href: open.invoice_url }, `Pay ${money(open.amount_cents, open.currency)} now`) : "What is open stands under “Cards and invoices”."),
  );
}

/**
 * The ways to end it with its period, which is confirmed in `place`, to take back what waits for that, after which
 * `onChange` shows it anew, and to Stripe's own page.
 */
function ways(held, place, onChange) {
  const renewal = (act, told) => async () => {
    await call("POST", `/billing/subscriptions/${act}`, undefined, { "idempotency-key": crypto.randomUUID() });
    await onChange(told);
  };
  const { name } = held.plan;
  const portal = async () => location.assign((await call("POST", "/billing/portal")).url);
  return [
    held.scheduled_plan && !held.cancel_at_period_end && form([], `Stay with ${name}`, renewal("resume", `You stay with ${name}.`)),
    held.cancel_at_period_end
      ? form([], "Keep the subscription", renewal("resume", "Your subscription goes on."))
      : cancellation(held, place, renewal("cancel", "Your subscription ends with its period.")),
    form([], "Cards and invoices", portal, { kind: "quiet" }),
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
    scheduled_plan && [h("span", {}, "From ", date(held.current_period_end), " on"), scheduled_plan.name],
    ["Since", date(held.started_at)],
  ].filter(Boolean);
  const place = h("div", {});
  return h(
    "div",
    {},
    debt(held, paid),
    h("dl", {}, ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    isLive(held) && h("div", { class: "acts" }, ...ways(held, place, onChange)),
    place,
  );
}
