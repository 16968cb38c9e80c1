// A person's whole way through the account pages, by day on a phone and by night at a desk.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import puppeteer from "puppeteer-core";

const [base, shots] = process.argv.slice(2);
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PASSWORD = "correct horse battery";
const SECOND = "another horse staple";

const devices = [
  { name: "phone", width: 390, height: 844, scheme: "light" },
  { name: "desk", width: 1280, height: 900, scheme: "dark" },
];

const browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
let checked = 0;

async function told(path, response) {
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  return text ? JSON.parse(text) : {};
}

/** Asks the local desk for something to be done. */
async function desk(path, body, method = "POST") {
  const headers = { accept: "application/json", "content-type": "application/json" };
  return told(path, await fetch(`${base}/_local/${path}`, { method, headers, body: JSON.stringify(body ?? {}) }));
}

const look = async (path) => told(path, await fetch(`${base}/_local/${path}`, { headers: { accept: "application/json" } }));

async function mail(to, kind) {
  await desk("drain");
  const { items } = await look(`emails?to=${encodeURIComponent(to)}`);
  const found = items.find((item) => item.kind === kind);
  if (!found) throw new Error(`no mail ${kind} to ${to}`);
  return found;
}

async function contract(path, body, token) {
  const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
  return told(path, await fetch(`${base}${path}`, { method: "POST", headers, body: JSON.stringify(body) }));
}

/** Beside the plans that are there, one with everything that a plan can have, for its card to show, one above it, and one by the year. */
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

/** How a text is waited for: by a timer, since a tab behind another one draws no frames. */
const PATIENTLY = { timeout: 30_000, polling: 100 };

/** A browser of its own, or another tab of one that is `shared`; its errors end the walk. */
async function person(device, shared) {
  const context = shared ?? (await browser.createBrowserContext());
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    // A refused call is part of the walk; what the page itself does wrong is not.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) errors.push(message.text());
  });
  await page.setViewport({ width: device.width, height: device.height });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: device.scheme }]);

  const self = {
    context,
    page,
    goto: (path) => page.goto(path.startsWith("http") ? path : `${base}${path}`),
    /** Waits for a text, then looks at the page as axe-core and a small screen do. */
    async sees(text, shot) {
      await page.waitForFunction((wanted) => document.body.innerText.includes(wanted), PATIENTLY, text).catch(async () => {
        throw new Error(`"${text}" is not there at ${page.url()}:\n${await page.evaluate(() => document.body.innerText)}`);
      });
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
      if (violations.length > 0) {
        const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" | ")}`);
        throw new Error(`axe at ${page.url()} after "${text}":\n${told.join("\n")}`);
      }
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (overflow > 0) throw new Error(`${page.url()} is ${overflow} px too wide`);
      if (errors.length > 0) throw new Error(`errors at ${page.url()}:\n${errors.join("\n")}`);
      if (shots && shot) await page.screenshot({ path: `${shots}/${device.name}-${shot}.png`, fullPage: true });
      checked += 1;
    },
    async fill(fields) {
      for (const [name, value] of Object.entries(fields)) {
        await page.waitForSelector(`[name="${name}"]`);
        await page.$eval(`[name="${name}"]`, (input) => {
          input.value = "";
        });
        await page.type(`[name="${name}"]`, value);
      }
    },
    async press(label) {
      await page.waitForFunction((wanted) => [...document.querySelectorAll("button")].some((button) => button.textContent.trim() === wanted && !button.disabled), PATIENTLY, label);
      await page.evaluate((wanted) => [...document.querySelectorAll("button")].find((button) => button.textContent.trim() === wanted).click(), label);
    },
    /** Sends the form of a page that is not this project's by its own button. */
    async submit() {
      await Promise.all([page.waitForNavigation(), page.click("form button")]);
    },
    /** Has the next call to `path` answered by this, where the local stack cannot be brought to it. */
    async answers(path, status, body) {
      await page.setRequestInterception(true);
      const answer = async (request) => {
        if (!request.url().endsWith(path)) return request.continue();
        page.off("request", answer);
        await request.respond({ status, contentType: status < 400 ? "application/json" : "application/problem+json", body: JSON.stringify(body) });
        await page.setRequestInterception(false);
      };
      page.on("request", answer);
    },
    /** What the page was answered at these paths when it is loaded anew. */
    async reads(...paths) {
      const answers = paths.map((path) => page.waitForResponse((response) => response.url() === `${base}${path}`));
      await page.reload();
      return Promise.all(answers.map(async (response) => (await response).json()));
    },
    buttons: () => page.$$eval("button", (all) => all.map((button) => button.textContent.trim())),
    /** Pays what a preview says. */
    confirm: async () => self.press((await self.buttons()).find((label) => label.startsWith("Pay $"))),
    /** The text of what has the focus. */
    focused: () => page.evaluate(() => document.activeElement.textContent.trim()),
    /** What the next call to `path` sends. */
    async sends(path, act) {
      const [request] = await Promise.all([page.waitForRequest((sent) => sent.url() === `${base}${path}` && sent.method() === "POST"), act()]);
      return { body: JSON.parse(request.postData()), key: request.headers()["idempotency-key"] };
    },
    async followText(text) {
      await page.waitForFunction((wanted) => [...document.querySelectorAll("a")].some((link) => link.textContent === wanted), PATIENTLY, text);
      await Promise.all([page.waitForNavigation(), page.evaluate((wanted) => [...document.querySelectorAll("a")].find((link) => link.textContent === wanted).click(), text)]);
    },
    /** Clicks a link in the same step in which it is found: the page may show another one a moment later. */
    async follow(href) {
      const click = (wanted) => {
        const link = document.querySelector(`a[href="${wanted}"]`);
        link?.click();
        return link !== null;
      };
      await page.waitForFunction(click, PATIENTLY, href);
    },
    close: () => context.close(),
  };
  return self;
}

async function byPassword(device) {
  const email = `ann.${device.name}@example.com`;
  const ann = await person(device);
  await ann.goto("/");
  await ann.sees("Forgotten your password?", "sign-in");
  await ann.follow("/account/register");
  // The rules are there before anything is typed; what the page can check costs no call (E9).
  await ann.sees("At least 8 characters", "register");
  await ann.sees("3 to 40 letters");
  const calls = [];
  ann.page.on("request", (request) => request.url() === `${base}/register` && calls.push(request.method()));
  const errors = () => ann.page.$$eval(".error", (all) => all.map((error) => error.textContent).filter(Boolean));
  await ann.press("Register");
  await ann.sees("Fill this in.", "register-empty");
  if ((await errors()).length !== 3) throw new Error(`errors of an empty form: ${await errors()}`);
  await ann.fill({ email: "ann", username: "a", password: "short" });
  await ann.press("Register");
  await ann.sees("This is not an e-mail address.", "register-wrong");
  await ann.sees("A user name has 3 to 40");
  await ann.sees("must have at least 8");
  if (calls.length > 0) throw new Error("what the page can check was sent");
  const focused = await ann.page.evaluate(() => document.activeElement.name);
  if (focused !== "email") throw new Error(`the focus is at ${focused}`);
  await ann.fill({ email, username: `ann-${device.name}`, password: "password" });
  await ann.press("Register");
  await ann.sees("most used", "weak");
  await ann.fill({ password: PASSWORD });
  await ann.press("Register");
  await ann.sees("Code of six digits", "prove");
  const proof = await mail(email, "verify");
  const other = await person(device);
  await other.goto(proof.links[0]);
  await other.sees(`The account ann-${device.name} was opened`, "link");
  await other.close();
  await ann.fill({ code: proof.code === "000000" ? "000001" : "000000" });
  await ann.press("Prove it");
  await ann.sees("not valid", "wrong-code");
  // As it is pasted from a mail (B16).
  await ann.fill({ code: ` ${proof.code.slice(0, 3)} ${proof.code.slice(3)} ` });
  await ann.press("Prove it");
  // This browser registered: it is signed in (E8).
  await ann.sees("Your address is verified, and you are signed in.", "verified");
  await ann.sees("Registered");
  await ann.press("Sign out");
  await ann.sees("Forgotten your password?");
  await ann.fill({ password: "not the password" });
  await ann.press("Sign in");
  await ann.sees("do not match", "wrong-password");
  await ann.fill({ password: PASSWORD });
  await ann.press("Sign in");
  await ann.sees("Registered", "profile");

  // Linking: denied at first, then done, then taken away.
  await ann.follow("/account/methods");
  await ann.sees("Not linked", "methods");
  await ann.press("Link GitHub");
  await ann.sees("Do not let it know", "consent");
  await ann.press("Do not let it know");
  await ann.sees("did not let you in", "denied");
  await desk("clock", { advance_seconds: 301 });
  await ann.follow("/account/methods");
  await ann.press("Link GitHub");
  await ann.sees("Your password", "reauthenticate");
  await ann.fill({ "github-password": PASSWORD });
  await ann.press("Link GitHub");
  await ann.sees("Which account is it to be?");
  await ann.fill({ email: `ann.${device.name}@github.example` });
  await ann.press("Go on as this one");
  await ann.sees("GitHub is linked to your account", "linked");
  await ann.follow("/account/methods");
  await ann.sees("Unlink GitHub", "methods-linked");
  await ann.press("Unlink GitHub");
  await ann.sees("Your password");
  await ann.fill({ "github-password": PASSWORD });
  await ann.press("Unlink GitHub");
  await ann.sees("Not linked");

  // Another address.
  const moved = `ann.moved.${device.name}@example.com`;
  await ann.follow("/account/email");
  await ann.fill({ new_email: moved, password: PASSWORD });
  await ann.press("Mail the new address");
  await ann.sees("Code of six digits", "new-address");
  await ann.fill({ code: (await mail(moved, "verify")).code });
  await ann.press("Prove it");
  await ann.sees(moved, "moved");
  await mail(email, "email_changed");

  await ann.follow("/account/sessions");
  await ann.sees("This session", "sessions");
  const elsewhere = await contract("/login", { email: moved, password: PASSWORD });
  await ann.page.reload();
  await ann.sees("End it");
  await ann.press("Sign out of all other sessions");
  await ann.page.waitForFunction(() => !document.body.innerText.includes("End it"), PATIENTLY);
  await ann.sees("This session");
  const ended = await fetch(`${base}/me`, { headers: { authorization: `Bearer ${elsewhere.access_token}` } });
  if (ended.status !== 401) throw new Error("the other session goes on");
  await ann.follow("/account/password");
  await ann.fill({ old_password: PASSWORD, new_password: SECOND });
  await ann.press("Change it");
  await ann.sees("is changed", "password");
  await ann.page.reload();
  await ann.sees("Present password");
  await ann.follow("/account");
  await ann.press("Sign out");
  await ann.sees("Forgotten your password?");

  // Forgotten.
  await ann.follow("/account/forgot");
  await ann.fill({ email: moved });
  await ann.press("Mail me the link");
  await ann.sees("on its way", "forgot");
  await ann.goto((await mail(moved, "reset")).links[0]);
  await ann.sees("Choose a new password", "reset");
  await ann.fill({ password: PASSWORD });
  await ann.press("Set this password");
  await ann.sees("Your password is set", "reset-done");

  // By code, then the end.
  await ann.goto("/account/code");
  await ann.sees("We mail you six digits", "code");
  await ann.fill({ email: moved });
  await ann.press("Mail me a code");
  await ann.sees("Code of six digits", "code-entry");
  const mailed = (await mail(moved, "login_code")).code;
  // Not six digits: the page says so, and no attempt is lost (B16).
  await ann.fill({ code: mailed.slice(1) });
  await ann.press("Sign in");
  await ann.sees("six digits");
  await ann.fill({ code: `${mailed.slice(0, 3)}-${mailed.slice(3)}` });
  await ann.press("Sign in");
  await ann.sees("Registered");
  await ann.follow("/account/close");
  await ann.fill({ password: PASSWORD });
  await ann.press("Close my account");
  await ann.sees("Your account is closed", "closed");
  await ann.close();
}

/** Somebody who takes along what is kept and deletes the account, and who may come again as if for the first time. */
async function byDeletion(device) {
  const lea = await subscriber(device, "lea", "4242424242424242");
  await lea.follow("/account/close");
  await lea.follow("/account/delete");
  await lea.sees("Take along what is kept", "delete");
  const [held] = await Promise.all([
    lea.page.waitForResponse((response) => response.url() === `${base}/me/export`).then((response) => response.json()),
    lea.press("Download my data"),
  ]);
  if (held.payments.length !== 1) throw new Error(`the file has ${held.payments.length} payments`);
  await lea.fill({ password: PASSWORD });
  await lea.press("Delete my account for good");
  await lea.sees("Your account is deleted", "deleted");
  await desk("drain");
  await desk("schedules/accounts/run");
  await lea.close();
  await (await newcomer(device, "lea")).close();
}

async function byProvider(device, provider, title) {
  const email = `bob.${provider}.${device.name}@example.com`;
  const bob = await person(device);
  await bob.goto("/account");
  await bob.press(`Continue with ${title}`);
  await bob.sees("Which account is it to be?");
  await bob.fill({ email });
  await bob.press("Go on as this one");
  await bob.sees("Registered", `${provider}-profile`);
  await bob.follow("/account/password");
  await bob.press("Mail me the link");
  await bob.sees("on its way", `${provider}-first-password`);
  await bob.close();

  const again = await person(device);
  await again.goto("/account");
  await again.press(`Continue with ${title}`);
  await again.press(email);
  await again.sees(email);
  await again.close();

  const denied = await person(device);
  await denied.goto("/account");
  await denied.press(`Continue with ${title}`);
  await denied.press("Do not let it know");
  await denied.sees("did not let you in", `${provider}-denied`);
  if (denied.page.url().includes("error=")) throw new Error("the error stays in the address");
  await denied.close();
}

/** Somebody who registered and verified the address in one browser, which is signed in by that (E8). */
async function newcomer(device, name) {
  const email = `${name}.${device.name}@example.com`;
  const self = await person(device);
  await self.goto("/account/register");
  await self.fill({ email, username: `${name}-${device.name}`, password: PASSWORD });
  await self.press("Register");
  await self.sees("Code of six digits");
  await self.fill({ code: (await mail(email, "verify")).code });
  await self.press("Prove it");
  await self.sees("you are signed in");
  return self;
}

/** The same who pays for Pro by this card. */
async function subscriber(device, name, card) {
  const self = await newcomer(device, name);
  await self.press("Subscribe to Pro");
  await self.fill({ card });
  await self.submit();
  await self.sees("Your plan is Pro now");
  return self;
}

/** From the registration to a paid plan, through renewals that fail, to the end of it and a trial of another. */
async function byPlan(device) {
  const cleo = await newcomer(device, "cleo");
  await cleo.sees("Subscribe to Pro", "plans");
  await cleo.sees("Single sign on: no");

  // What does not answer, and what is not set up.
  await cleo.answers("/billing/plans", 503, { code: "unavailable", detail: "The plans cannot be read now." });
  await cleo.page.reload();
  await cleo.sees("The plans cannot be read now", "plans-away");
  await cleo.page.reload();
  await cleo.answers("/billing/subscriptions/subscribe", 503, { code: "stripe_not_configured", detail: "Payments are not set up." });
  await cleo.press("Subscribe to Pro");
  await cleo.sees("Payments are not set up", "not-set-up");
  await cleo.page.reload();
  await desk("faults", { service: "stripe", kind: "error", times: 9 });
  await cleo.press("Subscribe to Pro");
  await cleo.sees("Payments cannot be reached", "stripe-away");
  await desk("faults", {}, "DELETE");

  // The checkout is left, taken up again, and paid by the second card; Stripe's word of it comes late.
  await cleo.press("Subscribe to Pro");
  await cleo.sees("19.00 USD", "checkout");
  const checkout = cleo.page.url();
  await Promise.all([cleo.page.waitForNavigation(), cleo.page.click("main a")]);
  await cleo.sees("You left the checkout", "checkout-left");
  if (cleo.page.url() !== `${base}/account`) throw new Error("the checkout stays in the address");
  await cleo.press("Subscribe to Pro");
  await cleo.page.waitForFunction((address) => location.href === address, PATIENTLY, checkout);
  await cleo.fill({ card: "4000000000000002" });
  await cleo.submit();
  await cleo.sees("Your card was declined", "declined");
  await cleo.fill({ card: "4242424242424242" });
  await desk("stripe/delivery", { mode: "hold" });
  await cleo.submit();
  await cleo.sees("We wait for the payment", "waiting");
  await desk("stripe/delivery", { mode: "normal" });
  await cleo.sees("Your plan is Pro now", "paid");
  await cleo.sees("Renews on");
  await cleo.sees("Paid");
  if (cleo.page.url() !== `${base}/account`) throw new Error(`not back at the account but at ${cleo.page.url()}`);

  // A renewal fails, and is paid on the invoice's own page.
  const [{ id }] = (await look("stripe/subscriptions")).items;
  await desk(`stripe/subscriptions/${id}/renew`, { outcome: "failed" });
  await desk("drain");
  await cleo.page.reload();
  await cleo.sees("The last payment failed.", "past-due");
  await cleo.sees("Your access stays until");
  if ((await cleo.buttons()).some((label) => label.startsWith("Change to"))) throw new Error("a change is offered before what is open is paid");
  await cleo.followText("Pay $19.00 now");
  await cleo.sees("Pay 19.00 USD", "invoice");
  await cleo.fill({ card: "4242424242424242" });
  await cleo.submit();
  await cleo.sees("it is paid", "invoice-paid");
  await desk("drain");
  await cleo.goto("/account");
  await cleo.sees("Renews on", "active-again");

  // Told to end, which is taken back; then the same on Stripe's own page.
  // It asks first, and names the date (E15).
  const { current_period_end: end } = (await cleo.reads("/billing/subscriptions/me"))[0];
  await cleo.press("Cancel at period end");
  const day = await cleo.page.evaluate((text) => new Date(text).toLocaleDateString(undefined, { dateStyle: "medium" }), end);
  await cleo.sees(`Your subscription to Pro ends on ${day}. You keep access until then`, "cancel");
  if ((await cleo.focused()) !== "Cancel at period end?") throw new Error(`the focus is at "${await cleo.focused()}"`);
  await cleo.press("Leave it");
  if ((await cleo.focused()) !== "Cancel at period end" || (await cleo.page.$("#cancel"))) throw new Error("what was left is still there");
  await cleo.page.reload();
  await cleo.sees("Renews on");
  await cleo.press("Cancel at period end");
  await cleo.press("Cancel the subscription");
  await cleo.sees("Ends on", "ends");
  await cleo.press("Keep the subscription");
  await cleo.sees("Renews on", "kept");
  await Promise.all([cleo.page.waitForNavigation(), cleo.press("Cards and invoices")]);
  await cleo.sees("Your subscription", "portal");
  await cleo.page.evaluate(() => document.querySelector('button[value="cancel"]').click());
  await cleo.page.waitForSelector('button[value="resume"]', { timeout: PATIENTLY.timeout });
  await cleo.page.evaluate(() => document.querySelector('button[value="resume"]').click());
  await cleo.page.waitForSelector('button[value="cancel"]', { timeout: PATIENTLY.timeout });
  await desk("drain");
  await cleo.goto("/account");
  await cleo.sees("Renews on");

  // More payments than one page holds.
  for (let renewal = 0; renewal < 19; renewal += 1) await desk(`stripe/subscriptions/${id}/renew`, { outcome: "paid" });
  await desk("drain");
  await cleo.page.reload();
  await cleo.sees("Show more", "payments");
  const rows = () => cleo.page.$$eval("tbody tr", (all) => all.length);
  if ((await rows()) !== 20) throw new Error(`${await rows()} payments on the first page`);
  await cleo.press("Show more");
  await cleo.page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 21, PATIENTLY);

  // States that the stand-in cannot be brought to.
  const [held, paid] = await cleo.reads("/billing/subscriptions/me", "/billing/payments/me");
  const states = {
    unpaid: ["There is no access until it is paid", { access_until: null, has_access: false }],
    paused: ["Paused", { access_until: null, has_access: false }],
    active: ["Ends on", { cancel_at_period_end: true, access_until: held.current_period_end }],
    past_due: ["Your access ended on", { access_until: held.started_at, has_access: false }],
  };
  for (const [status, [text, facts]] of Object.entries(states)) {
    await cleo.answers("/billing/subscriptions/me", 200, { ...held, status, ...facts });
    await cleo.page.reload();
    await cleo.sees(text, `state-${status}`);
  }
  const [whole, part, failed] = paid.items;
  const items = [{ ...whole, status: "refunded", refunded_cents: 1900 }, { ...part, refunded_cents: 500 }, { ...failed, status: "failed", invoice_url: null }];
  await cleo.answers("/billing/payments/me", 200, { items, next_cursor: null });
  await cleo.page.reload();
  await cleo.sees("$5.00 refunded", "refunds");
  await cleo.sees("Part refunded");

  // Ended at Stripe: what is left is the way to another, which begins by a trial.
  await desk(`stripe/subscriptions/${id}/cancel`);
  await desk("drain");
  await cleo.page.reload();
  await cleo.sees("Ended on", "ended");
  await cleo.press("Subscribe to Studio");
  // Each card has one trial.
  await cleo.fill({ card: device.name === "phone" ? "4242424242424242" : "5555555555554444" });
  await cleo.submit();
  await cleo.sees("Your plan is Studio now", "trial");
  await cleo.sees("First payment on");

  // Another plan in the trial costs nothing yet.
  await cleo.press("Change to Agency");
  await cleo.sees("Your trial goes on: you pay €999.00 a year from", "preview-trial");
  await cleo.press("Confirm the change");
  await cleo.sees("Your plan is Agency now.");
  await cleo.sees("First payment on", "trial-changed");

  // A plan without a trial of its own ends it.
  await cleo.press("Change to Campus");
  await cleo.sees("It ends your trial: you pay €1,299.00 a year after that.", "preview-trial-end");
  await cleo.press("Leave it");
  await cleo.close();
}

/** Another plan: more of it at once, less of it with the next period, and what cannot be. */
async function byChange(device) {
  const dora = await subscriber(device, "dora", "4242424242424242");
  await dora.sees("Change to Team", "changes");
  await dora.sees("In another currency");
  await dora.press("Change to Team");
  await dora.sees("To pay now", "preview");
  await dora.sees("It begins at once. You pay $49.00 a month after that.");
  if ((await dora.focused()) !== "Change to Team") throw new Error(`the focus is at "${await dora.focused()}"`);
  await dora.press("Leave it");
  if ((await dora.focused()) !== "Change to Team" || (await dora.page.$(".preview"))) throw new Error("what was left is still there");

  // What Stripe does not answer, what took too long, and what is under way.
  await dora.press("Change to Team");
  await dora.sees("To pay now");
  await dora.answers("/billing/subscriptions/upgrade", 409, { code: "idempotency_in_progress", detail: "The first call with this idempotency-key is under way." });
  const first = await dora.sends("/billing/subscriptions/upgrade", () => dora.confirm());
  await dora.sees("This is under way already", "under-way");
  await dora.answers("/billing/subscriptions/upgrade", 422, { code: "invalid_proration_date", detail: "No.", errors: [{ field: "proration_date", code: "invalid_proration_date", message: "No." }] });
  const again = await dora.sends("/billing/subscriptions/upgrade", () => dora.confirm());
  if (first.key !== again.key || first.body.proration_date !== again.body.proration_date) throw new Error("the same press is sent as another");
  await dora.sees("This is what it costs now", "counted-anew");
  await desk("faults", { service: "stripe", kind: "error", times: 9 });
  await dora.confirm();
  await dora.sees("Payments cannot be reached", "change-away");
  await desk("faults", {}, "DELETE");
  await dora.press("Change to Team");
  await dora.page.waitForFunction(() => !document.body.innerText.includes("cannot be reached"), PATIENTLY);
  await dora.confirm();
  await dora.sees("Your plan is Team now.", "changed");
  if ((await dora.focused()) !== "Your plan is Team now.") throw new Error(`the focus is at "${await dora.focused()}"`);

  // By the year it begins at once too.
  await dora.press("Change to Team, yearly");
  await dora.sees("You pay $490.00 a year after that");
  await dora.press("Leave it");

  // Less of it waits, and is taken back.
  await dora.press("Change to Pro");
  await dora.sees("nothing to pay now", "preview-waits");
  await dora.press("Confirm the change");
  await dora.sees("on your plan is Pro.", "waits");
  await dora.sees("Stay with Team");
  await dora.page.reload();
  // A cancellation says that it drops the change that waits (E15).
  await dora.press("Cancel at period end");
  await dora.sees("The change to Pro that is scheduled for", "cancel-drops");
  await dora.press("Leave it");
  await dora.press("Stay with Team");
  await dora.sees("You stay with Team.", "taken-back");
  await dora.sees("Change to Pro");

  // What ends goes on to end, whatever the plan; another tab may have been quicker.
  await dora.press("Cancel at period end");
  await dora.press("Cancel the subscription");
  await dora.sees("keep the subscription first", "ends-with-changes");
  await dora.press("Change to Team, yearly");
  await dora.sees("Your subscription still ends on", "preview-ends");
  await dora.answers("/billing/subscriptions/upgrade", 409, { code: "same_plan", detail: "This is your plan already, or will be after the period." });
  await dora.confirm();
  await dora.sees("This is your plan already", "same-plan");
  await dora.close();
}

/** Cards that do not pay for more, and those that do not pay for what comes next. */
async function byRefusedChange(device) {
  for (const [name, card, told, act] of [
    ["eli", "4000000000000341", "The payment was refused.", "Pay"],
    ["fay", "4000002760003184", "Your bank wants your consent", "Give your consent"],
  ]) {
    const self = await subscriber(device, name, card);
    await self.press("Change to Team");
    await self.sees("To pay now");
    await self.confirm();
    await self.sees(told, `refused-${name}`);
    const held = await self.page.$eval("li.current h3", (heading) => heading.textContent);
    if (held !== "Pro") throw new Error(`the plan is ${held} before it is paid`);
    await self.followText(act);
    await self.fill({ card: "4242424242424242" });
    await self.submit();
    await self.sees("it is paid");
    await desk("drain");
    await self.goto("/account");
    await self.sees("Renews on");
    const now = await self.page.$eval("li.current h3", (heading) => heading.textContent);
    if (now !== "Team") throw new Error(`the plan is ${now} after it is paid`);

    const [{ id }] = (await look("stripe/subscriptions")).items;
    await desk(`stripe/subscriptions/${id}/renew`, { outcome: "failed" });
    await desk("drain");
    await self.page.reload();
    await self.sees("Pay $49.00 now", `past-due-${name}`);
    await self.close();
  }
}

/** Tabs of one browser: what ends or begins in one is known in the other, and an ended session leads back (E3). */
async function byTabs(device) {
  const gil = await newcomer(device, "gil");
  const email = `gil.${device.name}@example.com`;
  await gil.follow("/account/sessions");
  await gil.sees("This session");
  const other = await person(device, gil.context);
  await other.goto("/account/password");
  await other.sees("Present password");
  await gil.follow("/account");
  await gil.press("Sign out");
  await gil.sees("Forgotten your password?");
  await other.sees("Your session ended in another tab. Sign in to go on.", "signed-out-elsewhere");
  await gil.fill({ email, password: PASSWORD });
  await gil.press("Sign in");
  await gil.sees("Registered");
  // It goes on with the page that it showed.
  await other.sees("Present password");
  if (!other.page.url().endsWith("/account/password")) throw new Error(`the other tab is at ${other.page.url()}`);

  // Ended at the service: what is pressed next leads to the sign-in and back to the same page.
  await gil.follow("/account/email");
  await gil.sees("New e-mail address");
  const { access_token } = await contract("/login", { email, password: PASSWORD });
  await told("/sessions", await fetch(`${base}/sessions`, { method: "DELETE", headers: { authorization: `Bearer ${access_token}` } }));
  await gil.fill({ new_email: `gil.moved.${device.name}@example.com`, password: PASSWORD });
  await gil.press("Mail the new address");
  await gil.sees("Your session has ended. Sign in to go on.", "session-ended");
  await other.sees("Forgotten your password?");
  await gil.fill({ email, password: PASSWORD });
  await gil.press("Sign in");
  await gil.sees("New e-mail address");
  if (!gil.page.url().endsWith("/account/email")) throw new Error(`back at ${gil.page.url()}`);
  await gil.close();
}

/** An address that nobody has: a page that leads on (E14). */
async function byNonsense(device) {
  const reader = await person(device);
  for (const path of ["/nonsense", "/account/nonsense"]) {
    const response = await reader.goto(path);
    if (response.status() !== 404) throw new Error(`${path}: ${response.status()}`);
    await reader.sees("Page not found", "not-found");
    await reader.followText("Go to your account");
    await reader.sees("Forgotten your password?");
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
  await reader.page.evaluate(() => document.querySelectorAll("details").forEach((details) => details.setAttribute("open", "")));
  await reader.sees("curl -i", "docs-open");
  await reader.goto("/_local");
  await reader.sees("Inbox", "the-desk");
  await reader.press("Work until all queues are empty");
  await reader.sees("Inbox");
  await reader.close();
}

await morePlans();
for (const device of devices) {
  await byPassword(device);
  await byProvider(device, "google", "Google");
  await byProvider(device, "github", "GitHub");
  await byPlan(device);
  await byChange(device);
  await byRefusedChange(device);
  await byDeletion(device);
  await byTabs(device);
  await byNonsense(device);
  await amounts(device);
  await documents(device);
  console.log(`${device.name}: walked`);
}
await browser.close();
console.log(`${checked} pages looked at, none with an error or a violation of axe-core's rules`);
