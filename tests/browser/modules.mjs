// Modules of the dashboard with decisions of their own: why a user has access, a list, the sentence of an audit entry, and the
// statement of an export.

import { readFile } from "node:fs/promises";
import { contract, control } from "./kit.mjs";

const pro = { name: "Pro", tier: 1 };
const active = {
  plan: pro, scheduled_plan: null, status: "active", current_period_end: "PERIOD", cancel_at_period_end: false, cancel_at: null, canceled_at: null,
  access_until: "UNTIL", has_access: true, payment_processing: false, collection_paused: false,
};
const without = (status, more) => ({ ...active, status, has_access: false, access_until: null, ...more });
const user = { is_active: true, email_verified: true, tier: 1 };

/** A user's subscriptions, and the expected sentence; the newest payment decides only where it is given. */
const cases = [
  [[], "no", "Has no access to a paid plan: there has never been a subscription."],
  [[active], "yes", "Has access to Pro (tier 1) because the subscription is active and renews on PERIOD; without that payment, access ends on UNTIL."],
  [[{ ...active, status: "trialing" }], "yes", "Has access to Pro (tier 1) because a trial runs and its first payment is due on PERIOD; without that payment, access ends on UNTIL."],
  [[{ ...active, scheduled_plan: { name: "Basic" } }], "yes", "access ends on UNTIL. It changes to Basic on PERIOD."],
  [[{ ...active, cancel_at_period_end: true }], "ending", "Has access to Pro (tier 1) until UNTIL: the subscription is canceled and ends then."],
  [[{ ...active, status: "trialing", cancel_at_period_end: true }], "ending", "until UNTIL: the trial is canceled and ends then."],
  [[{ ...active, status: "past_due" }], "ending", "until UNTIL: the grace period for the failed payment ends then."],
  [[{ ...active, status: "past_due", cancel_at_period_end: true }], "ending", "until UNTIL: the last payment failed and the subscription will not renew."],
  [[without("past_due", { access_until: "UNTIL" })], "no", "the last payment failed, and the grace period ended on UNTIL."],
  [[without("unpaid")], "no", "the last invoices are unpaid and Stripe has stopped collecting them."],
  [[without("paused")], "no", "the trial ended without a payment method, so Stripe paused the subscription."],
  [[without("incomplete")], "no", "the first payment is not completed."],
  [[without("incomplete", { payment_processing: true })], "no", "the first payment, a bank debit, is still in progress."],
  [[without("incomplete_expired")], "no", "the first payment was not made in time, so the subscription never started."],
  [[without("canceled", { canceled_at: "CANCELED" })], "no", "the subscription to Pro ended on CANCELED."],
  [[without("canceled", { canceled_at: "2026-01-12T00:00:00Z", current_period_end: "2026-02-01T00:00:00Z" })], "no", "the subscription to Pro was canceled at Stripe with immediate effect on 2026-01-12T00:00:00Z."],
  [[without("canceled", { canceled_at: "CANCELED", cancel_at_period_end: true })], "no", "the subscription to Pro was canceled and ended on PERIOD."],
  [[without("canceled", { canceled_at: "CANCELED" })], "no", "the subscription to Pro ended on CANCELED after the payment of FAILED failed.", user, { status: "failed", created_at: "FAILED" }],
  [[without("canceled", { canceled_at: "CANCELED" })], "no", "the subscription to Pro ended on CANCELED.", user, { status: "succeeded", created_at: "PAID" }],
  [[without("active", { plan: null })], "no", "the subscription is to a price that belongs to no plan."],
  [[without("active")], "no", "this subscription is a duplicate, which is canceled and refunded."],
  [[without("active", { access_until: "UNTIL" })], "no", "the period ended on PERIOD and Stripe has not reported a renewal."],
  // A subscription that gives access counts more than a newer one that does not.
  [[without("canceled"), active], "yes", "Has access to Pro"],
  [[active], "no", "Cannot sign in because the account is disabled; the subscription to Pro (tier 1) continues and would give access until UNTIL.", { ...user, is_active: false }],
  [[{ ...active, cancel_at_period_end: true }], "no", "the subscription to Pro (tier 1) is canceled but would give access until UNTIL.", { ...user, is_active: false }],
  [[], "no", "Cannot sign in because the e-mail address is not verified, and no subscription gives access.", { ...user, email_verified: false }],
];

async function access(page) {
  for (const [subscriptions, state, text, of = user, payment] of cases) {
    const result = await page.evaluate(async (...given) => (await import("/dashboard/views/user/access.js")).accessOf(...given), of, subscriptions, payment);
    const words = result.words.map((word) => word.date ?? word.name ?? word).join("");
    if (result.state !== state || !words.includes(text)) throw new Error(`"${text}" (${state}) is not in "${words}" (${result.state})`);
  }
}

/** The answer to an older request of a list, which arrives after that to a newer one, changes neither rows nor cursor. */
async function lists(page) {
  const result = await page.evaluate(async () => {
    const { list } = await import("/dashboard/ui/table.js");
    const requests = [];
    const load = (cursor) => new Promise((answer) => requests.push({ cursor, answer }));
    const answered = async (n, item, next_cursor) => {
      requests[n].answer({ items: [{ id: item }], next_cursor });
      await new Promise((done) => setTimeout(done));
    };
    const shown = list({ label: "letters", columns: [{ name: "Letter", cell: ({ id }) => id }], load });
    shown.reload();
    await answered(1, "b", "after b");
    await answered(0, "a", "after a");
    shown.node.querySelector("button").click();
    await answered(2, "c", null);
    return { cursors: requests.map(({ cursor }) => cursor), rows: [...shown.node.querySelectorAll("tbody tr")].map((row) => row.dataset.id) };
  });
  const expected = { cursors: [null, null, "after b"], rows: ["b", "c"] };
  if (JSON.stringify(result) !== JSON.stringify(expected)) throw new Error(`a late answer of a list: ${JSON.stringify(result)}`);
}

/** Each action of the contract has a sentence of its own. */
async function sentences(page) {
  const document = JSON.parse(await readFile(new URL("../../functions/pages/web/openapi.json", import.meta.url), "utf8"));
  const known = await page.evaluate(async () => (await import("/dashboard/sentences.js")).actions);
  const missing = document.components.schemas.Action.enum.filter((action) => !known.includes(action));
  if (missing.length > 0) throw new Error(`no sentence for ${missing}`);
}

const odd = "o'hara\"; --%_\\";
const exported = [
  ["users", {}],
  ["users", { q: odd, is_active: "false", email_verified: "true", is_admin: "false" }],
  ["users", { q: "sub_019ca945f4607c7b9c59379e3f571f07" }],
  ["subscriptions", { status: "past_due", plan_id: odd, user_id: odd }],
  ["payments", { status: "failed", plan_id: odd, user_id: odd }],
];

/** The statements of "Export" run, whatever the filter contains. */
async function exports(page, token) {
  for (const given of exported) {
    const sql = await page.evaluate(async (...filters) => (await import("/dashboard/export-links.js")).reportFor(...filters), ...given);
    const { id } = await contract("/admin/reports", { sql, format: "preview" }, token);
    await control("drain");
    const { status, error } = await contract(`/admin/reports/${id}`, undefined, token);
    if (status !== "succeeded") throw new Error(`${sql}\n${status}: ${error}`);
  }
}

export async function modules(page, token) {
  await access(page);
  await lists(page);
  await sentences(page);
  await exports(page, token);
}
