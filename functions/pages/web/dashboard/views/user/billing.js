// The subscription and the payments of a user.

import { h, money } from "../../../account/dom.js";
import { badge, copyable, count, day, facts, plural } from "../../ui/parts.js";
import { pages } from "../../ui/table.js";
import { perPeriod } from "../lists.js";
import { invoice, state } from "../payments.js";
import { statuses } from "../subscriptions.js";
import { deciding } from "./access.js";
import { section } from "./section.js";

/** The status of a subscription as a badge, as the list of these calls it. */
const stateOf = ({ status }) => badge(...(statuses[status] ?? [status]));

function discountWords({ percent_off, amount_off_cents, ends_at }, currency) {
  const amount = percent_off ? `${percent_off}% off` : `${money(amount_off_cents, currency)} off`;
  return ends_at ? [`${amount} until `, day(ends_at)] : `${amount}, without an end`;
}

/** Stripe's page about a customer, for an admin who is signed in at Stripe. */
function customer(id) {
  return id && [h("a", { href: `https://dashboard.stripe.com/customers/${id}`, rel: "noreferrer", target: "_blank" }, "Open in Stripe"), " ", copyable(id)];
}

/** The subscription that decides about access, with all others below. */
export function subscriptionCard(subscriptions) {
  const held = deciding(subscriptions);
  if (held === null) return [h("p", { class: "soft" }, "This user has never had a subscription.")];
  const others = subscriptions.filter(({ id }) => id !== held.id);
  const plan = held.plan ? h("a", { href: `/dashboard/plans?id=${held.plan.id}` }, held.plan.name) : "A price that belongs to no plan";
  return [
    h("p", { class: "plan-line" }, h("strong", {}, plan), " ", stateOf(held)),
    facts([
      ["Price", `${perPeriod(held)}${held.quantity > 1 ? ` for ${count(held.quantity)} units` : ""}`],
      ["Discount", held.discount && discountWords(held.discount, held.currency)],
      ["Current period", [day(held.current_period_start), " – ", day(held.current_period_end)]],
      ["At period end", held.cancel_at_period_end ? "Ends" : held.scheduled_plan && `Changes to ${held.scheduled_plan.name}`],
      ["Set to end", held.cancel_at && day(held.cancel_at)],
      ["Canceled", held.canceled_at && day(held.canceled_at)],
      ["Collection", held.collection_paused ? "Paused" : null],
      ["Started", day(held.started_at)],
      ["Stripe customer", customer(held.stripe_customer_id)],
      ["Stripe subscription", copyable(held.stripe_subscription_id)],
    ]),
    others.length > 0 &&
      h("details", {}, h("summary", {}, plural(others.length, "other subscription")), h("ul", { class: "plain-list" }, ...others.map((one) => h("li", {}, one.plan?.name ?? "No plan", " ", stateOf(one), " ", perPeriod(one), ", started ", day(one.started_at))))),
  ];
}

/** All pages of a list, up to ten. */
async function all(path) {
  const load = pages(path, undefined, 100);
  const items = [];
  let cursor = null;
  for (let page = 0; page < 10; page += 1) {
    const answer = await load(cursor);
    items.push(...answer.items);
    cursor = answer.next_cursor;
    if (cursor === null) break;
  }
  return { items, isComplete: cursor === null };
}

/** The paid and the refunded amounts in each currency. A disputed payment counts as neither. */
export function sums(items) {
  const totals = new Map();
  for (const { amount_cents, refunded_cents, currency, status } of items) {
    const total = totals.get(currency) ?? { paid: 0, refunded: 0, count: 0 };
    if (status !== "succeeded" && status !== "refunded") continue;
    totals.set(currency, total);
    total.paid += amount_cents;
    total.refunded += refunded_cents;
    total.count += 1;
  }
  return totals;
}

const SHOWN = 10;

/** The payments, the newest first, below their sum in each currency. */
export function payments(path) {
  const read = async () => {
    const { items, isComplete } = await all(`${path}/payments`);
    if (items.length === 0) return [h("p", { class: "soft" }, "No payments yet.")];
    const lines = [...sums(items)].map(([currency, { paid: amount, refunded, count: number }]) =>
      h("li", {}, h("strong", {}, money(amount - refunded, currency)), ` from ${plural(number, "payment")}${refunded > 0 ? `, after ${money(refunded, currency)} of refunds` : ""}`),
    );
    const row = (payment) =>
      h(
        "li",
        {},
        h("span", { class: "amount" }, money(payment.amount_cents, payment.currency)),
        h("span", {}, ...state(payment), payment.refunded_cents > 0 && payment.status !== "refunded" ? ` ${money(payment.refunded_cents, payment.currency)} refunded` : ""),
        h("span", { class: "soft" }, day(payment.created_at)),
        invoice(payment),
      );
    const rows = h("ul", { class: "money-rows" }, ...items.slice(0, SHOWN).map(row));
    const more = items.length > SHOWN && h("button", { type: "button", class: "quiet small", onclick: ({ target }) => (rows.append(...items.slice(SHOWN).map(row)), target.remove()) }, `Show all ${count(items.length)}`);
    return [lines.length > 0 && h("ul", { class: "sums", "aria-label": isComplete ? "Paid in total" : `Paid, of the newest ${count(items.length)} payments` }, ...lines), rows, more];
  };
  return section("Payments", read).node;
}
