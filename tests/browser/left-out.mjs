// A deployment without billing, sign-up, passwords and Google: the pages hide what it does not offer, and work without it.

import { browser, mail, person } from "./kit.mjs";

const desktop = { name: "left-out", width: 1280, height: 900, scheme: "light" };
const ADMIN = "admin@localhost.test";

const self = await person(desktop);

/** Fails if one of these texts is on the page. */
async function hides(...texts) {
  const shown = await self.page.evaluate(() => document.body.innerText);
  for (const text of texts) if (shown.includes(text)) throw new Error(`"${text}" is shown at ${self.page.url()}:\n${shown}`);
}

await self.goto("/account/sign-in");
await self.sees("Continue with GitHub");
await hides("Continue with Google", "Password", "Forgot your password?", "Create an account");
for (const path of ["/account/register", "/account/forgot"]) {
  await self.goto(path);
  await self.sees("Continue with GitHub");
  await hides("Create account", "Create an account", "Send link");
}

await self.fill({ email: ADMIN });
await self.press("Send code");
await self.sees("Check your e-mail");
await hides("Sign in with your password");
await self.fill({ code: (await mail(ADMIN, "login_code")).code });
await self.press("Sign in");
await self.sees("Account ID");
await hides("Billing");

await self.goto("/account/billing");
await self.sees("Account ID");
await self.goto("/account/security");
await self.sees("Connect GitHub");
await hides("Google", "Change password", "Set a password");

await self.goto("/dashboard");
await self.sees("Sign-ups");
await hides("Subscriptions", "Payments", "Plans", "MRR");
await self.goto("/dashboard/users");
await self.follow(await self.page.waitForSelector("main a[href^='/dashboard/users/usr_']").then((link) => link.evaluate((element) => element.getAttribute("href"))));
await self.sees("Danger zone");
await hides("Password reset mail", "Subscription");

if (self.refused.length > 0) throw new Error(`refused requests: ${self.refused.join(", ")}`);
await browser.close();
console.log("left-out: the pages hide what is not offered");
