// `front-end.mjs BASE SHOTS`: the page of examples/browser on an origin of its own, as a person uses it: the hosted pages
// lead back to it, its tabs share one session, and an address of another origin never gets a browser.

import { spawn } from "node:child_process";
import { PASSWORD, WAIT, base, browser, checked, contract, mail, person } from "./kit.mjs";

const port = process.env.FRONT_PORT;
const front = `http://127.0.0.1:${port}`;
const device = { name: "front-end", width: 390, height: 844, scheme: "light" };
/** A page of the product with everything that an address may have. */
const DEEP = `${front}/?note=7&text=a%20b%2Fc#section`;
const CARD = "4242424242424242";

async function start() {
  const admin = await contract("/login", { email: "admin@localhost.test", password: process.env.ADMIN_PASSWORD });
  const { id, secret } = await contract("/admin/service-credentials", { name: "front end" }, admin.access_token);
  const env = { ...process.env, PORT: port, TOLLGATE_URL: base, TOLLGATE_CLIENT_ID: id, TOLLGATE_CLIENT_SECRET: secret };
  const child = spawn("node", ["server.js"], { cwd: process.env.EXAMPLE, env, stdio: "inherit" });
  for (let attempt = 0; attempt < 100 && child.exitCode === null; attempt += 1) {
    if (await fetch(`${front}/public`).then((response) => response.ok, () => false)) return child;
    await new Promise((done) => setTimeout(done, 100));
  }
  child.kill();
  throw new Error("the example does not start");
}

/** Waits until the browser is at `address`: the pages redirect by themselves. */
async function isAt(self, address) {
  await self.page.waitForFunction((wanted) => location.href === wanted, WAIT, address).catch(async () => {
    throw new Error(`at ${self.page.url()} instead of ${address}:\n${await self.page.evaluate(() => document.body.innerText)}`);
  });
}

/** From a deep link through registration, a plan and the checkout, and back each time. */
async function byRegistration() {
  const email = "ann.front@example.com";
  const ann = await person(device);
  await ann.goto(DEEP);
  await ann.sees("You're not signed in.", "signed-out");
  await ann.followText("Create an account");
  await ann.sees("At least 8 characters");
  if (ann.page.url() !== `${base}/account/register`) throw new Error(`return_to stays in the address: ${ann.page.url()}`);
  await ann.fill({ email, username: "ann-front", password: PASSWORD });
  await ann.press("Create account");
  await ann.sees("6-digit code");
  await ann.fill({ code: (await mail(email, "verify")).code });
  await ann.press("Verify");
  await isAt(ann, DEEP);
  await ann.sees(`Signed in as ${email}`, "signed-in");
  await ann.press("Read my notes");
  await ann.sees("The notes of usr_");
  await ann.press("Export (tier 2)");
  await ann.sees("This needs a plan of tier 2.", "tier-required");

  await ann.followText("Compare the plans");
  await ann.sees("Current plan", "billing");
  const back = await ann.page.$eval(".back a", (link) => [link.textContent, link.href]);
  if (!back[0].startsWith("Back to ") || back[1] !== DEEP) throw new Error(`the way back is ${back}`);
  // The link back is on each page of the account, also after a reload.
  await ann.follow("/account/security");
  await ann.sees("This session");
  await ann.page.reload();
  await ann.sees("This session");
  if ((await ann.page.$eval(".back a", (link) => link.href)) !== DEEP) throw new Error("the way back is lost");
  await ann.follow("/account/billing");
  await ann.press("Subscribe to Team");
  await ann.fill({ card: CARD });
  await ann.submit();
  await isAt(ann, DEEP);
  await ann.press("Export (tier 2)");
  await ann.sees("The export of usr_", "exported");
  await ann.close();
}

/** The mailed link is opened in another tab of the same browser: that tab leads back. */
async function byMailedLink() {
  const email = "bea.front@example.com";
  const bea = await person(device);
  await bea.goto(`/account/register?return_to=${encodeURIComponent(DEEP)}`);
  await bea.fill({ email, username: "bea-front", password: PASSWORD });
  await bea.press("Create account");
  await bea.sees("6-digit code");
  const tab = await person(device, bea.context);
  await tab.goto((await mail(email, "verify")).links[0]);
  await tab.press("Verify e-mail address");
  await tab.followText("Go to your account");
  await isAt(tab, DEEP);
  await tab.sees(`Signed in as ${email}`);
  // Only once: afterwards the account page opens, with a link back to the product.
  await tab.goto("/account");
  await tab.sees("Account ID");
  if ((await tab.page.$eval(".back a", (link) => link.href)) !== `${front}/`) throw new Error("no way back to the product");
  await bea.close();
}

/** An existing user, on the product's own form, on the hosted pages, and at a provider. */
async function bySignIn() {
  const email = "ann.front@example.com";
  const ann = await person(device);
  await ann.goto(DEEP);
  await ann.fill({ email, password: "not the password" });
  await ann.press("Sign in");
  await ann.page.waitForFunction(() => document.getElementById("status").textContent.includes("password"), WAIT);
  await ann.fill({ email, password: PASSWORD });
  await ann.press("Sign in");
  await ann.sees("You're signed in.");
  // The session is there after a reload, and on the hosted pages.
  await ann.page.reload();
  await ann.sees(`Signed in as ${email}`);
  await ann.goto(`/account/sign-in?return_to=${encodeURIComponent(DEEP)}`);
  await isAt(ann, DEEP);
  await ann.sees(`Signed in as ${email}`);
  await ann.press("Sign out");
  await ann.sees("You're signed out.");

  await ann.followText("Sign in on the account pages");
  await ann.sees("Forgot your password?");
  await ann.fill({ email, password: PASSWORD });
  await ann.press("Sign in");
  await isAt(ann, DEEP);
  await ann.sees(`Signed in as ${email}`);
  await ann.press("Sign out");
  await ann.sees("You're signed out.");

  // A page that needs a session comes first, and its link leads back.
  await ann.goto(`/account/billing?return_to=${encodeURIComponent(DEEP)}`);
  await ann.sees("Forgot your password?");
  await ann.fill({ email, password: PASSWORD });
  await ann.press("Sign in");
  await ann.sees("Renews on");
  await ann.page.click(".back a");
  await isAt(ann, DEEP);
  await ann.close();

  for (const isHosted of [false, true]) {
    const bob = await person(device);
    await bob.goto(DEEP);
    await bob.sees("You're not signed in.");
    if (isHosted) {
      await bob.followText("Sign in on the account pages");
      await bob.sees("Forgot your password?");
    }
    await bob.press("Continue with Google");
    await bob.page.waitForFunction(() => location.pathname.startsWith("/_google/"), WAIT);
    await bob.fill({ email: `bob.${isHosted}@google.example` });
    await Promise.all([bob.page.waitForNavigation(), bob.page.$eval("[name=email]", (input) => input.form.querySelector("button").click())]);
    await isAt(bob, DEEP);
    await bob.sees(`Signed in as bob.${isHosted}@google.example`);
    await bob.close();
  }
}

/** Addresses of other origins, and texts that a browser could interpret as one, have no effect. */
async function byForeignAddress() {
  const foreign = [
    "https://evil.example/",
    `${front}.evil.example/`,
    `http://127.0.0.1:${port}@evil.example/`,
    `http://127.0.0.1:${Number(port) + 1}/`,
    "//evil.example/",
    "https:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    `${front}\\@evil.example/`,
    "%00",
    "",
  ];
  for (const address of foreign) {
    for (const page of ["sign-in", "register", "billing"]) {
      const eve = await person(device);
      await eve.goto(`/account/${page}?return_to=${encodeURIComponent(address)}`);
      if (page === "register") await eve.follow("/account/sign-in");
      await eve.sees("Forgot your password?");
      if (eve.page.url().includes("return_to")) throw new Error(`${address} stays in the address`);
      await eve.fill({ email: "ann.front@example.com", password: PASSWORD });
      await eve.press("Sign in");
      await eve.sees(page === "billing" ? "Renews on" : "Account ID");
      const { href, origin } = await eve.page.$eval(".back a", (link) => ({ href: link.href, origin: location.origin }));
      if (href !== `${front}/` || origin !== base) throw new Error(`${address} at ${page} leads to ${href} from ${origin}`);
      await eve.close();
    }
  }
  // Destinations in the tab's storage were checked when they were stored; one that was not is ignored.
  const eve = await person(device);
  await eve.goto("/account/sign-in?next=https%3A%2F%2Fevil.example%2F");
  await eve.fill({ email: "ann.front@example.com", password: PASSWORD });
  await eve.press("Sign in");
  await eve.sees("Account ID");
  await eve.close();
}

/** Runs a script with a client of its own beside that of the page. */
const withClient = (self, script) =>
  self.page.evaluate(
    async (url, text) => {
      globalThis.client ??= new (await import(`${url}/account/tollgate.js`)).Tollgate();
      return new Function("client", `return (async () => ${text})()`)(globalThis.client);
    },
    base,
    script,
  );

/** Two tabs of one browser: one renews for both, both end together, and a revoked session ends both. */
async function byTabs() {
  const email = "ann.front@example.com";
  const one = await person(device);
  await one.page.setBypassCSP(true);
  await one.goto(DEEP);
  await one.fill({ email, password: PASSWORD });
  await one.press("Sign in");
  await one.sees(`Signed in as ${email}`);
  const two = await person(device, one.context);
  await two.page.setBypassCSP(true);
  await two.goto(front);
  await two.sees(`Signed in as ${email}`);

  // Both need a token at the same time: while the first waits for its own, the second one sends nothing.
  await withClient(one, "client.resume()");
  await withClient(two, "client.resume()");
  const renewals = [];
  for (const [name, { page }] of Object.entries({ one, two })) page.on("request", (request) => request.url() === `${base}/refresh-token` && request.method() === "POST" && renewals.push(name));
  await one.page.setRequestInterception(true);
  let release;
  let hold;
  const isHeld = new Promise((held) => {
    hold = (request) => {
      if (release || request.method() !== "POST" || request.url() !== `${base}/refresh-token`) return request.continue();
      release = () => request.continue();
      return held();
    };
  });
  one.page.on("request", hold);
  const first = withClient(one, "client.resume()");
  await isHeld;
  const second = withClient(two, "client.resume()");
  await new Promise((done) => setTimeout(done, 500));
  release();
  if (!(await first) || !(await second)) throw new Error("a tab has no session after the renewal");
  one.page.off("request", hold);
  await one.page.setRequestInterception(false);
  if (renewals.join() !== "one") throw new Error(`tokens were renewed by ${renewals.join()}`);
  const mine = await withClient(two, `client.call("GET", "/me").then((me) => me.email)`);
  if (mine !== email) throw new Error(`the second tab is ${mine}`);

  // The token goes to no other origin.
  const refusal = await withClient(two, `client.fetch("https://evil.example/").then(() => "sent", (error) => error.name)`);
  if (refusal !== "TypeError") throw new Error(`a token for another origin: ${refusal}`);

  await one.press("Sign out");
  await one.sees("You're signed out.");
  await two.sees("You signed out in another tab.");
  await one.fill({ email, password: PASSWORD });
  await one.press("Sign in");
  await one.sees("You're signed in.");
  await two.sees(`Signed in as ${email}`);

  // The session ends at the service: the route that requires a live session refuses at once, and the page says why.
  await two.press("Pay out");
  await two.sees("The payout of usr_");
  const { access_token } = await contract("/login", { email, password: PASSWORD });
  const ended = await fetch(`${base}/sessions`, { method: "DELETE", headers: { authorization: `Bearer ${access_token}` } });
  if (ended.status !== 204) throw new Error(`sessions: ${ended.status}`);
  await two.press("Read my notes");
  await two.sees("The notes of usr_");
  await two.press("Pay out");
  await two.sees("Your session has expired. Sign in to continue.");
  await one.sees("You signed out in another tab.");
  await one.close();
}

const server = await start();
try {
  await byRegistration();
  await byMailedLink();
  await bySignIn();
  await byForeignAddress();
  await byTabs();
  console.log(`front end: ${checked} pages are right on an origin of their own`);
} finally {
  server.kill();
  await browser.close();
}
