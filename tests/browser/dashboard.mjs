// Walks through the admin dashboard: every page at three widths, in light and dark, and the work of an admin.

import { PASSWORD, WAIT, base, browser, checked, contract, control, person, requireCoverage } from "./kit.mjs";
import { modules } from "./modules.mjs";
import { ADMIN, desktop, newSubscriber, newUser, signIn } from "./people.mjs";

/** Each page that has a name is checked in light and dark. */
const devices = [{ name: "dashboard-phone", width: 390, height: 844, scheme: "dark" }, { name: "dashboard-tablet", width: 768, height: 1024, scheme: "light" }, desktop];

/** Waits until the focus is on an element whose text is `label`, moving it by `key`. */
async function moveTo(admin, label, key = "Tab") {
  const isThere = (wanted) => document.activeElement?.textContent.trim() === wanted;
  for (let step = 0; step < 120; step += 1) {
    if (await admin.page.evaluate(isThere, label)) return;
    await admin.page.keyboard.press(key);
  }
  throw new Error(`${key} does not lead to "${label}"`);
}

async function chord(admin, modifier, key) {
  await admin.page.keyboard.down(modifier);
  await admin.page.keyboard.press(key);
  await admin.page.keyboard.up(modifier);
}

/** Ctrl-K, some letters, and Enter on the first result once it is `name`. */
async function jump(admin, letters, name) {
  await chord(admin, "Control", "k");
  await admin.page.waitForSelector("dialog[open] [role=combobox]");
  await admin.page.keyboard.type(letters);
  await admin.page.waitForFunction((wanted) => document.querySelector("[role=option][aria-selected=true]")?.textContent.includes(wanted), WAIT, name);
  await admin.page.keyboard.press("Enter");
}

/** The status of a request with that token. */
const statusOf = async (token) => (await fetch(`${base}/me`, { headers: { authorization: `Bearer ${token}` } })).status;

/** Every page, with a text on it. */
function pages(user, report) {
  return [
    ["/dashboard", "Overview", "overview"],
    ["/dashboard/users", user.email, "users"],
    ["/dashboard/users?q=nobody-has-this-name", "No users match", "users-empty"],
    [`/dashboard/users/${user.id}`, "Has access to Pro", "user"],
    ["/dashboard/users/usr_missing", "No such user", "user-missing"],
    ["/dashboard/subscriptions", user.email, "subscriptions"],
    ["/dashboard/payments", user.email, "payments"],
    ["/dashboard/plans", "Pro", "plans"],
    ["/dashboard/plans?new=1", "New plan", "plan-new"],
    ["/dashboard/plans?id=plan_missing", "There is no plan with this id", "plan-missing"],
    ["/dashboard/audit", "Audit log", "audit"],
    ["/dashboard/reports", "MRR by plan", "reports"],
    [`/dashboard/reports/${report}`, "1 row", "report"],
    ["/dashboard/reports/rep_missing", "This report has expired", "report-missing"],
    ["/dashboard/system", "System", "system"],
    ["/dashboard/nonsense", "Page not found", "missing"],
  ];
}

/** All pages at all widths. One sign-in is enough for all: the tabs share its cookie. */
async function everyPage(user) {
  const first = await signIn(ADMIN);
  const { access_token } = await contract("/login", ADMIN);
  const { id } = await contract("/admin/reports", { sql: "select count(*) as users from users", format: "preview" }, access_token);
  await control("drain");
  await modules(first.page, access_token);
  for (const device of devices) {
    const admin = await person(device, first.context);
    for (const [path, text, shot] of pages(user, id)) {
      await admin.goto(path);
      await admin.sees(text, shot);
    }
    await admin.page.close();
    console.log(`${device.name}: complete`);
  }
  await first.close();
  await requireCoverage("dashboard/main.js", /^ {2}\["(\/dashboard[^"]*)"/gm, devices);
}

/** By keyboard alone: finds a spammer, disables the account, and the sessions end. */
async function byKeyboard() {
  const spammer = await newSubscriber("spammer");
  const admin = await signIn(ADMIN);
  await admin.goto("/dashboard");
  await admin.sees("Overview");
  await jump(admin, "spammer@", spammer.email);
  await admin.sees("Danger zone");
  if ((await statusOf(spammer.token)) !== 200) throw new Error("the spammer is not signed in");
  await moveTo(admin, "Disable account");
  await admin.page.keyboard.press("Enter");
  await admin.sees(`Disable ${spammer.email}?`, "disable");
  await moveTo(admin, "Disable account");
  await admin.page.keyboard.press("Enter");
  await admin.sees(`${spammer.email} is disabled.`);
  await admin.sees("Cannot sign in because the account is disabled", "disabled");
  if ((await statusOf(spammer.token)) !== 401) throw new Error("a session of a disabled user goes on");
  await admin.close();
}

/** Many users at once, on the list, by keyboard. */
async function byBulk() {
  const users = [await newUser("bulk-one"), await newUser("bulk-two")];
  const admin = await signIn(ADMIN);
  await admin.goto("/dashboard/users");
  await admin.sees(users[1].email);
  await admin.page.keyboard.press("/");
  await admin.page.keyboard.type("bulk-");
  await admin.sees("2 users shown");
  if (!admin.page.url().endsWith("?q=bulk-")) throw new Error(`the search is not in the address: ${admin.page.url()}`);
  for (const key of ["ArrowDown", "x", "j", "x"]) await admin.page.keyboard.press(key);
  await admin.sees("2 users selected", "bulk");
  await admin.press("Disable");
  await admin.press("Disable 2 users");
  await admin.sees("2 users disabled", "bulk-done");
  for (const { token } of users) if ((await statusOf(token)) !== 401) throw new Error("a disabled user is still signed in");
  await admin.close();
}

async function byPlan() {
  const admin = await signIn(ADMIN);
  await admin.goto("/dashboard/plans?new=1");
  // The code follows the name.
  await admin.fill({ name: "Dashboard plan", price_cents: "29.00", tier: "2" });
  await admin.press("Create plan");
  await admin.sees("Dashboard plan");
  const plan = (await contract("/billing/plans")).items.find(({ code }) => code === "dashboard-plan");
  if (plan?.price_cents !== 2900) throw new Error(`the plan is ${JSON.stringify(plan)}`);
  await admin.close();
}

/** Revenue by month, found by Ctrl-K, run by Ctrl-Enter, and downloaded. */
async function byReport() {
  const admin = await signIn(ADMIN);
  await admin.goto("/dashboard/users");
  await admin.sees("Users");
  await jump(admin, "revenue by month", "Revenue by month");
  await admin.page.waitForSelector("#sql");
  await admin.page.focus("#sql");
  await chord(admin, "Control", "Enter");
  await admin.sees("from the tables as of", "report-result");
  await admin.press("Download CSV");
  await admin.page.waitForSelector(".run-status a[download]", { timeout: WAIT.timeout });
  const url = await admin.page.$eval(".run-status a[download]", (link) => link.href);
  const text = await (await fetch(url)).text();
  if (!text.startsWith("month,") || !text.includes("usd")) throw new Error(`the CSV file is ${text}`);
  // A statement that is refused stays in the editor, with its error.
  await admin.page.focus("#sql");
  await chord(admin, "Control", "a");
  await admin.page.keyboard.type("select nope from users");
  await chord(admin, "Control", "Enter");
  await admin.sees("no such column", "report-refused");
  if ((await admin.page.$eval("#sql", (area) => area.value)) !== "select nope from users") throw new Error("the statement is lost");
  await admin.close();
}

/** The pages for a user without the role. */
async function byUser({ email }) {
  const self = await signIn({ email, password: PASSWORD });
  await self.goto("/dashboard");
  await self.sees("Administrators only", "not-an-admin");
  await self.close();
}

const customer = await newSubscriber("customer");
await everyPage(customer);
await byKeyboard();
await byBulk();
await byPlan();
await byReport();
await byUser(customer);
await browser.close();
console.log(`${checked} pages of the dashboard checked, without an error or a violation of axe-core's rules`);
