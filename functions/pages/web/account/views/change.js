// Another plan for the same subscription: first what it costs, then the change.

import { call, resume } from "../client.js";
import { date, form, h, money, price } from "../dom.js";
import { willEnd } from "./subscription.js";

const periods = ["month", "year"];

/** Whether `plan` is more than what is held: a higher tier, else a longer period, else no lower price. */
function rises(held, plan) {
  const steps = [
    plan.tier - held.plan.tier,
    periods.indexOf(plan.billing_period) - periods.indexOf(held.billing_period),
    plan.price_cents - held.price_cents,
  ];
  return (steps.find((step) => step !== 0) ?? 0) >= 0;
}

/** Why `plan` cannot follow what is held; null where it can. */
function obstacle(held, plan) {
  if (held.currency !== plan.currency) return "In another currency: to be had when your subscription has ended.";
  if (willEnd(held) && !rises(held, plan)) return "It would begin with the next period: keep the subscription first.";
  return null;
}

/** What is to be paid now, part by part. */
function bill({ lines, amount_due_cents, currency }) {
  const row = ({ description, amount_cents }) => [h("dt", {}, description), h("dd", {}, money(amount_cents, currency))];
  return h("dl", { class: "bill" }, ...lines.flatMap(row), h("dt", { class: "total" }, "To pay now"), h("dd", { class: "total" }, money(amount_due_cents, currency)));
}

/** When the change begins and what comes after it. `due` is what is to be paid now. */
function course(held, plan, isAtOnce, due) {
  const end = date(held.current_period_end);
  const later = price(plan.price_cents, plan.currency, plan.billing_period);
  if (!isAtOnce) return ["From ", end, ` on. There is nothing to pay now: you keep ${held.plan.name} until then, and pay ${later} after that.`];
  const now = "It begins at once.";
  if (willEnd(held)) return [`${now} Your subscription still ends on `, end, "."];
  if (held.status !== "trialing") return [`${now} You pay ${later} after that.`];
  if (due > 0) return [`${now} It ends your trial: you pay ${later} after that.`];
  // The trial of the plan counts from the start of the subscription.
  const trialEnd = new Date(Date.parse(held.started_at) + plan.trial_days * 86_400_000).toISOString();
  return [`${now} Your trial goes on: you pay ${later} from `, date(trialEnd), " on."];
}

/** The `offer` of a plan instead of the one that is held, and the `place` where it is shown what that costs. */
export function change(held, onChange) {
  const place = h("div", {});
  let looks = 0;

  async function look(plan, leave, note) {
    looks += 1;
    const turn = looks;
    const preview = await call("POST", "/billing/subscriptions/preview", { plan_code: plan.code });
    // Another one was asked for meanwhile.
    if (turn === looks) show(plan, leave, preview, note);
  }

  function show(plan, leave, preview, note) {
    // In a trial a change at once may cost nothing.
    const isAtOnce = preview.lines.length > 0 || (held.status === "trialing" && rises(held, plan));
    const due = preview.amount_due_cents;
    // One key for as often as it is pressed: what was charged is not charged again.
    const key = { "idempotency-key": crypto.randomUUID() };
    const confirm = async () => {
      const { proration_date } = preview;
      try {
        await call("POST", "/billing/subscriptions/upgrade", { plan_code: plan.code, proration_date }, key);
      } catch (problem) {
        if (problem.code !== "invalid_proration_date") throw problem;
        return look(plan, leave, "It was counted too long ago. This is what it costs now.");
      }
      // The token follows, for its `tier`; what fails here comes with the next refresh.
      await resume().catch(() => false);
      await onChange(...(isAtOnce ? [`Your plan is ${plan.name} now.`] : ["From ", date(held.current_period_end), ` on your plan is ${plan.name}.`]));
    };
    const close = () => {
      place.replaceChildren();
      leave();
    };
    const heading = h("h3", { id: "change", tabindex: "-1" }, `Change to ${plan.name}`);
    place.replaceChildren(
      h(
        "section",
        { class: "preview", "aria-labelledby": heading.id },
        heading,
        note && h("p", { role: "status" }, note),
        isAtOnce && bill(preview),
        h("p", {}, ...course(held, plan, isAtOnce, due)),
        form([], due > 0 ? `Pay ${money(due, preview.currency)} and change` : "Confirm the change", confirm),
        h("button", { class: "quiet", onclick: close }, "Leave it"),
      ),
    );
    heading.focus();
  }

  function offer(plan) {
    // What is open is paid first.
    if (held.status !== "active" && held.status !== "trialing") return null;
    const reason = obstacle(held, plan);
    if (reason !== null) return h("p", { class: "soft" }, reason);
    const element = form([], `Change to ${plan.name}`, () => look(plan, () => element.querySelector("button").focus()), { kind: "quiet" });
    return element;
  }

  return { place, offer };
}
