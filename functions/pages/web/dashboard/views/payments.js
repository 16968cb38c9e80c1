// All payments, newest first: one for each invoice.

import { call } from "../../account/client.js";
import { h, money } from "../../account/dom.js";
import { allPlans } from "../names.js";
import { badge, day } from "../ui/parts.js";
import { toastProblem } from "../ui/toast.js";
import { billingPage, planName } from "./lists.js";

export const title = "Payments";

/** The names and tones of the statuses of a payment. */
export const statuses = {
  succeeded: ["Succeeded", "good"],
  processing: ["Processing", "info"],
  failed: ["Failed", "bad"],
  refunded: ["Refunded in full", "plain"],
  disputed: ["Disputed", "warn"],
};

/** The state of a payment as a badge, as the list and the page of a user show it. */
export function state({ status, refunded_cents, is_disputed }) {
  const isPart = status === "succeeded" && refunded_cents > 0;
  const [text, tone] = isPart ? ["Partly refunded", "plain"] : (statuses[status] ?? [status, "plain"]);
  return [badge(text, tone), is_disputed && status !== "disputed" && h("div", { class: "note" }, "disputed")].filter(Boolean);
}

function amount({ amount_cents, refunded_cents, currency }) {
  const refund = refunded_cents > 0 && h("div", { class: "note" }, `−${money(refunded_cents, currency)} refunded`);
  return [money(amount_cents, currency), refund].filter(Boolean);
}

/** A button that opens the invoice. Its current link is requested from Stripe, since a stored one may have expired. */
export function invoice({ id, created_at }) {
  const date = day(created_at).textContent;
  const button = h("button", { type: "button", class: "plain small", "aria-label": `Open the invoice of ${date}`, onclick: open }, "Invoice");
  async function open() {
    button.disabled = true;
    // Opened before the answer arrives: a browser blocks a window that opens later.
    const page = window.open("", "_blank");
    try {
      const { url } = await call("GET", `/billing/payments/${id}/invoice`);
      if (page) {
        page.opener = null;
        page.location.replace(url);
      } else location.assign(url);
    } catch (problem) {
      page?.close();
      toastProblem(problem);
    } finally {
      button.disabled = false;
    }
  }
  return button;
}

/** The amount of a payment after refunds. */
const net = ({ status, amount_cents, refunded_cents, currency }) => (status === "succeeded" || status === "refunded" ? [amount_cents - refunded_cents, currency] : null);

export async function view() {
  const plans = await allPlans().catch(() => []);
  const planOf = new Map(plans.map((plan) => [plan.id, plan]));
  return billingPage({
    name: "payments",
    title,
    text: "One row for each invoice. Totals are net of refunds.",
    statuses,
    columns: [
      { name: "Amount", cell: amount, kind: "number" },
      { name: "Status", cell: state },
      { name: "Plan", cell: ({ plan_id }) => planName(planOf.get(plan_id)) },
      { name: "Date", cell: ({ created_at }) => day(created_at) },
      { name: "Invoice", cell: invoice, kind: "tight" },
    ],
    empty: { title: "No payments yet", text: "Each paid or failed invoice appears here. An invoice of 0 creates no payment." },
    amount: net,
  });
}
