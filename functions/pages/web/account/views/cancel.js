// Cancel at period end, after a confirmation that says what it means.

import { date, h } from "../dom.js";
import { form } from "../forms.js";
import { format, parts } from "../language.js";

function consequences({ plan, scheduled_plan, status, current_period_end }) {
  const isTrial = status === "trialing";
  const end = date(current_period_end);
  return [
    parts(isTrial ? t.cancel_trial_ends : t.cancel_ends, { plan: plan.name, date: end }),
    [t.cancel_access],
    scheduled_plan && [h("strong", {}, format(t.cancel_drops, { plan: scheduled_plan.name }))],
    [t.cancel_undo],
  ].filter(Boolean);
}

/** The button that asks for a confirmation in `place`; `send` cancels. */
export function cancellation(subscription, place, send) {
  const element = form([], t.cancel_subscription, () => open(), { kind: "quiet" });

  function close() {
    place.replaceChildren();
    element.querySelector("button").focus();
  }

  function open() {
    const heading = h("h3", { id: "cancel", tabindex: "-1" }, t.cancel_title);
    place.replaceChildren(
      h(
        "section",
        { class: "confirmation", "aria-labelledby": heading.id },
        heading,
        h("ul", {}, ...consequences(subscription).map((line) => h("li", {}, ...line))),
        h("div", { class: "actions" }, form([], t.cancel_at_end, send, { kind: "danger" }), h("button", { type: "button", class: "quiet", onclick: close }, t.keep_subscription)),
      ),
    );
    heading.focus();
  }

  return element;
}
