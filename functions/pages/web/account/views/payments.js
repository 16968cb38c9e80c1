// What was paid, newest first.

import { call } from "../client.js";
import { date, h, money, sentence } from "../dom.js";

const states = { succeeded: "Paid", failed: "Failed", refunded: "Refunded" };

function state({ status, refunded_cents }) {
  return status === "succeeded" && refunded_cents > 0 ? "Part refunded" : (states[status] ?? status);
}

function row(payment) {
  const { amount_cents, refunded_cents, currency, invoice_url, description, created_at } = payment;
  const day = date(created_at);
  const link = invoice_url && h("a", { href: invoice_url, "aria-label": `Invoice of ${day.textContent}` }, "Invoice");
  const refunded = refunded_cents > 0 ? [h("br"), h("small", {}, `${money(refunded_cents, currency)} refunded`)] : [];
  return h(
    "tr",
    {},
    h("td", {}, day),
    h("td", {}, description ?? "Subscription"),
    h("td", { class: "amount" }, money(amount_cents, currency), ...refunded),
    h("td", {}, state(payment)),
    h("td", {}, link || "–"),
  );
}

/** The heading and the table, from its first page on; nothing for somebody who never paid. */
export function payments(first) {
  if (first.items.length === 0) return [];
  let cursor = first.next_cursor;
  const rows = h("tbody", {}, ...first.items.map(row));
  const alert = h("p", { role: "alert" });
  const more = h("button", { class: "quiet", hidden: cursor === null, onclick: load }, "Show more");

  async function load() {
    more.disabled = true;
    alert.textContent = "";
    try {
      const page = await call("GET", `/billing/payments/me?cursor=${encodeURIComponent(cursor)}`);
      rows.append(...page.items.map(row));
      cursor = page.next_cursor;
      more.hidden = cursor === null;
    } catch (problem) {
      alert.textContent = sentence(problem);
    } finally {
      more.disabled = false;
    }
  }

  const heads = ["Date", "For", "Amount", "Status", "Invoice"];
  const names = heads.map((name) => h("th", { scope: "col", class: name === "Amount" && "amount" }, name));
  // It may be wider than a phone: then the keys move it too.
  const table = h("div", { class: "scroll payments", role: "region", "aria-label": "Payments", tabindex: "0" }, h("table", {}, h("thead", {}, h("tr", {}, ...names)), rows));
  return [h("h2", {}, "Payments"), table, more, alert];
}
