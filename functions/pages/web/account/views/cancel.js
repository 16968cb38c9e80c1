// Cancel at period end, after a confirmation that says what it means.

import { date, h } from "../dom.js";
import { form } from "../forms.js";

function consequences({ plan, scheduled_plan, status, current_period_end }) {
  const isTrial = status === "trialing";
  const end = date(current_period_end);
  return [
    isTrial ? ["Your trial of ", plan.name, " ends on ", end, ", and you won't be charged."] : ["Your ", plan.name, " subscription ends on ", end, " and won't renew."],
    ["You keep access until then."],
    scheduled_plan && [h("strong", {}, `The scheduled change to ${scheduled_plan.name} is dropped.`)],
    ["You can undo this until then."],
  ].filter(Boolean);
}

/** The button that asks for a confirmation in `place`; `send` cancels. */
export function cancellation(subscription, place, send) {
  const element = form([], "Cancel subscription", () => open(), { kind: "quiet" });

  function close() {
    place.replaceChildren();
    element.querySelector("button").focus();
  }

  function open() {
    const heading = h("h3", { id: "cancel", tabindex: "-1" }, "Cancel your subscription?");
    place.replaceChildren(
      h(
        "section",
        { class: "confirmation", "aria-labelledby": heading.id },
        heading,
        h("ul", {}, ...consequences(subscription).map((line) => h("li", {}, ...line))),
        h("div", { class: "actions" }, form([], "Cancel at period end", send, { kind: "danger" }), h("button", { type: "button", class: "quiet", onclick: close }, "Keep subscription")),
      ),
    );
    heading.focus();
  }

  return element;
}
