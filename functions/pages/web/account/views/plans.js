// The plans side by side. A user without a subscription starts a checkout; a subscriber changes the plan.

import { brand } from "../brand.js";
import { subscribe } from "../client.js";
import { date, h, price, sentence } from "../dom.js";
import { form } from "../forms.js";
import { format, parts, plural } from "../language.js";
import { subscriptionRequested } from "../subscription-hint.js";
import { planChange } from "./change.js";
import { featureList } from "./features.js";
import { isLive } from "./subscription.js";

/** The plan of the brand, otherwise the cheapest one above the current tier. */
function recommendedPlan(plans, current) {
  const isAbove = (plan) => plan.price_cents > 0 && plan.id !== current?.id && plan.tier > (current?.tier ?? 0);
  const candidates = plans.filter((plan) => isAbove(plan) && (!current?.price_cents || plan.currency === current.currency));
  return candidates.find((plan) => plan.code === brand.recommended_plan) ?? candidates[0];
}

/** All plans of `data`. Nothing is offered while a payment `isConfirming`. `refresh` shows everything again. */
export function plans({ user, plans: items, subscription }, isConfirming, refresh) {
  const isSubscribed = isLive(subscription);
  const current = isSubscribed ? subscription.plan : items.find((plan) => plan.price_cents === 0);
  // An open payment comes first.
  const canChoose = !isSubscribed || subscription.status === "active" || subscription.status === "trialing";
  const recommended = canChoose ? recommendedPlan(items, current) : undefined;
  const status = h("p", { role: "status" });
  const checkouts = [];
  const changes = isSubscribed && planChange(subscription, refresh);

  function checkout(plan) {
    const onProblem = (problem) => {
      if (problem.code === "already_subscribed") {
        refresh(sentence(problem)).catch(() => {});
        return true;
      }
      if (problem.code !== "stripe_not_configured") return false;
      for (const button of checkouts) button.remove();
      status.textContent = sentence(problem);
      return true;
    };
    const start = async () => {
      subscriptionRequested(user);
      await subscribe(plan.code);
    };
    const element = form([], format(t.subscribe_to, { plan: plan.name }), start, { onProblem, kind: plan === recommended ? undefined : "quiet" });
    checkouts.push(element);
    return element;
  }

  function action(plan) {
    if (plan.id === current?.id) return null;
    if (isSubscribed && plan.id === subscription.scheduled_plan?.id) return h("p", { class: "soft" }, ...parts(t.starts_on, { date: date(subscription.current_period_end) }));
    if (plan.price_cents === 0) return isSubscribed && h("p", { class: "soft" }, t.plan_afterwards);
    if (isSubscribed) return changes.offer(plan);
    return !isConfirming && checkout(plan);
  }

  function card(plan) {
    const isCurrent = plan.id === current?.id;
    const isRecommended = plan === recommended;
    return h(
      "li",
      { class: isCurrent ? "current" : isRecommended && "recommended" },
      isCurrent && h("p", { class: "badge good" }, t.current_plan),
      isRecommended && h("p", { class: "badge accent" }, t.recommended),
      h("h3", {}, plan.name),
      h("p", { class: "plan-price" }, price(plan.price_cents, plan.currency, plan.billing_period)),
      plan.description && h("p", { class: "soft" }, plan.description),
      plan.trial_days > 0 && !isSubscribed && h("p", { class: "soft" }, plural(t.free_trial, plan.trial_days)),
      featureList(plan.features),
      action(plan),
    );
  }

  if (items.length === 0) return h("p", { class: "soft" }, t.no_plans);
  return h("div", {}, isSubscribed && changes.place, h("ul", { class: "plans" }, ...items.map(card)), status);
}
