// The clock of the whole stack: renewals, retries, schedules, links and sessions follow it.

import { h } from "/account/dom.js";
import { pageHead, when } from "/dashboard/ui/parts.js";
import { read, send } from "../api.js";
import { action, inlineForm, input } from "../forms.js";
import { panel } from "../parts.js";

export const title = "Clock";

const HOUR = 3600;
const DAY = 24 * HOUR;
const steps = [["+1 hour", HOUR], ["+1 day", DAY], ["+7 days", 7 * DAY], ["+31 days", 31 * DAY]];

/** `2026-05-01T12:00` in the time zone of the browser, for the field of a date. */
function local(time) {
  const date = new Date(time);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

const advance = (seconds) => send("clock", { advance_seconds: seconds });
const moved = ({ now }) => `The clock says ${new Date(now).toLocaleString()}.`;

/** Moves the clock to a time that is still to come. */
async function moveTo(time) {
  const { now } = await read("clock");
  const seconds = Math.ceil((new Date(time) - new Date(now)) / 1000);
  if (seconds <= 0) throw new Error("The clock only moves ahead. Choose a later time.");
  return advance(seconds);
}

function wayBack({ ahead, can_go_back, blocked }) {
  if (!ahead) return panel("Back to now", h("p", {}, "The clock has not been moved: it is this machine's."));
  const text = h("p", {}, `The clock is ${ahead} ahead of this machine's. A restart keeps that.`);
  if (!can_go_back) return panel("Back to now", text, h("p", {}, blocked));
  return panel("Back to now", text, action("Back to now", () => send("clock/back"), moved));
}

export async function view() {
  const state = await read("console/clock");
  const buttons = steps.map(([label, seconds]) => action(label, () => advance(seconds), moved, { kind: "quiet" }));
  const renewal = state.next_renewal;
  if (renewal) buttons.push(action("To the next renewal", () => moveTo(new Date(new Date(renewal).getTime() + 1000)), moved, { kind: "" }));
  const date = input("Date and time", "time", { type: "datetime-local", required: true, min: local(state.now), value: local(new Date(state.now).getTime() + DAY * 1000) });
  return [
    pageHead(title, { text: "Everything follows this clock: renewals and retries of payments, schedules, queues, links, codes and sessions." }),
    panel(
      "Move ahead",
      h("p", { class: "time" }, when(state.now)),
      h("p", {}, ...(renewal ? ["The next renewal is due ", when(renewal), "."] : ["No subscription renews. Subscribe to a plan on the account pages first."])),
      h("div", { class: "buttons" }, ...buttons),
      inlineForm([date], "Move to this time", ({ time }) => moveTo(time), moved),
    ),
    wayBack(state),
  ];
}
