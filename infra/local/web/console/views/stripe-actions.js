// What can be done to a subscription and an invoice at the fake Stripe, as in Stripe's own dashboard.

import { h, money } from "/account/dom.js";
import { confirmAction } from "/dashboard/ui/confirm.js";
import { send } from "../api.js";
import { action, choice, inlineForm, input } from "../forms.js";

const outcomes = [
  ["paid", "paid"],
  ["failed", "failed: the card is declined"],
  ["action_required", "action required: the bank asks to confirm"],
  ["processing", "processing: a bank debit, paid after a day"],
];

const ended = (status) => status === "canceled" || status === "incomplete_expired";

export function subscriptionActions({ id, status }) {
  if (ended(status)) return h("span", { class: "soft" }, "It has ended.");
  const path = `stripe/subscriptions/${id}`;
  const numbers = (values, ...names) => ({ ...values, ...Object.fromEntries(names.filter((name) => name in values).map((name) => [name, Number(values[name])])) });
  const renew = (outcome, label) => action(label, () => send(`${path}/renew`, { outcome }), `The next period began, the payment is ${outcome.replace("_", " ")}.`, { name: `${label}: ${id}` });
  const cancel = action("Cancel now", () => send(`${path}/cancel`), "The subscription has ended.", {
    kind: "danger small",
    name: `Cancel now: ${id}`,
    ask: () => confirmAction({ title: "Cancel this subscription now?", text: "It ends at once at Stripe, as if canceled in Stripe's dashboard. Webhooks tell the service.", button: "Cancel subscription", danger: true }),
  });
  const more = h(
    "details",
    {},
    h("summary", {}, "More actions"),
    inlineForm([choice("The payment of the renewal is", "outcome", outcomes)], "Renew", (values) => send(`${path}/renew`, values), "The subscription is renewed."),
    inlineForm([input("Price (empty: the first item)", "price", { placeholder: "price_…" }), input("Quantity", "quantity", { type: "number", min: 1, value: 2, required: true })], "Change items", (values) => send(`${path}/items`, numbers(values, "quantity")), "The items are changed."),
    inlineForm([input("Percent off", "percent_off", { type: "number", min: 1, max: 100, value: 20, required: true })], "Give discount", (values) => send(`${path}/discount`, numbers(values, "percent_off")), "The discount is given."),
    inlineForm([choice("Collection of payments", "behavior", [["", "is not paused"], ["keep_as_draft", "keep as draft"], ["mark_uncollectible", "mark uncollectible"], ["void", "void"]])], "Set collection", (values) => send(`${path}/pause`, values), "The collection of payments is set."),
    inlineForm([input("End at", "time", { type: "datetime-local", required: true })], "Set the end", ({ time }) => send(`${path}/cancel_at`, { time: new Date(time).toISOString() }), "The end is set."),
    action("Remove the card", () => send(`${path}/remove_card`), "The card is removed: the next payment fails.", { name: `Remove the card: ${id}` }),
  );
  return [h("div", { class: "buttons" }, renew("paid", "Renew: paid"), renew("failed", "Renew: failed"), renew("action_required", "Renew: action required"), cancel), h("p", {}), more];
}

export function invoiceActions({ id, status, amount_paid, currency, hosted_invoice_url }) {
  const page = hosted_invoice_url && h("a", { class: "button quiet small", href: hosted_invoice_url, target: "_blank", rel: "noopener", "aria-label": `Open page: ${id}` }, "Open page");
  if (status !== "paid" || !amount_paid) return [page];
  const path = `stripe/invoices/${id}`;
  const label = `Refund ${money(amount_paid, currency)}`;
  const refund = action(label, () => send(`${path}/refund`), "The payment is refunded.", { name: `${label}: ${id}` });
  const dispute = action("Dispute", () => send(`${path}/dispute`), "The card's owner disputes the payment.", { name: `Dispute: ${id}` });
  return [h("div", { class: "buttons" }, refund, dispute, page)];
}
