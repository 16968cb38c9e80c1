// Change the plan of a subscription: first a preview of what it costs, then the change.

import { call, resume } from "../client.js";
import { date, h, money, price } from "../dom.js";
import { form } from "../forms.js";
import { format, parts } from "../language.js";
import { isEnding } from "./subscription.js";

const periods = ["month", "year"];

/** Whether `plan` is an upgrade: a higher tier, otherwise a longer period, otherwise no lower price. */
function isUpgrade(subscription, plan) {
  const differences = [
    plan.tier - subscription.plan.tier,
    periods.indexOf(plan.billing_period) - periods.indexOf(subscription.billing_period),
    plan.price_cents - subscription.price_cents,
  ];
  return (differences.find((difference) => difference !== 0) ?? 0) >= 0;
}

/** Why the subscription cannot change to `plan`; null if it can. */
function obstacle(subscription, plan) {
  if (subscription.currency !== plan.currency) return t.other_currency;
  if (isEnding(subscription) && !isUpgrade(subscription, plan)) return t.undo_to_schedule;
  return null;
}

/** The lines of the preview and their total. */
function bill({ lines, amount_due_cents, currency }) {
  const row = ({ description, amount_cents }) => [h("dt", {}, description), h("dd", {}, money(amount_cents, currency))];
  return h("dl", { class: "bill" }, ...lines.flatMap(row), h("dt", { class: "total" }, t.due_today), h("dd", { class: "total" }, money(amount_due_cents, currency)));
}

/** When the change takes effect, and what is charged after it. */
function schedule(subscription, plan, isImmediate, due) {
  const end = date(subscription.current_period_end);
  const amount = price(plan.price_cents, plan.currency, plan.billing_period);
  if (!isImmediate) return parts(t.change_scheduled, { date: end, plan: subscription.plan.name, price: amount });
  if (isEnding(subscription)) return parts(t.change_ends, { date: end });
  if (subscription.status !== "trialing") return [format(t.change_now, { price: amount })];
  if (due > 0) return [format(t.change_trial_ends, { price: amount })];
  // The trial of the plan counts from the start of the subscription.
  const trialEnd = new Date(Date.parse(subscription.started_at) + plan.trial_days * 86_400_000).toISOString();
  return parts(t.change_trial, { price: amount, date: date(trialEnd) });
}

/** `offer(plan)` is the button for a plan; the preview is shown in `place`. */
export function planChange(subscription, refresh) {
  const place = h("div", {});
  let latest = 0;

  async function preview(plan, leave, note) {
    latest += 1;
    const own = latest;
    const costs = await call("POST", "/billing/subscriptions/preview", { plan_code: plan.code });
    // Another plan may have been chosen meanwhile.
    if (own === latest) show(plan, leave, costs, note);
  }

  function show(plan, leave, costs, note) {
    // During a trial, an immediate change may cost nothing.
    const isImmediate = costs.lines.length > 0 || (subscription.status === "trialing" && isUpgrade(subscription, plan));
    const due = costs.amount_due_cents;
    // The key of all attempts: a change that was paid is not paid again.
    const key = { "idempotency-key": crypto.randomUUID() };
    const confirm = async () => {
      try {
        await call("POST", "/billing/subscriptions/upgrade", { plan_code: plan.code, proration_date: costs.proration_date }, key);
      } catch (problem) {
        if (problem.code !== "invalid_proration_date") throw problem;
        return preview(plan, leave, t.price_updated);
      }
      // The token has the tier of the plan. If this fails, the next renewal updates it.
      await resume().catch(() => false);
      await refresh(...(isImmediate ? [format(t.changed, { plan: plan.name })] : parts(t.will_change, { plan: plan.name, date: date(subscription.current_period_end) })));
    };
    const close = () => {
      place.replaceChildren();
      leave();
    };
    const heading = h("h3", { id: "change", tabindex: "-1" }, format(t.change_to, { plan: plan.name }));
    place.replaceChildren(
      h(
        "section",
        { class: "confirmation", "aria-labelledby": heading.id },
        heading,
        note && h("p", { role: "status" }, note),
        isImmediate && bill(costs),
        h("p", {}, ...schedule(subscription, plan, isImmediate, due)),
        h(
          "div",
          { class: "actions" },
          form([], due > 0 ? format(t.pay_and_change, { amount: money(due, costs.currency) }) : t.confirm_change, confirm),
          h("button", { type: "button", class: "quiet", onclick: close }, t.cancel),
        ),
      ),
    );
    heading.focus();
  }

  function offer(plan) {
    // An open payment comes first.
    if (subscription.status !== "active" && subscription.status !== "trialing") return null;
    const reason = obstacle(subscription, plan);
    if (reason !== null) return h("p", { class: "soft" }, reason);
    const element = form([], format(t.change_to, { plan: plan.name }), () => preview(plan, () => element.querySelector("button").focus()), { kind: "quiet" });
    return element;
  }

  return { place, offer };
}
