// Complete walks through the account pages at three widths, in light and dark.

import { PASSWORD, WAIT, base, browser, checked, contract, control, mail, parsed, person, read, requireCoverage } from "./kit.mjs";

const SECOND = "another horse staple";
/** Texts of the pages that stand for Google, GitHub and Stripe. */
const FAKE = {
  choose: "Test mode: this page stands for",
  use: "Continue",
  deny: "Cancel: deny access",
  amount: "19.00 USD",
  declined: "Your card was declined",
  paid: "the invoice is paid",
  portal: "Customer portal",
};

const devices = [
  { name: "phone", width: 390, height: 844, scheme: "light" },
  { name: "tablet", width: 768, height: 1024, scheme: "light", isBetween: true },
  { name: "desktop", width: 1280, height: 900, scheme: "dark" },
];

/** Adds a plan with every kind of feature, one with a longer trial, one without a trial, and a yearly one. */
async function morePlans() {
  const admin = await contract("/login", { email: "admin@localhost.test", password: process.env.ADMIN_PASSWORD });
  const features = { max_projects: 1200, priority_support: true, single_sign_on: false, regions: ["Dublin", "Oregon"], storage: { size: "50 GB", copies: 3 } };
  const description = "For studios that ship often, and pay once a year.";
  const plan = { code: "studio", name: "Studio", price_cents: 49900, currency: "eur", billing_period: "year", tier: 3, trial_days: 14, description, features };
  await contract("/billing/plans", plan, admin.access_token);
  const agency = { code: "agency", name: "Agency", price_cents: 99900, currency: "eur", billing_period: "year", tier: 4, trial_days: 30 };
  await contract("/billing/plans", agency, admin.access_token);
  const campus = { code: "campus", name: "Campus", price_cents: 129900, currency: "eur", billing_period: "year", tier: 5 };
  await contract("/billing/plans", campus, admin.access_token);
  const yearly = { code: "team-year", name: "Team, yearly", price_cents: 49000, currency: "usd", billing_period: "year", tier: 2 };
  await contract("/billing/plans", yearly, admin.access_token);
}

async function byPassword(device) {
  const email = `ann.${device.name}@example.com`;
  const ann = await person(device);
  await ann.goto("/");
  await ann.sees("Forgot your password?", "sign-in");
  // In a browser without an earlier sign-in no request is refused, and a first visit takes few requests.
  if (ann.refused.length > 0) throw new Error(`refused on a first visit: ${ann.refused}`);
  const loaded = await ann.page.evaluate(() => performance.getEntriesByType("resource").length + 1);
  if (loaded > 12) throw new Error(`a first visit takes ${loaded} requests`);
  await ann.follow("/account/register");
  // The rules are shown before any input; errors that the page can find are not sent (E9).
  await ann.sees("At least 8 characters", "register");
  await ann.sees("3 to 40 letters");
  const calls = [];
  ann.page.on("request", (request) => request.url() === `${base}/register` && calls.push(request.method()));
  const errors = () => ann.page.$$eval(".error", (all) => all.map((error) => error.textContent).filter(Boolean));
  await ann.press("Create account");
  await ann.sees("This field is required.", "register-empty");
  if ((await errors()).length !== 3) throw new Error(`errors of an empty form: ${await errors()}`);
  await ann.fill({ email: "ann", username: "a", password: "short" });
  await ann.press("Create account");
  await ann.sees("Enter a valid e-mail address.", "register-wrong");
  await ann.sees("Use 3 to 40 letters");
  await ann.sees("Use at least 8 characters.");
  if (calls.length > 0) throw new Error("the page sent what it can check");
  const focused = () => ann.page.evaluate(() => document.activeElement.name);
  if ((await focused()) !== "email") throw new Error(`the focus is at ${await focused()}`);
  // The password can be shown.
  await ann.press("Show");
  if ((await ann.page.$eval("[name=password]", (input) => input.type)) !== "text") throw new Error("the password is not shown");
  await ann.fill({ email, username: `ann-${device.name}`, password: "password" });
  await ann.press("Create account");
  await ann.sees("most used", "weak");
  await ann.fill({ password: PASSWORD });
  await ann.press("Create account");
  await ann.sees("6-digit code", "verify");
  await ann.sees(email);
  const verification = await mail(email, "verify");

  // The address can be corrected; a user name that is taken is reported beside its field.
  await ann.press("change the e-mail address");
  await ann.sees("Enter the correct e-mail address.", "register-corrected");
  await ann.fill({ username: `ann-${device.name}`, password: PASSWORD });
  await ann.press("Create account");
  await ann.sees("This user name is taken.", "name-taken");
  if ((await focused()) !== "username") throw new Error(`the focus is at ${await focused()}`);
  await ann.page.goBack();
  await ann.sees("Check your e-mail");

  const other = await person(device);
  await other.goto(verification.links[0]);
  await other.sees(`you created the account ann-${device.name}`, "link");
  await other.close();
  // An invalid link leads to the page that sends a new one.
  const late = await person(device);
  await late.goto("/verify?token=expired");
  await late.sees("may have expired", "link-expired");
  await late.followText("Send a new verification mail");
  await late.press("Send a new code");
  await late.sees("Enter a valid e-mail address.", "verify-without-address");
  await late.fill({ email: `late.${device.name}@example.com` });
  await late.press("Send a new code");
  await late.sees("We've sent a new code", "verify-resent");
  await late.close();

  await ann.fill({ code: verification.code === "000000" ? "000001" : "000000" });
  await ann.press("Verify");
  await ann.sees("incorrect or has expired", "wrong-code");
  // A new mail clears the error. Its code replaces the first one.
  await ann.press("Send a new code");
  await ann.sees("We've sent a new code", "resent");
  if ((await errors()).length > 0) throw new Error(`an error stays: ${await errors()}`);
  const { code } = await mail(email, "verify");
  // As it is pasted from a mail (B16).
  await ann.fill({ code: ` ${code.slice(0, 3)} ${code.slice(3)} ` });
  await ann.press("Verify");
  // This browser registered, so it is signed in (E8).
  await ann.sees("Your e-mail address is verified, and you're signed in.", "verified");
  await ann.sees("Account ID");
  // The message is shown once.
  await ann.page.reload();
  await ann.sees("Account ID");
  if ((await ann.page.evaluate(() => document.body.innerText)).includes("is verified")) throw new Error("the message is shown again");
  await ann.press("Sign out");
  await ann.sees("You're signed out.", "signed-out");
  await ann.fill({ password: "not the password" });
  await ann.press("Sign in");
  await ann.sees("Incorrect e-mail address or password.", "wrong-password");
  if ((await focused()) !== "password") throw new Error(`the focus is at ${await focused()}`);
  await ann.fill({ password: PASSWORD });
  await ann.press("Sign in");
  await ann.sees("Account ID", "profile");

  // Connecting a provider: denied at first, then completed, then undone.
  await ann.follow("/account/security");
  await ann.sees("Not connected", "security");
  await ann.press("Connect GitHub");
  await ann.sees(FAKE.deny, "consent");
  await ann.press(FAKE.deny);
  await ann.sees("The provider denied access", "denied");
  await control("clock", { advance_seconds: 301 });
  await ann.press("Connect GitHub");
  await ann.sees("Confirm your password", "reauthenticate");
  await ann.fill({ "github-password": "not the password" });
  await ann.press("Connect GitHub");
  await ann.sees("Incorrect password.");
  await ann.fill({ "github-password": PASSWORD });
  await ann.press("Connect GitHub");
  await ann.sees(FAKE.choose);
  await ann.fill({ email: `ann.${device.name}@github.example` });
  await ann.press(FAKE.use);
  await ann.sees("GitHub is now connected to your account", "connected");
  await ann.sees("Disconnect GitHub");
  await ann.press("Disconnect GitHub");
  await ann.sees("Confirm your password");
  await ann.fill({ "github-password": PASSWORD });
  await ann.press("Disconnect GitHub");
  await ann.sees("GitHub is disconnected.", "disconnected");
  await ann.sees("Connect GitHub");

  // Another e-mail address.
  const moved = `ann.moved.${device.name}@example.com`;
  await ann.follow("/account");
  await ann.press("Change");
  await ann.fill({ new_email: moved, password: PASSWORD });
  await ann.press("Send verification e-mail");
  await ann.sees("6-digit code", "new-address");
  await ann.fill({ code: (await mail(moved, "verify")).code });
  await ann.press("Verify");
  await ann.sees("Your e-mail address has been changed.", "moved");
  await ann.sees(moved);
  await mail(email, "email_changed");

  await ann.follow("/account/security");
  await ann.sees("This session");
  await ann.sees("on Linux");
  const elsewhere = await contract("/login", { email: moved, password: PASSWORD });
  const third = await contract("/login", { email: moved, password: PASSWORD });
  await ann.page.reload();
  await ann.sees("End session", "sessions");
  await ann.press("End session");
  await ann.sees("The session has been signed out.", "session-ended-one");
  await ann.press("Sign out of all other sessions");
  await ann.sees("You're signed out of all other sessions.");
  if ((await ann.buttons()).includes("End session")) throw new Error("another session is still listed");
  for (const { access_token } of [elsewhere, third]) {
    const ended = await fetch(`${base}/me`, { headers: { authorization: `Bearer ${access_token}` } });
    if (ended.status !== 401) throw new Error("another session continues");
  }
  await ann.press("Change password");
  await ann.fill({ old_password: "not the password", new_password: SECOND });
  await ann.press("Change password");
  await ann.sees("Incorrect password.", "password-wrong");
  await ann.fill({ old_password: PASSWORD });
  await ann.press("Change password");
  await ann.sees("Your password has been changed.", "password");
  // Where password managers look for the page.
  await ann.goto("/.well-known/change-password");
  await ann.sees("Current password", "password-open");
  await ann.press("Sign out");
  await ann.sees("Forgot your password?");

  // The forgotten password.
  await ann.follow("/account/forgot");
  await ann.fill({ email: moved });
  await ann.press("Send link");
  await ann.sees("is on its way", "forgot");
  await ann.goto((await mail(moved, "reset")).links[0]);
  await ann.sees("Set a new password", "reset");
  await ann.fill({ password: PASSWORD });
  await ann.press("Set password");
  await ann.sees("Your password is set", "reset-done");

  // By code, then the account is closed.
  await ann.goto("/account/code");
  await ann.sees("We'll e-mail you a 6-digit code", "code");
  await ann.fill({ email: moved });
  await ann.press("Send code");
  await ann.sees("Check your e-mail", "code-entry");
  await ann.press("Send a new code");
  await ann.sees("We've sent a new code.");
  const mailed = (await mail(moved, "login_code")).code;
  // Not six digits: the page reports it, and no attempt is used (B16).
  await ann.fill({ code: mailed.slice(1) });
  await ann.press("Sign in");
  await ann.sees("six digits", "code-short");
  await ann.fill({ code: `${mailed.slice(0, 3)}-${mailed.slice(3)}` });
  await ann.press("Sign in");
  await ann.sees("Account ID");
  await ann.follow("/account/close");
  await ann.sees("Close your account?", "close");
  await ann.fill({ password: PASSWORD });
  await ann.press("Close account");
  await ann.sees("Your account is closed.", "closed");
  await ann.close();
}

/** A subscriber who downloads the data and deletes the account, and who can register again as a new user. */
async function byDeletion(device) {
  const lea = await subscriber(device, "lea", "4242424242424242");
  await lea.goto("/account");
  await lea.follow("/account/close");
  await lea.sees("Close your account?");
  await lea.follow("/account/delete");
  await lea.sees("This can't be undone.", "delete");
  const [data] = await Promise.all([
    lea.page.waitForResponse((response) => response.url() === `${base}/me/export`).then((response) => response.json()),
    lea.press("Download my data"),
  ]);
  if (data.payments.length !== 1) throw new Error(`the file has ${data.payments.length} payments`);
  // Later the file requires the password.
  await control("clock", { advance_seconds: 301 });
  await lea.press("Download my data");
  await lea.fill({ "export-password": PASSWORD });
  await Promise.all([lea.page.waitForResponse((response) => response.url() === `${base}/me/export` && response.ok()), lea.press("Download my data")]);
  await lea.fill({ password: PASSWORD });
  await lea.press("Delete account permanently");
  await lea.sees("Your account is deleted.", "deleted");
  await control("drain");
  await control("schedules/accounts/run");
  await lea.close();
  await (await newcomer(device, "lea")).close();
}

async function byProvider(device, provider, title) {
  const email = `bob.${provider}.${device.name}@example.com`;
  const bob = await person(device);
  // The requested page is shown after the sign-in.
  await bob.goto("/account/security");
  await bob.press(`Continue with ${title}`);
  await bob.sees(FAKE.choose);
  await bob.fill({ email });
  await bob.press(FAKE.use);
  await bob.sees("You haven't set a password yet.", `${provider}-security`);
  if (bob.page.url() !== `${base}/account/security`) throw new Error(`at ${bob.page.url()} after the sign-in`);
  await bob.press("Set a password");
  await bob.sees("We've sent a link to set a password", `${provider}-first-password`);
  await bob.close();

  const again = await person(device);
  await again.goto("/account");
  await again.press(`Continue with ${title}`);
  await again.press(email);
  await again.sees(email.slice(0, 20));
  await again.sees("Account ID");
  await again.close();

  const denied = await person(device);
  await denied.goto("/account");
  await denied.press(`Continue with ${title}`);
  await denied.press(FAKE.deny);
  await denied.sees("The provider denied access", `${provider}-denied`);
  if (denied.page.url().includes("error=")) throw new Error("the error stays in the address");
  await denied.close();
}

/** A user who registered and verified the address in one browser, which is then signed in (E8). */
async function newcomer(device, name) {
  const email = `${name}.${device.name}@example.com`;
  const self = await person(device);
  await self.goto("/account/register");
  await self.fill({ email, username: `${name}-${device.name}`, password: PASSWORD });
  await self.press("Create account");
  await self.sees("6-digit code");
  await self.fill({ code: (await mail(email, "verify")).code });
  await self.press("Verify");
  await self.sees("you're signed in");
  await self.sees("Account ID");
  await self.follow("/account/billing");
  await self.sees("Current plan");
  return self;
}

/** A new user who subscribed to Pro with this card. */
async function subscriber(device, name, card) {
  const self = await newcomer(device, name);
  await self.press("Subscribe to Pro");
  await self.fill({ card });
  await self.submit();
  await self.sees("You're subscribed to Pro");
  return self;
}

/** From the registration to a paid plan, through renewals that fail, to its end and a trial of another plan. */
async function byPlan(device) {
  const cleo = await newcomer(device, "cleo");
  await cleo.sees("Subscribe to Pro", "plans");
  await cleo.sees("Single sign on: not included");
  await cleo.sees("Recommended");
  await cleo.sees("No invoices yet");
  if ((await cleo.page.evaluate(() => document.body.innerText)).includes("$0.00")) throw new Error("the free plan has an amount");
  // A user without a subscription causes no 404.
  if (cleo.refused.length > 0) throw new Error(`refused for a new user: ${cleo.refused}`);

  // The service does not answer, or payments are not set up.
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

  // The checkout is left, resumed, and paid with the second card; Stripe's event comes late.
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

  // The invoice opens at Stripe's current address.
  await Promise.all([cleo.page.waitForNavigation(), cleo.page.click("tbody a")]);
  await cleo.sees(FAKE.paid);
  await cleo.page.goBack();
  await cleo.sees("Renews on");

  // A renewal fails, and is paid on the invoice's own page.
  const [{ id }] = (await read("stripe/subscriptions")).items;
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

  // A cancellation that is undone; then the same on Stripe's own page. It asks first, and names the date (E15).
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
  await Promise.all([cleo.page.waitForNavigation(), cleo.press("Cards and invoices")]);
  await cleo.sees(FAKE.portal, "portal");
  await cleo.page.evaluate(() => document.querySelector('button[value="cancel"]').click());
  await cleo.page.waitForSelector('button[value="resume"]', { timeout: WAIT.timeout });
  await cleo.page.evaluate(() => document.querySelector('button[value="resume"]').click());
  await cleo.page.waitForSelector('button[value="cancel"]', { timeout: WAIT.timeout });
  await control("drain");
  await cleo.goto("/account/billing");
  await cleo.sees("Renews on");

  // More payments than one page holds.
  for (let renewal = 0; renewal < 19; renewal += 1) await control(`stripe/subscriptions/${id}/renew`, { outcome: "paid" });
  await control("drain");
  await cleo.page.reload();
  await cleo.sees("Show more", "invoices");
  const rows = () => cleo.page.$$eval("tbody tr", (all) => all.length);
  if ((await rows()) !== 20) throw new Error(`${await rows()} payments on the first page`);
  await cleo.press("Show more");
  await cleo.page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 21, WAIT);

  // States that the fake cannot reach.
  const [subscription, payments] = await cleo.reads("/billing/subscriptions/me", "/billing/payments/me");
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

  // Ended at Stripe: another plan can be chosen, which begins with a trial.
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

  // Another plan during the trial costs nothing yet.
  await cleo.press("Change to Agency");
  await cleo.sees("Your trial continues: you pay €999.00 a year from", "preview-trial");
  await cleo.press("Confirm change");
  await cleo.sees("You're now on Agency.");
  await cleo.sees("Trial ends and first payment on", "trial-changed");

  // A plan without a trial ends it.
  await cleo.press("Change to Campus");
  await cleo.sees("Your trial ends today, and you pay €1,299.00 a year from then on.", "preview-trial-end");
  await cleo.press("Cancel");
  await cleo.close();
}

/** Plan changes: a higher plan at once, a lower plan with the next period, and changes that are refused. */
async function byChange(device) {
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
async function byRefusedChange(device) {
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
async function byTabs(device) {
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

/** Addresses: deep links, the old addresses, back and forward, and the dashboard as the page to return to. */
async function byAddress(device) {
  const hal = await newcomer(device, "hal");
  const email = `hal.${device.name}@example.com`;
  // Each address shows its page and marks its tab.
  for (const [path, text, tab] of [
    ["/account/email", "New e-mail address", "Profile"],
    ["/account/methods", "Sign-in methods", "Security"],
    ["/account/sessions", "This session", "Security"],
    ["/account/password", "Current password", "Security"],
  ]) {
    await hal.goto(path);
    await hal.sees(text, `address${path.replaceAll("/", "-")}`);
    const current = await hal.page.$eval("nav [aria-current]", (link) => link.textContent);
    if (current !== tab) throw new Error(`${path} marks ${current}`);
  }
  await hal.follow("/account");
  await hal.sees("Account ID");
  await hal.follow("/account/security");
  await hal.sees("This session");
  await hal.follow("/account/billing");
  await hal.sees("Current plan");
  await hal.page.goBack();
  await hal.sees("This session");
  await hal.page.goBack();
  await hal.sees("Account ID");
  await hal.page.goForward();
  await hal.sees("This session");
  const title = await hal.page.title();
  if (!title.startsWith("Security · ")) throw new Error(`the title is ${title}`);
  if ((await hal.focused()) !== "Security") throw new Error(`the focus is at "${await hal.focused()}"`);

  // A page that is requested without a session is shown after the sign-in. The sign-in is not in the history.
  await hal.press("Sign out");
  await hal.sees("You're signed out.");
  await hal.goto("/account/billing");
  await hal.sees("Forgot your password?");
  await hal.fill({ email, password: PASSWORD });
  await hal.press("Sign in");
  await hal.sees("Current plan");
  if (!hal.page.url().endsWith("/account/billing")) throw new Error(`at ${hal.page.url()} after the sign-in`);
  await hal.goto("/account/sign-in");
  await hal.sees("Account ID");

  // So is a page of the dashboard, as a document of its own; an address of another origin is ignored.
  await hal.press("Sign out");
  await hal.sees("You're signed out.");
  await hal.page.evaluate(async (other) => {
    const { want } = await import("/account/go.js");
    want("/dashboard/users?q=hal");
    want(other);
    want("//evil.example/account");
  }, "https://evil.example/dashboard");
  await hal.fill({ email, password: PASSWORD });
  await Promise.all([hal.page.waitForNavigation(), hal.press("Sign in")]);
  if (hal.page.url() !== `${base}/dashboard/users?q=hal`) throw new Error(`at ${hal.page.url()} after the sign-in`);
  // The same as a link to the sign-in, which a session skips.
  await hal.goto("/account/sign-in?next=https%3A%2F%2Fevil.example%2Fdashboard");
  await hal.sees("Account ID");
  await hal.goto("/account/sign-in?next=%2Fdashboard%2Freports%3Frange%3D7");
  await hal.page.waitForFunction((address) => location.href === address, WAIT, `${base}/dashboard/reports?range=7`);
  await hal.close();
}

/** A service that cannot be reached: each page offers to try again. */
async function byOffline(device) {
  const ida = await newcomer(device, "ida");
  await ida.follow("/account");
  await ida.sees("Account ID");
  await ida.page.setOfflineMode(true);
  await ida.follow("/account/close");
  await ida.sees("We couldn't reach the service.", "offline-close");
  await ida.follow("/account");
  await ida.sees("We couldn't reach the service.", "offline-profile");
  await ida.follow("/account/security");
  await ida.sees("We couldn't reach the service.", "offline-security");
  await ida.page.setOfflineMode(false);
  // The connection is used as soon as it is back.
  await ida.sees("This session", "online");

  // A request that fails while the network is up needs the button.
  await ida.answers("/sessions", 503, { code: "unavailable", detail: "Try again in a moment." });
  await ida.follow("/account");
  await ida.sees("Account ID");
  await ida.follow("/account/security");
  await ida.sees("Try again in a moment.", "unavailable");
  await ida.press("Try again");
  await ida.sees("This session");

  // A form keeps its input.
  await ida.press("Change password");
  await ida.fill({ old_password: PASSWORD, new_password: SECOND });
  await ida.page.setOfflineMode(true);
  await ida.press("Change password");
  await ida.sees("We couldn't reach the service.", "offline-form");
  await ida.page.setOfflineMode(false);
  await ida.press("Change password");
  await ida.sees("Your password has been changed.");

  // The first request of a visit fails.
  await ida.answers("/refresh-token", 503, { code: "unavailable", detail: "Try again in a moment." });
  await ida.page.reload();
  await ida.sees("Something went wrong", "unavailable-start");
  await ida.press("Try again");
  await ida.sees("This session");
  await ida.close();
}

/** A sign-in and a change of page with the keyboard alone. */
async function byKeyboard(device) {
  const email = `ida.${device.name}@example.com`;
  const jo = await person(device);
  await jo.goto("/account/security");
  await jo.sees("Forgot your password?");
  const tabTo = async (wanted) => {
    for (let presses = 0; presses < 30; presses += 1) {
      await jo.page.keyboard.press("Tab");
      const found = await jo.page.evaluate((text) => [document.activeElement.name, document.activeElement.textContent.trim()].includes(text), wanted);
      if (found) return;
    }
    throw new Error(`the Tab key does not reach ${wanted}`);
  };
  await tabTo("email");
  await jo.page.keyboard.type(email);
  await tabTo("password");
  await jo.page.keyboard.type(SECOND);
  await jo.page.keyboard.press("Enter");
  await jo.sees("This session");
  if ((await jo.focused()) !== "Security") throw new Error(`the focus is at "${await jo.focused()}"`);
  await tabTo("Change password");
  await jo.page.keyboard.press("Enter");
  await jo.sees("Current password");
  if ((await jo.page.evaluate(() => document.activeElement.name)) !== "old_password") throw new Error("the focus is not in the form");
  await tabTo("Cancel");
  await jo.page.keyboard.press("Enter");
  if ((await jo.focused()) !== "Change password") throw new Error(`the focus is at "${await jo.focused()}"`);
  await jo.close();
}

/** Cookies that are not this service's, or not valid, change nothing. */
async function byForeignCookie(device) {
  const kim = await person(device);
  const cookies = [{ name: "theme", value: "dark" }, { name: "refresh_token", value: "not-a-token" }, { name: "device", value: "=" }];
  await kim.context.setCookie(...cookies.map((cookie) => ({ ...cookie, domain: new URL(base).hostname, path: "/" })));
  await kim.goto("/account");
  // As scripts of other software set them: not ASCII, and one whose path is longer, which a browser sends before ours.
  await kim.page.evaluate(() => {
    for (const cookie of ["utm=frühling; path=/", 'json={"a":[1,2]}; path=/', "refresh_token=old; path=/refresh-token"]) document.cookie = cookie;
  });
  await kim.page.reload();
  await kim.sees("Forgot your password?");
  await kim.fill({ email: `ida.${device.name}@example.com`, password: SECOND });
  await kim.press("Sign in");
  await kim.sees("Account ID");
  await kim.page.reload();
  await kim.sees("Account ID");
  const other = await person(device, kim.context);
  await other.goto("/account/security");
  await other.sees("This session");
  await kim.press("Sign out");
  await kim.sees("You're signed out.");
  await other.sees("You signed out in another tab. Sign in to continue.");
  await other.page.reload();
  await other.sees("Forgot your password?");
  await kim.close();
}

/** An address without a page: a page with links (E14). */
async function byNonsense(device) {
  const reader = await person(device);
  for (const path of ["/nonsense", "/account/nonsense"]) {
    const response = await reader.goto(path);
    if (response.status() !== 404) throw new Error(`${path}: ${response.status()}`);
    await reader.sees("Page not found", "not-found");
    await reader.followText("Go to your account");
    await reader.sees("Forgot your password?");
  }
  await reader.close();
}

/** Sessions are named by browser and system. */
async function userAgents(device) {
  const reader = await person(device);
  await reader.goto("/account");
  for (const [text, name] of [
    ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.2592.87", "Edge 126 on Windows"],
    ["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15", "Safari 17 on macOS"],
    ["Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1", "Safari 17 on iPhone"],
    ["Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1", "Chrome 126 on iPhone"],
    ["Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox 128 on Linux"],
    ["Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36", "Samsung Internet 25 on Android"],
    ["curl/8.5.0", "curl"],
    ["node", "node"],
    ["Mozilla/5.0", "Unknown device"],
    ["<b>x</b>", "Unknown device"],
    [null, "Unknown device"],
  ]) {
    const given = await reader.page.evaluate(async (value) => (await import("/account/user-agent.js")).deviceName(value), text);
    if (given !== name) throw new Error(`${text} is named ${given}`);
  }
  await reader.close();
}

/** Amounts have the decimals that Stripe counts them in. */
async function amounts(device) {
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

async function documents(device) {
  const reader = await person(device);
  await reader.goto("/docs#login");
  await reader.sees("POST /login", "docs");
  await reader.sees("Use the new one from then on");
  await reader.sees("Link to this operation");
  await reader.fill({ search: "introspect token" });
  const shown = await reader.page.$$eval(".operation:not([hidden])", (all) => all.map(({ id }) => id));
  if (!shown.includes("introspect") || shown.includes("login")) throw new Error(`the search shows ${shown}`);
  await reader.page.$eval("#search", (input) => ((input.value = ""), input.dispatchEvent(new Event("input"))));
  await reader.page.evaluate(() => document.querySelectorAll("details").forEach((details) => details.setAttribute("open", "")));
  await reader.sees("curl -i", "docs-open");
  await reader.close();
}

await morePlans();
for (const device of devices) {
  await byPassword(device);
  await byProvider(device, "google", "Google");
  await byPlan(device);
  await byDeletion(device);
  await byAddress(device);
  await byOffline(device);
  await byNonsense(device);
  await documents(device);
  // The width between has the layout of one of the others: the longer walks are not repeated.
  if (!device.isBetween) {
    await byProvider(device, "github", "GitHub");
    await byChange(device);
    await byRefusedChange(device);
    await byTabs(device);
    await byKeyboard(device);
    await byForeignCookie(device);
    await userAgents(device);
    await amounts(device);
  }
  console.log(`${device.name}: complete`);
}
await requireCoverage("account/main.js", /"(\/account[^"]*)": /g, devices);
await browser.close();
console.log(`${checked} pages checked, without an error or a violation of axe-core's rules`);
