// How the fake Stripe behaves: delivery of events, refusals of calls, the portal, keys.

import { h } from "/account/dom.js";
import { copyable, facts, plural } from "/dashboard/ui/parts.js";
import { itemsOf, read, remove, send } from "../api.js";
import { action, choice, inlineForm, input } from "../forms.js";
import { nothing, panel, table } from "../parts.js";

const modes = [
  ["normal", "Normal: sent at once"],
  ["hold", "Hold: kept until normal"],
  ["duplicate", "Duplicate: each is sent twice"],
  ["reverse", "Reverse: kept, released newest first"],
  ["drop", "Drop: never sent"],
];

function delivery({ mode, pending, held }) {
  const form = inlineForm([choice("New events are", "mode", modes, mode)], "Set mode", (values) => send("stripe/delivery", values), ({ mode: now }) => `The delivery mode is ${now}.`);
  const state = `${plural(pending, "delivery", "deliveries")} under way, ${held} kept. An event that is not answered with 2xx is sent again after 10 seconds, 1 minute, 10 minutes, then hourly.`;
  return panel("Delivery of events", h("p", {}, state), form);
}

function refusals(items) {
  const columns = [
    ["Operation", ({ operation }) => h("code", {}, operation), "main"],
    ["Status", ({ status }) => String(status), "number"],
    ["Code", ({ code }) => code ?? "–"],
    ["Times left", ({ times }) => (times === null || times === undefined ? "until removed" : String(times))],
  ];
  const list = items.length > 0 ? table("Refused calls", columns, items) : nothing("No call is refused", "Add one to see how the service copes with an answer of Stripe.");
  const fields = [
    input("Operation", "operation", { placeholder: "POST /v1/refunds", required: true }),
    input("Status", "status", { type: "number", min: 400, max: 599, value: 400, required: true }),
    input("Code (optional)", "code"),
    input("Message (optional)", "message"),
    input("Times (empty: always)", "times", { type: "number", min: 1 }),
  ];
  const add = ({ status, times, ...rest }) => send("stripe/refusals", { code: "", message: "", ...rest, status: Number(status), ...(times && { times: Number(times) }) });
  const clear = items.length > 0 && action("Remove all", () => remove("stripe/refusals"), "No call is refused any more.");
  return panel("Refused calls", list, h("p", {}), inlineForm(fields, "Refuse calls", add, "Stripe refuses these calls now."), clear && h("p", {}), clear);
}

export async function settings() {
  const [about, state, refused] = await Promise.all([read("stripe"), read("stripe/delivery"), itemsOf("stripe/refusals")]);
  const portal = inlineForm([choice("The customer portal is", "configured", [["true", "set up"], ["false", "not set up"]])], "Set portal", ({ configured }) => send("stripe/portal", { configured: configured === "true" }), "The portal is set.");
  return [
    delivery(state),
    refusals(refused),
    panel("Customer portal", h("p", {}, "Without settings in Stripe's dashboard, the real Stripe opens no portal."), portal),
    panel("Keys", facts([["API version", about.api_version], ["Secret key", copyable(about.secret_key)], ["Webhook secret", copyable(about.webhook_secret)]]), h("p", { class: "soft" }, "They open nothing but this fake.")),
  ];
}
