// Cancelling at period end: first what that means, then the cancellation.

import { date, form, h } from "../dom.js";

/** What a cancellation of `held` changes, and when. */
function consequences(held) {
  const { plan, scheduled_plan, status, current_period_end } = held;
  const isTrial = status === "trialing";
  return [
    h("p", {}, `${isTrial ? "Your trial of" : "Your subscription to"} ${plan.name} ends on `, date(current_period_end), isTrial ? ", and nothing is charged. You keep access until then." : ". You keep access until then, and it is not renewed."),
    scheduled_plan && h("p", {}, `The change to ${scheduled_plan.name} that is scheduled for `, date(current_period_end), " is dropped."),
    h("p", {}, "You can take this back until then."),
  ];
}

/** The button that asks in `place` for a confirmation, after which `send` cancels. */
export function cancellation(held, place, send) {
  const ask = async () => {
    const close = () => {
      place.replaceChildren();
      element.querySelector("button").focus();
    };
    const heading = h("h3", { id: "cancel", tabindex: "-1" }, "Cancel at period end?");
    place.replaceChildren(
      h(
        "section",
        { class: "preview", "aria-labelledby": heading.id },
        heading,
        ...consequences(held).filter(Boolean),
        form([], "Cancel the subscription", send, { kind: "danger" }),
        h("button", { class: "quiet", onclick: close }, "Leave it"),
      ),
    );
    heading.focus();
  };
  const element = form([], "Cancel at period end", ask, { kind: "quiet" });
  return element;
}
