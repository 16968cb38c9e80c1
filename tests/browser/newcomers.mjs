// New users in a browser, and the texts of the pages that stand for other services.

import { PASSWORD, mail, person } from "./kit.mjs";

/** Texts of the pages that stand for Google, GitHub and Stripe. */
export const FAKE = {
  choose: "Test mode: this page stands for",
  use: "Continue",
  deny: "Cancel: deny access",
  amount: "19.00 USD",
  declined: "Your card was declined",
  paid: "the invoice is paid",
  portal: "Customer portal",
};

/** A user who registered and verified the address in one browser, which is then signed in (E8). */
export async function newcomer(device, name) {
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
export async function subscriber(device, name, card) {
  const self = await newcomer(device, name);
  await self.press("Subscribe to Pro");
  await self.fill({ card });
  await self.submit();
  await self.sees("You're subscribed to Pro");
  return self;
}
