// The dev console and the fakes' pages at three widths, in light and dark; each mail that the service sends, as it is shown
// there at 320 and 600 px; and the work of a developer in the console.

import { PASSWORD, WAIT, base, browser, checked, contract, control, mail, person, read, shots } from "./kit.mjs";

const devices = [
  { name: "console-phone", width: 390, height: 844, scheme: "dark" },
  { name: "console-tablet", width: 768, height: 1024, scheme: "light" },
  { name: "console-desktop", width: 1280, height: 900, scheme: "light" },
];
const desktop = devices[2];

async function newUser(name) {
  const email = `${name}@console.example`;
  await contract("/register", { email, username: name, password: PASSWORD });
  await contract("/verify", { email, code: (await mail(email, "verify")).code });
  const { access_token: token } = await contract("/login", { email, password: PASSWORD });
  return { email, token };
}

const checkoutOf = async ({ token }) => (await contract("/billing/subscriptions/subscribe", { plan_code: "pro" }, token)).checkout_url;

async function pay(url) {
  const { status } = await fetch(url, { method: "POST", redirect: "manual", body: new URLSearchParams({ card: "4242424242424242" }) });
  if (status !== 303) throw new Error(`the checkout answered ${status}`);
  await control("drain");
}

/** Each empty view says what to do. */
async function empty() {
  const self = await person(desktop);
  for (const [view, text] of [
    ["inbox", "No mail yet"],
    ["clock", "No subscription renews"],
    ["stripe", "No subscription yet"],
    ["stripe/customers", "No customer yet"],
    ["stripe/invoices", "No invoice yet"],
    ["people", "No account at Google yet"],
    ["queues", "There are no dead letters"],
    ["faults", "No fault is on"],
    ["tables/sessions", "This table is empty"],
    ["log?q=nonsense", "No line contains this text"],
  ]) {
    await self.goto(`/_local#${view}`);
    await self.sees(text, `empty-${view.replace(/\W/g, "-")}`);
  }
  await self.close();
}

/** Every view with data, with a text of it. */
function views(user, id) {
  return [
    ["inbox", user.email, "inbox"],
    ["inbox?q=console", "Search", "inbox-search"],
    ["inbox?q=nobody-has-this", "No mail matches", "inbox-none"],
    [`inbox/${id}`, "Text part", "mail"],
    ["inbox/none", "This mail is not there any more", "mail-gone"],
    ["clock", "To the next renewal", "clock"],
    ["stripe", "Renew: paid", "stripe"],
    ["stripe/customers", user.email, "stripe-customers"],
    ["stripe/invoices", "Refund $19.00", "stripe-invoices"],
    ["stripe/events", "Resend", "stripe-events"],
    ["stripe/settings", "Delivery of events", "stripe-settings"],
    ["people", "eva@console.example", "people"],
    ["schedules", "rollup", "schedules"],
    ["queues", "Dead letters of mail", "queues"],
    ["tables", "identity", "tables"],
    ["tables/identity", "Next items", "table"],
    [`tables/identity?q=${user.email}`, "USER#", "table-search"],
    ["faults", "Switch off", "faults"],
    ["log", "POST /login", "log"],
    ["nonsense", "Inbox", "unknown"],
  ];
}

async function everyView(user) {
  const { id } = await mail(user.email, "subscription_confirmed");
  for (const device of devices) {
    const self = await person(device);
    for (const [view, text, shot] of views(user, id)) {
      await self.page.goto("about:blank");
      await self.goto(`/_local#${view}`);
      await self.sees(text, shot);
    }
    await self.close();
    console.log(`${device.name}: complete`);
  }
}

/** The pages that stand for Stripe's, Google's and GitHub's. */
async function everyFake(user, open) {
  const portal = (await contract("/billing/portal", {}, user.token)).url;
  const [paid] = await read("stripe/invoices").then(({ items }) => items.filter(({ status }) => status === "paid"));
  for (const device of devices) {
    const self = await person(device);
    await self.goto(open);
    await self.sees("Test mode: no money moves", "fake-checkout");
    await self.sees("Is declined now");
    await self.goto(portal);
    await self.sees("Invoices", "fake-portal");
    await self.sees("19.00 USD");
    await self.goto(paid.hosted_invoice_url);
    await self.sees("the invoice is paid", "fake-invoice");
    for (const [provider, title] of [["google", "Google"], ["github", "GitHub"]]) {
      await self.goto(`/${provider}/login`);
      await self.sees(`Test mode: this page stands for ${title}'s`, `fake-${provider}`);
    }
    await self.close();
  }
  console.log("the fakes: complete");
}

/** Whether the background of a mail is dark: the sum of its colours. */
const brightness = (frame) =>
  frame.evaluate(() => {
    const color = [...document.querySelectorAll("body, body *")].map((element) => getComputedStyle(element).backgroundColor).find((text) => !text.endsWith(", 0)"));
    return color.match(/\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0);
  });

/**
 * Waits until a frame shows its mail at this width, which its process hears of later than the page. No timer runs in it: it
 * is sandboxed without scripts.
 */
async function untilShown(frame, subject, width) {
  let shown;
  for (let tries = 0; tries < 200; tries += 1) {
    shown = await frame.evaluate(() => ({ width: innerWidth, isComplete: document.readyState === "complete" && document.body.innerText.trim() !== "" }));
    if (shown.isComplete && Math.abs(shown.width - width) <= 2) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the frame of "${subject}" is not complete at ${width} px: ${JSON.stringify(shown)}`);
}

/** Each kind of mail, in its frame of the console. */
async function everyMail() {
  const { items } = await read("emails");
  const kinds = new Map(items.map((item) => [item.kind, item]));
  for (const scheme of ["light", "dark"]) {
    const self = await person({ ...desktop, name: `mail-${scheme}`, scheme });
    for (const [kind, { id, subject }] of kinds) {
      await self.goto(`/_local#inbox/${id}`);
      await self.sees("Text part");
      for (const width of [320, 600]) {
        await self.press(`${width} px`);
        const element = await self.page.waitForSelector(".mail iframe");
        const frame = await element.contentFrame();
        await untilShown(frame, subject, width);
        const sizes = await frame.evaluate(() => ({ width: innerWidth, content: document.documentElement.scrollWidth }));
        if (sizes.content > sizes.width) throw new Error(`${kind} is ${sizes.content} px wide in a frame of ${sizes.width}`);
        const sum = await brightness(frame);
        if (scheme === "dark" ? sum > 300 : sum < 600) throw new Error(`${kind} in ${scheme} mode has a background of ${sum}`);
        if (shots) await element.screenshot({ path: `${shots}/${kind}-${width}-${scheme}.png` });
      }
      if (!(await self.page.evaluate((text) => document.body.innerText.includes(text), subject))) throw new Error(`no subject for ${kind}`);
    }
    await self.close();
  }
  console.log(`${kinds.size} kinds of mails at 320 and 600 px, light and dark`);
  if (kinds.size < 5) throw new Error(`only ${[...kinds.keys()]}`);
}

/** The search finds what belongs to an address, and is in the address of the page. */
async function findsByAddress(self, user) {
  await self.goto("/_local");
  await self.fill({ q: user.email });
  await self.page.keyboard.press("Enter");
  await self.sees("Search");
  if (!self.page.url().includes("?q=")) throw new Error(`the search is not in the address: ${self.page.url()}`);
}

/** The clock moves, and the renewal that falls due sends its mail. */
async function movesTheClock(self, user) {
  await self.goto("/_local#clock");
  const { now } = await read("clock");
  // The answer of this button's own request: the text of the page may be older.
  const moveBy = (label) => {
    const moved = self.page.waitForResponse((response) => response.url() === `${base}/_local/clock` && response.request().method() === "POST");
    return Promise.all([moved, self.press(label)]);
  };
  await moveBy("+1 day");
  await self.sees("The clock says");
  if (new Date((await read("clock")).now) - new Date(now) < 86_400_000) throw new Error("the clock did not move");
  await moveBy("To the next renewal");
  await control("drain");
  await mail(user.email, "renewed");
}

/** A renewal fails, an event is sent again, and the delivery of events is held. */
async function worksWithStripe(self, user) {
  await self.goto("/_local#stripe");
  await self.sees("Renew: failed");
  await self.press("Renew: failed");
  await self.sees("the payment is failed");
  await control("drain");
  await mail(user.email, "payment_failed");
  await self.goto("/_local#stripe/events");
  await self.sees("Resend");
  await self.press("Resend");
  await self.sees("is sent again");
  await self.goto("/_local#stripe/settings");
  await self.sees("Delivery of events");
  await self.page.select("[name=mode]", "hold");
  await self.press("Set mode");
  await self.sees("The delivery mode is hold.");
  await control("stripe/delivery", { mode: "normal" });
}

/** A schedule runs, dead letters are sent again, and the queues are emptied. */
async function runsJobs(self) {
  await self.goto("/_local#schedules");
  await self.sees("rollup");
  // By keyboard: the toast from before may cover the last row.
  await self.page.focus("[aria-label='Run now: rollup']");
  await self.page.keyboard.press("Enter");
  await self.sees("rollup ran");
  await self.goto("/_local#queues");
  await self.sees("Dead letters of mail");
  await self.press("Send them again");
  await self.sees("are back in mail");
  await self.press("Work until all queues are empty");
  await self.sees("All queues are empty");
}

/** A fault refuses a call, and the log shows the refused request. */
async function causesFault(self, user) {
  await self.goto("/_local#faults");
  await self.sees("No fault is on");
  await self.page.select("[name=service]", "dynamodb");
  // More than once: other calls of the functions meet the fault, too.
  await self.fill({ times: "50" });
  await self.press("Switch on");
  await self.sees("The fault is on.");
  const refused = await fetch(`${base}/login`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ email: user.email, password: PASSWORD }) });
  if (refused.status !== 503) throw new Error(`a fault of DynamoDB gives ${refused.status}`);
  const { request_id: id } = await refused.json();
  await control("faults", undefined, "DELETE");
  await self.goto(`/_local#log?q=${id}`);
  await self.sees("POST /login 503");
}

/** A provider gets another account. */
async function addsPerson(self) {
  await self.goto("/_local#people");
  await self.sees("Google");
  await self.fill({ email: "new-person@console.example" });
  await self.press("Add account");
  await self.sees("new-person@console.example has an account at Google now.");
}

/** Mail, code, clock, Stripe, faults and the log, as a developer uses them. */
async function byWork(user) {
  const self = await person(desktop);
  // The dead letter stays; mails sent from now on arrive.
  await control("faults", undefined, "DELETE");
  await findsByAddress(self, user);
  await movesTheClock(self, user);
  await worksWithStripe(self, user);
  await runsJobs(self);
  await causesFault(self, user);
  await addsPerson(self);
  await self.close();
}

/** By keyboard alone: from the skip link to a mail that is found by its recipient. */
async function byKeyboard(user) {
  const self = await person(desktop);
  await self.goto("/_local");
  await self.sees("Inbox");
  const focused = () => self.page.evaluate(() => document.activeElement.textContent.trim());
  await self.page.keyboard.press("Tab");
  if ((await focused()) !== "Skip to content") throw new Error(`the first stop is ${await focused()}`);
  await self.page.keyboard.press("Enter");
  if ((await self.page.evaluate(() => document.activeElement.id)) !== "view") throw new Error("the skip link does not lead to the content");
  for (let step = 0; step < 9 && !(await self.page.evaluate(() => document.activeElement.name === "q")); step += 1) await self.page.keyboard.press("Tab");
  await self.page.keyboard.type(user.email);
  await self.page.keyboard.press("Enter");
  await self.page.waitForFunction((address) => location.hash.includes(encodeURIComponent(address)) && document.activeElement.id === "view", WAIT, user.email);
  const isMail = () => self.page.evaluate(() => document.activeElement.matches(".mails a"));
  for (let step = 0; step < 9 && !(await isMail()); step += 1) await self.page.keyboard.press("Tab");
  await self.page.keyboard.press("Enter");
  await self.sees("Text part");
  await self.close();
}

/** A mail that the fake SES refuses until it is a dead letter: the queue gives up after the last try. */
async function deadLetter() {
  await control("faults", { service: "ses", kind: "error", times: 1000 });
  await contract("/register", { email: "dead@console.example", username: "dead-letter", password: PASSWORD });
  for (let tries = 0; tries < 20; tries += 1) {
    await control("drain");
    const { items } = await read("queues");
    if (items.some(({ name, dead }) => name === "mail" && dead > 0)) return;
    await control("clock", { advance_seconds: 7200 });
  }
  throw new Error("no mail became a dead letter");
}

await control("emails", undefined, "DELETE");
await empty();
const user = await newUser("customer");
await pay(await checkoutOf(user));
const other = await newUser("visitor");
const open = await checkoutOf(other);
await contract("/request/login-code", { email: user.email });
await contract("/forget-password", { email: user.email });
await control("google/accounts", { email: "eva@console.example", email_verified: false });
// More than one page of a table.
for (let n = 0; n < 20; n += 1) await contract("/register", { email: `more-${n}@console.example`, username: `more-${n}`, password: PASSWORD });
await control("drain");
await everyFake(user, open);
await deadLetter();
await everyView(user);
await byKeyboard(user);
await byWork(user);
await everyMail();
await browser.close();
console.log(`${checked} pages of the dev console and the fakes checked, without an error or a violation of axe-core's rules`);
