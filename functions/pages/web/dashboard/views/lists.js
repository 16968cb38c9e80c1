// The parts that the lists of subscriptions and payments share: filters, the names of users and plans, and totals.

import { call } from "../../account/client.js";
import { h, money } from "../../account/dom.js";
import { exportLink } from "../export-links.js";
import { allPlans, keepNames, reference } from "../names.js";
import { filters } from "../ui/filters.js";
import { amounts, pageHead, plural } from "../ui/parts.js";
import { list, pages } from "../ui/table.js";

/** How long rows wait for the names of their users and plans. */
const NAMES_MS = 250;

/** Whether `reading` ended soon enough for the rows to wait for it. */
export function soon(reading) {
  return Promise.race([reading.then(() => true), new Promise((resolve) => setTimeout(resolve, NAMES_MS, false))]);
}

/** The `load` of a list whose rows have the addresses of their users. */
function named(load) {
  return async (cursor) => {
    const page = await load(cursor);
    keepNames(page.items.map(({ user_id, email }) => ({ id: user_id, email: email ?? "a deleted user" })));
    return page;
  };
}

/** A link to a user, by the address. */
const person = ({ user_id }) => reference(user_id);

/** The name of a plan; archived ones are marked. */
export function planName(plan) {
  if (!plan) return h("span", { class: "soft" }, "No plan");
  return [h("bdi", {}, plan.name), ...(plan.is_active ? [] : [h("span", { class: "soft" }, " (archived)")])];
}

/** The options of a filter by plan. Without the plans, the filter offers none. */
async function planOptions() {
  const plans = await allPlans().catch(() => []);
  return plans.filter(({ price_cents }) => price_cents > 0).map(({ id, name, is_active }) => [id, is_active ? name : `${name} (archived)`]);
}

/** The filters `values` with the ids of users whose addresses were typed in `fields`. */
export async function withIds(values, ...fields) {
  const found = { ...values };
  for (const field of fields.filter((name) => found[name]?.includes("@"))) {
    const { items } = await call("GET", `/admin/users?${new URLSearchParams({ q: found[field], limit: 20 })}`);
    const exact = items.find(({ email }) => email.toLowerCase() === found[field].toLowerCase());
    found[field] = (exact ?? items[0])?.id ?? found[field];
  }
  return found;
}

/**
 * The page of all subscriptions or of all payments: `name` is the list of the contract, `statuses` are its states as
 * [text, tone], `amount` is what the totals add up, `period` follows them.
 */
export async function billingPage({ name, title, text, statuses, columns, empty, amount, period }) {
  const states = Object.entries(statuses).map(([value, [label]]) => [value, label]);
  const exporting = h("a", { class: "button quiet" }, "Export");
  const form = filters({
    fields: [
      { name: "status", label: "Status", kind: "select", options: states },
      { name: "plan_id", label: "Plan", kind: "select", options: await planOptions() },
      { name: "user_id", label: "User", kind: "text", placeholder: "Address or usr_…" },
    ],
    onChange: () => rows.reload(),
  });
  async function wanted() {
    const values = await withIds(form.values(), "user_id");
    exporting.href = exportLink(name, values);
    return values;
  }
  const rows = list({
    label: name,
    columns: [{ name: "User", cell: person, kind: "main" }, ...columns],
    load: named(pages(`/admin/${name}`, wanted)),
    empty: () => (Object.keys(form.values()).length > 0 ? { title: `No ${name} match`, text: "Change or clear the filters. A user is found by the whole address or id." } : empty),
    footer: (items) => total(items, name.slice(0, -1), amount, period),
  });
  return [pageHead(title, { text, actions: [exporting] }), form.node, rows.node];
}

/** "3 payments shown: $57.00 · €499.00": the sums by currency of `amount`, an item's [cents, currency] or null. */
function total(items, noun, amount, period = "") {
  const sums = amounts(items.map(amount).filter(Boolean));
  return h("p", { class: "total" }, `${plural(items.length, noun)} shown`, ...(sums ? [": ", h("strong", {}, sums), period] : []));
}

/** "$19.00 a month", "$57.00 every 3 months". */
export function perPeriod({ price_cents, currency, billing_period, interval_count = 1 }) {
  const period = interval_count > 1 ? `every ${interval_count} ${billing_period}s` : `a ${billing_period}`;
  return `${money(price_cents, currency)} ${period}`;
}
