// When the pages try the refresh cookie: never in a browser without a sign-in here, always in one with a sign-in of any
// kind.

import { PASSWORD, base, browser, contract, control, mail, person } from "./kit.mjs";

const desktop = { name: "session", width: 1280, height: 900, scheme: "light" };
const email = "hint@session.example";

/** How often a tab asked for a session by the cookie, and which requests were refused. */
async function watched(shared) {
  const self = await person(desktop, shared);
  self.refreshes = 0;
  self.page.on("request", (request) => {
    if (request.url() === `${base}/refresh-token`) self.refreshes += 1;
  });
  return self;
}

function expect(what, found, wanted) {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) throw new Error(`${what}: ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
}

await contract("/register", { email, username: "session-hint", password: PASSWORD });
await contract("/verify", { email, code: (await mail(email, "verify")).code });

// A browser without a sign-in here asks for no session, and the console stays empty.
const first = await watched();
for (const path of ["/account", "/account/sign-in", "/account/register", "/account/billing", "/dashboard", "/docs"]) {
  await first.goto(path);
  await first.sees(path === "/docs" ? "POST /login" : path.endsWith("register") ? "Create account" : "Sign in");
}
expect("refreshes of a browser that never signed in", first.refreshes, 0);
expect("refused requests of a browser that never signed in", first.refused, []);

// A sign-in in another tab: the first tab follows at once, and after a reload.
const second = await watched(first.context);
await first.goto("/account");
await first.sees("Sign in");
await second.goto("/account");
await second.fill({ email, password: PASSWORD });
await second.press("Sign in");
await second.sees("Account ID");
await first.sees("Account ID");
await first.page.reload();
await first.sees("Account ID");
expect("refused requests after a sign-in in another tab", first.refused, []);

// After the sign-out there is nothing to try.
await second.press("Sign out");
await second.sees("You're signed out.");
const before = [first.refreshes, second.refreshes];
await second.page.reload();
await second.sees("Sign in");
await first.goto("/account");
await first.sees("Sign in");
expect("refreshes after the sign-out", [first.refreshes, second.refreshes], before);
await first.context.close();

// A provider's redirect sets a cookie without a script of ours: the page that it leads to is signed in.
for (const [provider, title] of [["google", "Google"], ["github", "GitHub"]]) {
  const subject = String(1000 + title.length);
  await control(`${provider}/accounts`, { email: `${provider}@session.example`, email_verified: true, subject });
  const redirected = await watched();
  await redirected.goto("/account");
  await redirected.press(`Continue with ${title}`);
  await redirected.press(`${provider}@session.example`);
  await redirected.sees("Account ID");
  expect(`refused requests after ${title}`, redirected.refused, []);
  const later = await watched(redirected.context);
  await later.goto("/dashboard");
  await later.sees("Administrators only");
  expect(`refused requests of a new tab after ${title}`, later.refused.filter((line) => line.startsWith("401")), []);
  await redirected.context.close();
}
await browser.close();
console.log("the pages try the refresh cookie where there may be one, and nowhere else");
