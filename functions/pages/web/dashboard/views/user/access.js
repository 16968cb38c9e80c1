// Why a user has access or does not, and until when: one sentence, from the service's data about the user and the
// subscriptions. This module makes no request and uses no elements.

/** A date in the sentence, and the name of a plan, which may be in any script. */
const on = (date) => ({ date });
const named = (plan) => ({ name: plan?.name ?? "a price of no plan" });

/** Whether the subscription renews after its period, by the rules of the service. */
const willRenew = ({ cancel_at_period_end, cancel_at, current_period_end }) =>
  !cancel_at_period_end && (cancel_at === null || Date.parse(cancel_at) > Date.parse(current_period_end));

/** When an ended subscription ended. */
const endOf = ({ cancel_at_period_end, canceled_at, current_period_end }) => (!cancel_at_period_end && canceled_at) || current_period_end;

const isLive = ({ status }) => ["trialing", "active", "past_due", "unpaid", "paused"].includes(status);

/** The subscription that decides: that of the highest tier with access, otherwise the live one, otherwise the newest. */
export function deciding(subscriptions) {
  const giving = subscriptions.filter(({ has_access }) => has_access).sort((a, b) => (b.plan?.tier ?? 0) - (a.plan?.tier ?? 0));
  return giving[0] ?? subscriptions.find(isLive) ?? subscriptions[0] ?? null;
}

/** For a subscription that gives access: the reason, and when access ends. */
function reasonsFor(held) {
  const { status, access_until, current_period_end, cancel_at, collection_paused, payment_processing, scheduled_plan } = held;
  if (status === "past_due") {
    const end = willRenew(held) ? "the grace period for the failed payment ends then" : "the last payment failed and the subscription will not renew";
    return ["until ", on(access_until), `: ${end}.`];
  }
  const isTrial = status === "trialing";
  if (!willRenew(held)) return ["until ", on(access_until), `: the ${isTrial ? "trial" : "subscription"} is canceled and ends then.`];
  const more = [];
  if (scheduled_plan) more.push(" It changes to ", named(scheduled_plan), " on ", on(current_period_end), ".");
  if (collection_paused) more.push(" Collection of payments is paused.");
  if (payment_processing) more.push(" A bank debit is in progress.");
  if (cancel_at !== null) more.push(" It is set to end on ", on(cancel_at), ".");
  const cause = isTrial ? "because a trial runs and its first payment is due on " : "because the subscription is active and renews on ";
  return [cause, on(current_period_end), "; without that payment, access ends on ", on(access_until), ".", ...more];
}

/** For a subscription without access. */
function reasonsAgainst(held, payment) {
  const { id, status, plan, access_until, payment_processing, current_period_end, cancel_at_period_end } = held;
  if (status === "canceled") {
    const isUnpaid = payment?.status === "failed" && payment.subscription_id === id;
    const cause = isUnpaid ? [" after the payment of ", on(payment.created_at), " failed"] : [];
    // Before the end of a period that is paid, only a cancellation at Stripe ends it.
    const isEarly = !isUnpaid && Date.parse(endOf(held)) < Date.parse(current_period_end);
    const ended = isEarly ? " was canceled at Stripe with immediate effect on " : " ended on ";
    return ["the subscription to ", named(plan), cancel_at_period_end ? " was canceled and ended on " : ended, on(endOf(held)), ...cause, "."];
  }
  if (status === "incomplete_expired") return ["the first payment was not made in time, so the subscription never started."];
  if (plan === null) return ["the subscription is to a price that belongs to no plan."];
  switch (status) {
    case "incomplete": return [payment_processing ? "the first payment, a bank debit, is still in progress." : "the first payment is not completed."];
    case "paused": return ["the trial ended without a payment method, so Stripe paused the subscription."];
    case "unpaid": return ["the last invoices are unpaid and Stripe has stopped collecting them. Access returns when they are paid."];
    case "past_due": return access_until === null ? ["the last payment failed."] : ["the last payment failed, and the grace period ended on ", on(access_until), "."];
    case "trialing": case "active":
      if (access_until === null) return ["this subscription is a duplicate, which is canceled and refunded."];
      if (!willRenew(held)) return ["the subscription was canceled and ended on ", on(access_until), "."];
      return ["the period ended on ", on(current_period_end), " and Stripe has not reported a renewal."];
    default: return [`the status of the subscription is ${status}.`];
  }
}

/**
 * The sentence as texts, {date}s and {name}s of plans, and its `state`: "yes", "ending" (a date after which there will be none), "no".
 * `user` is the service's UserDetails, `subscriptions` are all of that user, the newest first, and `payment` is the newest.
 */
export function accessOf(user, subscriptions, payment) {
  const held = deciding(subscriptions);
  const plan = [named(held?.plan), ` (tier ${held?.plan?.tier ?? user.tier})`];
  if (!user.is_active || !user.email_verified) {
    const obstacle = user.is_active ? "the e-mail address is not verified" : "the account is disabled";
    const beside = held?.has_access ? ["; the subscription to ", ...plan, willRenew(held) ? " continues and" : " is canceled but", " would give access until ", on(held.access_until), "."] : [", and no subscription gives access."];
    return { state: "no", words: [`Cannot sign in because ${obstacle}`, ...beside] };
  }
  if (!held?.has_access) {
    const reason = held === null ? ["there has never been a subscription."] : reasonsAgainst(held, payment);
    return { state: "no", words: ["Has no access to a paid plan: ", ...reason] };
  }
  const isEnding = held.status === "past_due" || !willRenew(held);
  return { state: isEnding ? "ending" : "yes", words: ["Has access to ", ...plan, " ", ...reasonsFor(held)] };
}
