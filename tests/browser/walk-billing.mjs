// Walks through plans, checkouts, changes and payments.

import { PASSWORD, WAIT, base, contract, control, parsed, person, read } from "./kit.mjs";
import { FAKE, newcomer, subscriber } from "./newcomers.mjs";

/** Reads the plans before there is a subscription. */
async function readsPlans(cleo) {
  await cleo.sees("Subscribe to Pro", "plans");
  await cleo.sees("Single sign on: not included");
  await cleo.sees("Recommended");
  await cleo.sees("No invoices yet");
  if ((await cleo.page.evaluate(() => document.body.innerText)).includes("$0.00")) throw new Error("the free plan has an amount");
  // A user without a subscription causes no 404.
  if (cleo.refused.length > 0) throw new Error(`refused for a new user: ${cleo.refused}`);
}

/** The service does not answer, or payments are not set up. */
async function meetsOutages(cleo) {
  await cleo.answers("/billing/plans", 503, { code: "unavailable", detail: "The plans cannot be read now." });
  await cleo.page.reload();
  await cleo.sees("The service is temporarily unavailable.", "plans-unavailable");
  await cleo.press("Try again");
  await cleo.sees("Subscribe to Pro");
  await cleo.answers("/billing/subscriptions/subscribe", 503, { code: "stripe_not_configured", detail: "Payments are not set up." });
  await cleo.press("Subscribe to Pro");
  await cleo.sees("Payments aren't available yet.", "not-set-up");
  await cleo.page.reload();
  await control("faults", { service: "stripe", kind: "error", times: 9 });
  await cleo.press("Subscribe to Pro");
  await cleo.sees("Payments are temporarily unavailable", "stripe-unavailable");
  await control("faults", {}, "DELETE");
}

/** The checkout is left, resumed, and paid with the second card; Stripe's event comes late. */
async function paysForPro(cleo) {
  await cleo.press("Subscribe to Pro");
  await cleo.sees(FAKE.amount, "checkout");
  const checkout = cleo.page.url();
  await Promise.all([cleo.page.waitForNavigation(), cleo.page.click("main a")]);
  await cleo.sees("You left the checkout", "checkout-left");
  if (cleo.page.url() !== `${base}/account/billing`) throw new Error("the checkout stays in the address");
  await cleo.press("Subscribe to Pro");
  await cleo.page.waitForFunction((address) => location.href === address, WAIT, checkout);
  await cleo.fill({ card: "4000000000000002" });
  await cleo.submit();
  await cleo.sees(FAKE.declined, "declined");
  await cleo.fill({ card: "4242424242424242" });
  await control("stripe/delivery", { mode: "hold" });
  await cleo.submit();
  await cleo.sees("Confirming your payment", "confirming");
  await control("stripe/delivery", { mode: "normal" });
  await cleo.sees("You're subscribed to Pro", "paid");
  await cleo.sees("Renews on");
  await cleo.sees("Paid");
  if (cleo.page.url() !== `${base}/account/billing`) throw new Error(`not back at the billing page but at ${cleo.page.url()}`);
}

/** The invoice opens at Stripe's current address. */
async function opensTheInvoice(cleo) {
  await Promise.all([cleo.page.waitForNavigation(), cleo.page.click("tbody a")]);
  await cleo.sees(FAKE.paid);
  await cleo.page.goBack();
  await cleo.sees("Renews on");
}

/** A renewal fails, and is paid on the invoice's own page. */
async function paysAFailedRenewal(cleo, id) {
  await control(`stripe/subscriptions/${id}/renew`, { outcome: "failed" });
  await control("drain");
  await cleo.page.reload();
  await cleo.sees("Your last payment failed.", "past-due");
  await cleo.sees("You have access until");
  if ((await cleo.buttons()).some((label) => label.startsWith("Change to"))) throw new Error("a change is offered before the open payment is paid");
  await cleo.followText("Pay $19.00 now");
  await cleo.sees(`Pay ${FAKE.amount}`, "invoice");
  await cleo.fill({ card: "4242424242424242" });
  await cleo.submit();
  await cleo.sees(FAKE.paid, "invoice-paid");
  await control("drain");
  await cleo.goto("/account/billing");
  await cleo.sees("Renews on", "active-again");
}

/** A cancellation that is undone. It asks first, and names the date (E15). */
async function cancelsAndKeeps(cleo) {
  const { current_period_end: end } = (await cleo.reads("/billing/subscriptions/me"))[0];
  await cleo.press("Cancel subscription");
  const day = await cleo.page.evaluate((text) => new Date(text).toLocaleDateString(undefined, { dateStyle: "medium" }), end);
  await cleo.sees(`Your Pro subscription ends on ${day} and won't renew.`, "cancel");
  if ((await cleo.focused()) !== "Cancel your subscription?") throw new Error(`the focus is at "${await cleo.focused()}"`);
  await cleo.press("Keep subscription");
  if ((await cleo.focused()) !== "Cancel subscription" || (await cleo.page.$("#cancel"))) throw new Error("the confirmation is still there");
  await cleo.page.reload();
  await cleo.sees("Renews on");
  await cleo.press("Cancel subscription");
  await cleo.press("Cancel at period end");
  await cleo.sees("Your subscription will be canceled at the end of the period.", "ends");
  await cleo.sees("Ends on");
  await cleo.press("Don't cancel");
  await cleo.sees("Renews on", "kept");
}

/** A cancellation that is undone on Stripe's own page. */
async function cancelsAndResumesAtStripe(cleo) {
  await Promise.all([cleo.page.waitForNavigation(), cleo.press("Cards and invoices")]);
  await cleo.sees(FAKE.portal, "portal");
  await cleo.page.evaluate(() => document.querySelector('button[value="cancel"]').click());
  await cleo.page.waitForSelector('button[value="resume"]', { timeout: WAIT.timeout });
  await cleo.page.evaluate(() => document.querySelector('button[value="resume"]').click());
  await cleo.page.waitForSelector('button[value="cancel"]', { timeout: WAIT.timeout });
  await control("drain");
  await cleo.goto("/account/billing");
  await cleo.sees("Renews on");
}

/** More payments than one page holds. */
async function listsMorePayments(cleo, id) {
  for (let renewal = 0; renewal < 19; renewal += 1) await control(`stripe/subscriptions/${id}/renew`, { outcome: "paid" });
  await control("drain");
  await cleo.page.reload();
  await cleo.sees("Show more", "invoices");
  const rows = () => cleo.page.$$eval("tbody tr", (all) => all.length);
  if ((await rows()) !== 20) throw new Error(`${await rows()} payments on the first page`);
  await cleo.press("Show more");
  await cleo.page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 21, WAIT);
}

/** States of a subscription that the fake cannot reach. */
async function readsStates(cleo, subscription) {
  const states = {
    unpaid: ["You have no access until it is paid", { access_until: null, has_access: false }],
    paused: ["Your trial ended without a payment method", { access_until: null, has_access: false }],
    active: ["Ends on", { cancel_at_period_end: true, access_until: subscription.current_period_end }],
    past_due: ["Your access ended on", { access_until: subscription.started_at, has_access: false }],
    trialing: ["25% off", { discount: { percent_off: 25, amount_off_cents: null, ends_at: null }, quantity: 3, interval_count: 3, payment_processing: true }],
  };
  for (const [status, [text, facts]] of Object.entries(states)) {
    await cleo.answers("/billing/subscriptions/me", 200, { ...subscription, status, ...facts });
    await cleo.page.reload();
    await cleo.sees(text, `state-${status}`);
  }
}

/** States of a payment that the fake cannot reach. */
async function readsRefunds(cleo, payments) {
  const [whole, part, failed, open] = payments.items;
  const items = [
    { ...whole, status: "refunded", refunded_cents: 1900 },
    { ...part, refunded_cents: 500 },
    { ...failed, status: "failed", invoice_url: null },
    { ...open, status: "processing" },
  ];
  await cleo.answers("/billing/payments/me", 200, { items, next_cursor: null });
  await cleo.page.reload();
  await cleo.sees("$5.00 refunded", "refunds");
  await cleo.sees("Partially refunded");
  await cleo.sees("Processing");
}

/** Ended at Stripe: another plan can be chosen, which begins with a trial. */
async function triesStudio(cleo, device, id) {
  await control(`stripe/subscriptions/${id}/cancel`);
  await control("drain");
  await cleo.page.reload();
  await cleo.sees("Ended on", "ended");
  await cleo.sees("14-day free trial");
  await cleo.press("Subscribe to Studio");
  // Each card has one trial.
  await cleo.fill({ card: { phone: "4242424242424242", tablet: "4000000000000341", desktop: "5555555555554444" }[device.name] });
  await cleo.submit();
  await cleo.sees("You're subscribed to Studio", "trial");
  await cleo.sees("Trial ends and first payment on");
}

/** Another plan during the trial costs nothing yet. */
async function changesDuringTheTrial(cleo) {
  await cleo.press("Change to Agency");
  await cleo.sees("Your trial continues: you pay €999.00 a year from", "preview-trial");
  await cleo.press("Confirm change");
  await cleo.sees("You're now on Agency.");
  await cleo.sees("Trial ends and first payment on", "trial-changed");
}

/** A plan without a trial ends it. */
async function previewsTheEndOfTheTrial(cleo) {
  await cleo.press("Change to Campus");
  await cleo.sees("Your trial ends today, and you pay €1,299.00 a year from then on.", "preview-trial-end");
  await cleo.press("Cancel");
}

/** From the registration to a paid plan, through renewals that fail, to its end and a trial of another plan. */
export async function byPlan(device) {
  const cleo = await newcomer(device, "cleo");
  await readsPlans(cleo);
  await meetsOutages(cleo);
  await paysForPro(cleo);
  await opensTheInvoice(cleo);
  const [{ id }] = (await read("stripe/subscriptions")).items;
  await paysAFailedRenewal(cleo, id);
  await cancelsAndKeeps(cleo);
  await cancelsAndResumesAtStripe(cleo);
  await listsMorePayments(cleo, id);
  const [subscription, payments] = await cleo.reads("/billing/subscriptions/me", "/billing/payments/me");
  await readsStates(cleo, subscription);
  await readsRefunds(cleo, payments);
  await triesStudio(cleo, device, id);
  await changesDuringTheTrial(cleo);
  await previewsTheEndOfTheTrial(cleo);
  await cleo.close();
}

/** Plan changes: a higher plan at once, a lower plan with the next period, and changes that are refused. */
export async function byChange(device) {
  const dora = await subscriber(device, "dora", "4242424242424242");
  await dora.sees("Change to Team", "changes");
  await dora.sees("Billed in another currency");
  await dora.press("Change to Team");
  await dora.sees("Due today", "preview");
  await dora.sees("Your plan changes immediately. You pay $49.00 a month from the next renewal.");
  if ((await dora.focused()) !== "Change to Team") throw new Error(`the focus is at "${await dora.focused()}"`);
  await dora.press("Cancel");
  if ((await dora.focused()) !== "Change to Team" || (await dora.page.$(".confirmation"))) throw new Error("the preview is still there");

  // Stripe does not answer, the preview is too old, and a request is in progress.
  await dora.press("Change to Team");
  await dora.sees("Due today");
  await dora.answers("/billing/subscriptions/upgrade", 409, { code: "idempotency_in_progress", detail: "The first call with this idempotency-key is under way." });
  const first = await dora.sends("/billing/subscriptions/upgrade", () => dora.confirm());
  await dora.sees("already being processed", "in-progress");
  await dora.answers("/billing/subscriptions/upgrade", 422, { code: "invalid_proration_date", detail: "No.", errors: [{ field: "proration_date", code: "invalid_proration_date", message: "No." }] });
  const again = await dora.sends("/billing/subscriptions/upgrade", () => dora.confirm());
  if (first.key !== again.key || first.body.proration_date !== again.body.proration_date) throw new Error("a second attempt is sent as another request");
  await dora.sees("The price has been updated", "price-updated");
  await control("faults", { service: "stripe", kind: "error", times: 9 });
  await dora.confirm();
  await dora.sees("Payments are temporarily unavailable", "change-unavailable");
  await control("faults", {}, "DELETE");
  await dora.press("Change to Team");
  await dora.page.waitForFunction(() => !document.body.innerText.includes("temporarily unavailable"), WAIT);
  await dora.confirm();
  await dora.sees("You're now on Team.", "changed");
  if ((await dora.focused()) !== "You're now on Team.") throw new Error(`the focus is at "${await dora.focused()}"`);

  // A yearly plan begins at once too.
  await dora.press("Change to Team, yearly");
  await dora.sees("You pay $490.00 a year from the next renewal");
  await dora.press("Cancel");

  // A lower plan is scheduled, and the schedule is undone.
  await dora.press("Change to Pro");
  await dora.sees("There is nothing to pay today", "preview-scheduled");
  await dora.press("Confirm change");
  await dora.sees("Your plan changes to Pro on", "scheduled");
  await dora.sees("Stay on Team");
  await dora.page.reload();
  // A cancellation states that it drops the scheduled change (E15).
  await dora.press("Cancel subscription");
  await dora.sees("The scheduled change to Pro is dropped.", "cancel-drops");
  await dora.press("Keep subscription");
  await dora.press("Stay on Team");
  await dora.sees("You're staying on Team.", "schedule-undone");
  await dora.sees("Change to Pro");

  // A subscription that is set to cancel still cancels after a change of plan; another tab may have changed it first.
  await dora.press("Cancel subscription");
  await dora.press("Cancel at period end");
  await dora.sees("Undo the cancellation to schedule this plan", "ends-with-changes");
  await dora.press("Change to Team, yearly");
  await dora.sees("Your subscription still ends on", "preview-ends");
  await dora.answers("/billing/subscriptions/upgrade", 409, { code: "same_plan", detail: "This is your plan already, or from the next period on." });
  await dora.confirm();
  await dora.sees("You're already on this plan", "same-plan");
  await dora.close();
}

/** Cards that pay neither for a change nor for the next renewal. */
export async function byRefusedChange(device) {
  for (const [name, card, message, action] of [
    ["eli", "4000000000000341", "Your payment was declined.", "Pay invoice"],
    ["fay", "4000002760003184", "Your bank asks you to confirm this payment.", "Confirm payment"],
  ]) {
    const self = await subscriber(device, name, card);
    const currentPlan = () => self.page.$eval("li.current h3", (heading) => heading.textContent);
    await self.press("Change to Team");
    await self.sees("Due today");
    await self.confirm();
    await self.sees(message, `refused-${name}`);
    if ((await currentPlan()) !== "Pro") throw new Error(`the plan is ${await currentPlan()} before it is paid`);
    await self.followText(action);
    await self.fill({ card: "4242424242424242" });
    await self.submit();
    await self.sees(FAKE.paid);
    await control("drain");
    await self.goto("/account/billing");
    await self.sees("Renews on");
    if ((await currentPlan()) !== "Team") throw new Error(`the plan is ${await currentPlan()} after it is paid`);

    const [{ id }] = (await read("stripe/subscriptions")).items;
    await control(`stripe/subscriptions/${id}/renew`, { outcome: "failed" });
    await control("drain");
    await self.page.reload();
    await self.sees("Pay $49.00 now", `past-due-${name}`);
    await self.close();
  }
}

/** Tabs of one browser: each notices a sign-in or sign-out in another, and an expired session leads back (E3). */
export async function byTabs(device) {
  const gil = await newcomer(device, "gil");
  const email = `gil.${device.name}@example.com`;
  await gil.follow("/account/security");
  await gil.sees("This session");
  const other = await person(device, gil.context);
  await other.goto("/account/password");
  await other.sees("Current password");
  await gil.follow("/account");
  await gil.press("Sign out");
  await gil.sees("Forgot your password?");
  await other.sees("You signed out in another tab. Sign in to continue.", "signed-out-elsewhere");
  await gil.fill({ email, password: PASSWORD });
  await gil.press("Sign in");
  await gil.sees("Account ID");
  // The other tab returns to its page.
  await other.sees("Current password");
  if (!other.page.url().endsWith("/account/password")) throw new Error(`the other tab is at ${other.page.url()}`);

  // The session ended at the service: the next action leads to the sign-in and back to the same page.
  await gil.goto("/account/email");
  await gil.sees("New e-mail address", "email-open");
  const { access_token } = await contract("/login", { email, password: PASSWORD });
  await parsed("/sessions", await fetch(`${base}/sessions`, { method: "DELETE", headers: { authorization: `Bearer ${access_token}` } }));
  await gil.fill({ new_email: `gil.moved.${device.name}@example.com`, password: PASSWORD });
  await gil.press("Send verification e-mail");
  await gil.sees("Your session has expired. Sign in to continue.", "session-expired");
  await other.sees("Forgot your password?");
  await gil.fill({ email, password: PASSWORD });
  await gil.press("Sign in");
  await gil.sees("New e-mail address");
  if (!gil.page.url().endsWith("/account/email")) throw new Error(`back at ${gil.page.url()}`);
  await gil.close();
}

/** Amounts have the decimals that Stripe counts them in. */
export async function amounts(device) {
  const reader = await person(device);
  await reader.goto("/account");
  for (const [amount, currency, digits] of [
    [1900, "usd", "19.00"],
    [50000, "isk", "500.00"],
    [50000, "ugx", "500.00"],
    [50000, "huf", "500.00"],
    [500, "mga", "500"],
    [500, "jpy", "500"],
    [12340, "kwd", "12.340"],
  ]) {
    const text = await reader.page.evaluate(async (...given) => (await import("/account/dom.js")).money(...given), amount, currency);
    if (text.replaceAll(/[^\d.]/g, "") !== digits) throw new Error(`${amount} ${currency} is shown as ${text}`);
  }
  await reader.close();
}
