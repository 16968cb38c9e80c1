// The people of the walks through the dashboard: users as the contract makes them, and an admin who is signed in.

import { PASSWORD, WAIT, base, contract, control, mail, person } from "./kit.mjs";

export const ADMIN = { email: "admin@localhost.test", password: process.env.ADMIN_PASSWORD };
export const desktop = { name: "dashboard-desktop", width: 1280, height: 900, scheme: "light" };

/** Creates a user with a verified address, as the contract does; `token` is that of a session. */
export async function newUser(name) {
  const email = `${name}@dashboard.example`;
  await contract("/register", { email, username: name, password: PASSWORD });
  await contract("/verify", { email, code: (await mail(email, "verify")).code });
  const { access_token: token, user } = await contract("/login", { email, password: PASSWORD });
  return { email, token, id: user.id };
}

/** The same with a subscription to Pro and a payment. */
export async function newSubscriber(name) {
  const user = await newUser(name);
  const { checkout_url } = await contract("/billing/subscriptions/subscribe", { plan_code: "pro" }, user.token);
  const { status } = await fetch(checkout_url, { method: "POST", redirect: "manual", body: new URLSearchParams({ card: "4242424242424242" }) });
  if (status !== 303) throw new Error(`the checkout answered ${status}`);
  await control("drain");
  return user;
}

/** A browser in which `who` is signed in. */
export async function signIn({ email, password }) {
  const self = await person(desktop);
  await self.goto("/account/sign-in");
  await self.fill({ email, password });
  const signedIn = self.page.waitForResponse((response) => response.url() === `${base}/login` && response.ok());
  await Promise.all([signedIn, self.press("Sign in")]);
  // The response sets the cookie; the next one is the page of the account.
  await self.page.waitForFunction(() => document.querySelector("[name=password]") === null, WAIT);
  return self;
}
