// The dashboard when something is in the way: a session that ends, a role that is taken away, two admins at one thing, a
// network that drops, another account's cookie, a list that loads late, odd names. Each is named, and nothing that was typed is
// lost.

import { PASSWORD, WAIT, base, browser, checked, contract, parsed, person } from "./kit.mjs";
import { ADMIN, desktop, newSubscriber, newUser, signIn } from "./people.mjs";

const phone = { name: "dashboard-phone", width: 390, height: 844, scheme: "dark" };
const adminToken = async () => (await contract("/login", ADMIN)).access_token;

/** Calls the contract as an admin elsewhere: another window, another person. */
async function elsewhere(method, path, body, token) {
  const headers = { authorization: `Bearer ${token ?? (await adminToken())}`, "content-type": "application/json" };
  return parsed(path, await fetch(`${base}${path}`, { method, headers, body: body && JSON.stringify(body) }));
}

/** A second admin. */
async function newAdmin(name) {
  const user = await newUser(name);
  await elsewhere("PATCH", `/admin/users/${user.id}/role`, { is_admin: true });
  return { ...user, password: PASSWORD };
}

async function newPlan(name, code) {
  const body = { name, code, price_cents: 900, currency: "usd", billing_period: "month", tier: 1, features: { projects: 3 } };
  return contract("/billing/plans", body, await adminToken());
}

/** What the fields of this name hold. */
const typed = (admin, ...names) => admin.page.evaluate((all) => all.map((name) => document.querySelector(`[name="${name}"]`)?.value), names);

async function keeps(admin, fields) {
  const found = await typed(admin, ...Object.keys(fields));
  if (String(found) !== String(Object.values(fields))) throw new Error(`the form has ${found}`);
}

async function typedPlan(admin, code) {
  const fields = { name: "Kept", code, description: "What was typed", price_cents: "12.50" };
  await admin.goto("/dashboard/plans?new=1");
  await admin.fill(fields);
  return fields;
}

/** The session ends at the service while a form is open. The person signs in in another tab, and goes on. */
async function sessionEnds() {
  const ann = await newAdmin("ann-admin");
  const admin = await signIn(ann);
  const fields = await typedPlan(admin, "kept-one");
  await elsewhere("DELETE", "/sessions", undefined, ann.token);
  await admin.press("Create plan");
  await admin.sees("Your session ended", "session-ended");
  await keeps(admin, fields);
  const tab = await person(desktop, admin.context);
  await tab.goto("/account/sign-in");
  await tab.fill({ email: ann.email, password: ann.password });
  await tab.press("Sign in");
  await tab.sees("Account ID");
  await admin.page.bringToFront();
  await admin.page.waitForFunction(() => !document.querySelector("dialog[open]"), WAIT);
  await keeps(admin, fields);
  await admin.press("Create plan");
  await admin.sees("The plan Kept was created.");
  await admin.close();
}

/** Another admin takes the role away while a form is open. */
async function roleIsTaken() {
  const ben = await newAdmin("ben-admin");
  const admin = await signIn(ben);
  const fields = await typedPlan(admin, "kept-two");
  await elsewhere("PATCH", `/admin/users/${ben.id}/role`, { is_admin: false });
  await admin.press("Create plan");
  await admin.sees("Your account is not an administrator, or not any more", "role-taken");
  await keeps(admin, fields);
  await admin.goto("/dashboard/users");
  await admin.sees("Administrators only");
  await admin.close();
}

/** Two admins at one user: the second one sees what the first one did. */
async function twoAdmins() {
  const [cem, dan] = [await newUser("cem"), await newUser("dan")];
  const admin = await signIn(ADMIN);
  await admin.goto(`/dashboard/users/${cem.id}`);
  await admin.sees("Danger zone");
  await elsewhere("PATCH", `/admin/users/${cem.id}/status`, { is_active: false });
  await admin.press("Disable account");
  await admin.sees(`Disable ${cem.email}?`);
  await admin.page.keyboard.press("Escape");
  await admin.press("Disable account");
  await admin.page.waitForSelector("dialog[open]");
  await admin.page.evaluate(() => document.querySelector("dialog[open] button[value=confirm]").click());
  await admin.sees("was already disabled, perhaps by another admin", "two-admins");
  await admin.goto(`/dashboard/users/${dan.id}`);
  await admin.sees("Danger zone");
  await elsewhere("DELETE", `/admin/users/${dan.id}`);
  await admin.press("Make admin");
  await admin.page.waitForSelector("dialog[open]");
  await admin.page.evaluate(() => document.querySelector("dialog[open] button[value=confirm]").click());
  await admin.sees("This user was deleted.", "user-deleted");
  await admin.sees("Deleted user");
  await admin.close();
}

/** A plan that another admin saved meanwhile: both states are shown, and the form is kept. */
async function planIsChanged() {
  const plan = await newPlan("Shared plan", "shared-plan");
  const admin = await signIn(ADMIN);
  await admin.goto(`/dashboard/plans?id=${plan.id}`);
  await admin.sees("What subscribers keep");
  await elsewhere("PATCH", `/billing/plans/${plan.id}`, { description: "Theirs", updated_at: plan.updated_at });
  await admin.fill({ name: "Mine" });
  await admin.press("Save changes");
  await admin.sees("This plan was changed in the meantime", "plan-changed");
  await keeps(admin, { name: "Mine", description: "" });
  await admin.press("Keep my changes on top of it");
  await keeps(admin, { name: "Mine", description: "Theirs" });
  await admin.press("Save changes");
  await admin.sees("The plan Mine was saved.");
  const { name, description } = await contract(`/billing/plans/${plan.id}`, undefined, await adminToken());
  if (name !== "Mine" || description !== "Theirs") throw new Error(`saved: ${name}, ${description}`);
  await admin.close();
}

/** The network drops: a form keeps its fields, a list is tried again by itself when the network is back. */
async function networkDrops() {
  const admin = await signIn(ADMIN);
  const fields = await typedPlan(admin, "kept-three");
  await admin.page.setOfflineMode(true);
  await admin.press("Create plan");
  await admin.sees("The service cannot be reached", "offline-form");
  await keeps(admin, fields);
  await admin.page.setOfflineMode(false);
  await admin.press("Create plan");
  await admin.sees("The plan Kept was created.");
  await admin.page.setOfflineMode(true);
  await admin.follow("/dashboard");
  await admin.sees("The service cannot be reached", "offline-page");
  await admin.page.setOfflineMode(false);
  await admin.sees("MRR");
  await admin.close();
}

/** Another account's cookie: the page is covered, and what it showed to the admin is gone. */
async function anotherAccount() {
  const eva = await newUser("eva-spender");
  const admin = await signIn(ADMIN);
  await admin.goto("/dashboard/users");
  await admin.sees(eva.email);
  const tab = await person(desktop, admin.context);
  await tab.goto("/account");
  await tab.press("Sign out");
  await tab.sees("You're signed out.");
  await admin.sees("You signed out in another tab.", "signed-out");
  await tab.page.bringToFront();
  await tab.fill({ email: eva.email, password: PASSWORD });
  await tab.press("Sign in");
  await admin.sees("Administrators only");
  if ((await admin.page.evaluate(() => document.body.innerText)).includes("cem@")) throw new Error("the users are still shown");
  await admin.close();
}

/** All other sessions cannot be ended while more of them are being loaded: the late page would list them again. */
async function sessionsLoadLate() {
  const fay = await newUser("fay-often");
  for (let n = 0; n < 25; n += 1) await contract("/login", { email: fay.email, password: PASSWORD });
  const self = await signIn({ email: fay.email, password: PASSWORD });
  await self.goto("/account/sessions");
  await self.sees("Show more");
  await self.page.setRequestInterception(true);
  const held = new Promise((resolve) => self.page.on("request", (request) => (request.url().includes("cursor=") ? resolve(request) : request.continue())));
  await self.press("Show more");
  const late = await held;
  const isEnabled = await self.page.$$eval("button", (all) => all.some((button) => button.textContent.trim() === "Sign out of all other sessions" && !button.disabled));
  if (isEnabled) throw new Error("the other sessions can be ended while more are loaded");
  await late.continue();
  await self.press("Sign out of all other sessions");
  await self.sees("You're signed out of all other sessions.");
  if ((await self.buttons()).includes("End session")) throw new Error("another session is still listed");
  await self.close();
}

/** Names that are markup, from right to left, wide, or pictures: each is shown as it is, in the width of the page. */
async function oddNames() {
  const names = ["<script>alert(1)</script>", "خطة الأعمال", "W".repeat(40), "🚀🚀🚀 ✨"];
  const user = await newSubscriber("W".repeat(40));
  const plans = [];
  for (const [at, name] of names.entries()) plans.push(await newPlan(name, `odd-${at}`));
  const [first, own] = [await signIn(ADMIN), await signIn({ email: user.email, password: PASSWORD })];
  for (const device of [phone, desktop]) {
    const self = await person(device, own.context);
    await self.goto("/account/billing");
    for (const name of names) await self.sees(name);
    const admin = await person(device, first.context);
    await admin.goto("/dashboard/plans");
    for (const name of names) await admin.sees(name);
    for (const [at, { id }] of plans.entries()) {
      await admin.goto(`/dashboard/plans?id=${id}`);
      await admin.sees(names[at], `odd-plan-${at}`);
    }
    for (const path of ["/dashboard/users", `/dashboard/users/${user.id}`, "/dashboard/subscriptions", "/dashboard/payments", "/dashboard/audit"]) {
      await admin.goto(path);
      await admin.sees(user.email, `odd${path.replaceAll("/", "-").slice(0, 20)}`);
    }
    await admin.goto(`/dashboard/users?q=${encodeURIComponent("<script>alert(1)</script> شركة 🚀")}`);
    await admin.sees("No users match");
    await admin.page.close();
  }
  await first.close();
  await own.close();
}

await sessionEnds();
await roleIsTaken();
await twoAdmins();
await planIsChanged();
await networkDrops();
await anotherAccount();
await sessionsLoadLate();
await oddNames();
await browser.close();
console.log(`${checked} pages of the dashboard checked when something is in the way`);
