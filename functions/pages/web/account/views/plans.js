// The plans side by side, and the way to one: by a checkout, or from the plan that is held.

import { call } from "../client.js";
import { date, form, h, money, price, sentence } from "../dom.js";
import { change } from "./change.js";
import { isLive } from "./subscription.js";

/** "max_projects" as "Max projects". */
function words(name) {
  const text = name.replaceAll(/[_-]+/g, " ").trim();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Any JSON as people read it. */
function told(value) {
  if (value === true) return "yes";
  if (value === false || value === null) return "no";
  if (typeof value === "number") return value.toLocaleString();
  if (Array.isArray(value)) return value.map(told).join(", ");
  if (typeof value === "object") return Object.entries(value).map(([name, inner]) => `${words(name).toLowerCase()} ${told(inner)}`).join(", ");
  return value;
}

/** A plan's features as a list; what is simply there is told by its name alone. */
function features(plan) {
  const items = Object.entries(plan.features).map(([name, value]) => h("li", {}, value === true ? words(name) : `${words(name)}: ${told(value)}`));
  return items.length > 0 && h("ul", {}, ...items);
}

/**
 * All plans; `held` is the caller's subscription or null. Nothing is offered while a payment `isAwaited`. `onChange` shows
 * everything anew.
 */
export function plans(items, held, isAwaited, onChange) {
  const hasOne = isLive(held);
  const note = h("p", { role: "status" });
  const buttons = [];
  const changes = hasOne && change(held, onChange);

  function subscribe(plan) {
    const onProblem = (problem) => {
      if (problem.code !== "stripe_not_configured") return false;
      for (const button of buttons) button.remove();
      note.textContent = sentence(problem);
      return true;
    };
    const send = async () => {
      const key = { "idempotency-key": crypto.randomUUID() };
      const { checkout_url } = await call("POST", "/billing/subscriptions/subscribe", { plan_code: plan.code }, key);
      location.assign(checkout_url);
    };
    const button = form([], `Subscribe to ${plan.name}`, send, { onProblem });
    buttons.push(button);
    return button;
  }

  function card(plan) {
    const isFree = plan.price_cents === 0;
    const isMine = hasOne ? plan.id === held.plan.id : isFree;
    const lines = [
      h("h3", {}, plan.name),
      h("p", {}, isFree ? money(0, plan.currency) : price(plan.price_cents, plan.currency, plan.billing_period)),
      plan.description && h("p", { class: "soft" }, plan.description),
      features(plan),
      plan.trial_days > 0 && !hasOne && h("p", { class: "soft" }, plan.trial_days === 1 ? "The first day is free, once." : `The first ${plan.trial_days} days are free, once.`),
    ];
    if (isMine) lines.push(h("p", { class: "mine" }, "Your plan"));
    else if (hasOne && plan.id === held.scheduled_plan?.id) lines.push(h("p", { class: "mine" }, "From ", date(held.current_period_end), " on"));
    else if (hasOne && !isFree) lines.push(changes.offer(plan));
    else if (!isFree && !isAwaited) lines.push(subscribe(plan));
    return h("li", { class: isMine && "current" }, ...lines);
  }

  return h("div", {}, h("ul", { class: "plans" }, ...items.map(card)), note, hasOne && changes.place);
}
