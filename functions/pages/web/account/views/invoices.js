// The payments with their invoices, newest first.

import { call } from "../client.js";
import { date, h, money, sentence } from "../dom.js";

const statuses = { succeeded: "Paid", processing: "Processing", failed: "Failed", refunded: "Refunded", disputed: "Disputed" };

function statusText({ status, refunded_cents }) {
  return status === "succeeded" && refunded_cents > 0 ? "Partially refunded" : (statuses[status] ?? status);
}

/** A link to the invoice. Stripe's addresses expire: the current one is requested when the link is opened. */
function invoiceLink(payment, day, alert) {
  if (!payment.invoice_url) return "–";
  const open = async (event) => {
    event.preventDefault();
    alert.textContent = "";
    try {
      location.assign((await call("GET", `/billing/payments/${payment.id}/invoice`)).url);
    } catch (problem) {
      alert.textContent = sentence(problem);
    }
  };
  return h("a", { href: payment.invoice_url, "aria-label": `Invoice of ${day.textContent}`, onclick: open }, "Invoice");
}

function row(payment, alert) {
  const { amount_cents, refunded_cents, currency, description, created_at } = payment;
  const day = date(created_at);
  const refund = refunded_cents > 0 ? [h("br"), h("small", {}, `${money(refunded_cents, currency)} refunded`)] : [];
  return h(
    "tr",
    {},
    h("td", {}, day),
    h("td", {}, description ?? "Subscription"),
    h("td", { class: "amount" }, money(amount_cents, currency), ...refund),
    h("td", {}, statusText(payment)),
    h("td", {}, invoiceLink(payment, day, alert)),
  );
}

/** The table, beginning with `first`, the first page of the payments. */
export function invoices(first) {
  if (first.items.length === 0) return [h("p", { class: "soft" }, "No invoices yet. They appear here after your first payment.")];
  let cursor = first.next_cursor;
  const alert = h("p", { role: "alert" });
  const rows = h("tbody", {}, ...first.items.map((payment) => row(payment, alert)));
  const more = h("button", { type: "button", class: "quiet", hidden: cursor === null, onclick: loadMore }, "Show more");

  async function loadMore() {
    more.disabled = true;
    alert.textContent = "";
    try {
      const page = await call("GET", `/billing/payments/me?cursor=${encodeURIComponent(cursor)}`);
      rows.append(...page.items.map((payment) => row(payment, alert)));
      cursor = page.next_cursor;
      more.hidden = cursor === null;
    } catch (problem) {
      alert.textContent = sentence(problem);
    }
    more.disabled = false;
    if (document.activeElement === document.body && !more.hidden) more.focus();
  }

  const columns = ["Date", "Description", "Amount", "Status", "Invoice"];
  const headings = columns.map((name) => h("th", { scope: "col", class: name === "Amount" && "amount" }, name));
  // The table may be wider than a phone: the keyboard scrolls it too.
  const table = h("div", { class: "scroll payments", role: "region", "aria-label": "List of invoices", tabindex: "0" }, h("table", {}, h("thead", {}, h("tr", {}, ...headings)), rows));
  return [table, alert, more];
}
