// What the fake Stripe holds: subscriptions, customers, invoices, events.

import { h, money } from "/account/dom.js";
import { badge, copyable, pageHead } from "/dashboard/ui/parts.js";
import { itemsOf, send } from "../api.js";
import { action } from "../forms.js";
import { json, nothing, stripeTime, table, to } from "../parts.js";
import { invoiceActions, subscriptionActions } from "./stripe-actions.js";
import { settings } from "./stripe-settings.js";

export const title = "Stripe";

const LISTED = 100;
const tabs = [["subscriptions", "Subscriptions"], ["customers", "Customers"], ["invoices", "Invoices"], ["events", "Events"], ["settings", "Settings"]];
const tones = { active: "good", trialing: "info", past_due: "warn", unpaid: "bad", incomplete: "warn", paid: "good", open: "warn", void: "plain", uncollectible: "bad" };

const list = (name) => itemsOf(`stripe/${name}?limit=${LISTED}`);
const status = (text) => badge(text ?? "–", tones[text] ?? "plain");

/** A customer by the address, with the id to copy. */
const person = (id, customers) => [h("div", { dir: "auto" }, customers.get(id)?.email ?? "deleted customer"), h("div", { class: "note" }, copyable(id))];

const subscribe = h("a", { href: "/account/billing" }, "Subscribe to a plan");

async function subscriptions(customers) {
  const items = await list("subscriptions");
  if (items.length === 0) return [nothing("No subscription yet", subscribe, " on the account pages, and pay with card 4242 4242 4242 4242.")];
  const price = ({ items: { data } }) => data.map(({ price, quantity }) => `${money(price.unit_amount * quantity, price.currency)} a ${price.recurring?.interval}`).join(", ");
  const columns = [
    ["Customer", ({ customer }) => person(customer, customers), "main"],
    ["Status", ({ status: text, cancel_at, cancel_at_period_end }) => [status(text), (cancel_at || cancel_at_period_end) && h("div", { class: "note" }, "will end")]],
    ["Price", price, "number"],
    ["Period ends", ({ items: { data } }) => stripeTime(data[0]?.current_period_end)],
    ["Actions", subscriptionActions],
    ["Object", (object) => [copyable(object.id), json("Show", object)]],
  ];
  return [table("Subscriptions", columns, items)];
}

async function customersView(customers) {
  if (customers.size === 0) return [nothing("No customer yet", "The first checkout of a user creates one. ", subscribe, ".")];
  const columns = [
    ["E-mail address", ({ email }) => h("span", { dir: "auto" }, email ?? "–"), "main"],
    ["Customer", ({ id }) => copyable(id)],
    ["Created", ({ created }) => stripeTime(created)],
    ["Object", (object) => json("Show", object)],
  ];
  return [table("Customers", columns, [...customers.values()])];
}

async function invoices(customers) {
  const items = await list("invoices");
  if (items.length === 0) return [nothing("No invoice yet", "A paid checkout and each renewal create one. ", subscribe, ".")];
  const columns = [
    ["Customer", ({ customer }) => person(customer, customers), "main"],
    ["Amount", ({ total, currency }) => money(total ?? 0, currency), "number"],
    ["Status", ({ status: text }) => status(text)],
    ["Created", ({ created }) => stripeTime(created)],
    ["Actions", invoiceActions],
    ["Object", (object) => [copyable(object.id), json("Show", object)]],
  ];
  return [table("Invoices", columns, items)];
}

async function events() {
  const items = await list("events");
  if (items.length === 0) return [nothing("No event yet", "Every change at Stripe creates one, and a webhook delivers it. ", subscribe, " to see the first.")];
  const columns = [
    ["Event", ({ type }) => h("code", {}, type), "main"],
    ["About", ({ data }) => h("code", {}, data.object.id ?? "–")],
    ["Created", ({ created }) => stripeTime(created)],
    ["Send it", ({ id, type }) => action("Resend", () => send(`stripe/events/${id}/resend`), `${type} is sent again.`, { name: `Resend: ${type} ${id}` })],
    ["Object", (object) => [copyable(object.id), json("Show", object)]],
  ];
  return [table("Events", columns, items)];
}

const views = { subscriptions, customers: customersView, invoices, events, settings };

export async function view({ rest: [name] }) {
  const shown = views[name] ? name : "subscriptions";
  const customers = await itemsOf("stripe/customers");
  if (customers === null) return [pageHead(title), nothing("Stripe is not the fake one", "A key for Stripe is set, so that objects and events are in Stripe's own dashboard. Remove STRIPE_SECRET_KEY to use the fake Stripe.")];
  const nav = h("ul", { class: "tabs" }, ...tabs.map(([key, label]) => h("li", {}, h("a", { href: to(`stripe/${key}`), "aria-current": key === shown ? "true" : undefined }, label))));
  const content = await views[shown](new Map(customers.map((customer) => [customer.id, customer])));
  return [pageHead(title, { text: `The fake Stripe: no money moves. The newest ${LISTED} objects of each kind are listed.` }), nav, ...content];
}
