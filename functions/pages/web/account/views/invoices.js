// The payments with their invoices, newest first.

import { call } from "../client.js";
import { date, h, money, sentence } from "../dom.js";
import { format } from "../language.js";

const statuses = { succeeded: t.paid, processing: t.processing, failed: t.failed, refunded: t.refunded, disputed: t.disputed };

function statusText({ status, refunded_cents }) {
  return status === "succeeded" && refunded_cents > 0 ? t.partially_refunded : (statuses[status] ?? status);
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
  return h("a", { href: payment.invoice_url, "aria-label": format(t.invoice_of, { date: day.textContent }), onclick: open }, t.invoice);
}

function row(payment, alert) {
  const { amount_cents, refunded_cents, currency, description, created_at } = payment;
  const day = date(created_at);
  const refund = refunded_cents > 0 ? [h("br"), h("small", {}, format(t.amount_refunded, { amount: money(refunded_cents, currency) }))] : [];
  return h(
    "tr",
    {},
    h("td", {}, day),
    h("td", {}, description ?? t.subscription),
    h("td", { class: "amount" }, money(amount_cents, currency), ...refund),
    h("td", {}, statusText(payment)),
    h("td", {}, invoiceLink(payment, day, alert)),
  );
}

/** The table, beginning with `first`, the first page of the payments. */
export function invoices(first) {
  if (first.items.length === 0) return [h("p", { class: "soft" }, t.no_invoices)];
  let cursor = first.next_cursor;
  const alert = h("p", { role: "alert" });
  const rows = h("tbody", {}, ...first.items.map((payment) => row(payment, alert)));
  const more = h("button", { type: "button", class: "quiet", hidden: cursor === null, onclick: loadMore }, t.show_more);

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

  const columns = [t.date, t.description, t.amount, t.status, t.invoice];
  const headings = columns.map((name) => h("th", { scope: "col", class: name === t.amount && "amount" }, name));
  // The table may be wider than a phone: the keyboard scrolls it too.
  const table = h("div", { class: "scroll payments", role: "region", "aria-label": t.invoice_list, tabindex: "0" }, h("table", {}, h("thead", {}, h("tr", {}, ...headings)), rows));
  return [table, alert, more];
}
