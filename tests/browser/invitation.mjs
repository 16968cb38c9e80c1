// A deployment whose new accounts need an invitation: an admin invites in the dashboard, and the mailed link creates the account.

import { PASSWORD, browser, mail, person } from "./kit.mjs";

const ADMIN = "admin@localhost.test";

for (const device of [
  { name: "invited-phone", width: 390, height: 844, scheme: "dark" },
  { name: "invited-desktop", width: 1280, height: 900, scheme: "light" },
]) {
  const invited = `${device.name}+new@example.com`;
  const admin = await person(device);
  await admin.goto("/account/sign-in");
  await admin.sees("Sign in to");
  const text = await admin.page.evaluate(() => document.body.innerText);
  if (text.includes("Create an account")) throw new Error("sign-up is offered");
  await admin.fill({ email: ADMIN, password: process.env.ADMIN_PASSWORD });
  await admin.press("Sign in");
  await admin.sees("Account ID");
  await admin.goto("/dashboard/users");
  await admin.sees("Registered");
  await admin.press("Invite");
  await admin.sees("Send invitation");
  for (const address of [invited, `revoked-${invited}`]) {
    await admin.fill({ invited: address });
    await admin.press("Send invitation");
    await admin.sees(address);
  }
  const revoked = await mail(`revoked-${invited}`, "invitation");
  await admin.page.click(`[aria-label="Revoke the invitation of revoked-${invited}"]`);
  await admin.page.waitForFunction((address) => !document.querySelector("dialog").innerText.includes(address), {}, `revoked-${invited}`);
  await admin.fill({ invited: ADMIN });
  await admin.press("Send invitation");
  await admin.sees("An account has this e-mail address.");
  await admin.press("Close");
  await admin.sees("Users");

  const self = await person(device);
  await self.goto(revoked.links[0]);
  await self.fill({ username: `${device.name}`, password: PASSWORD });
  await self.press("Create account");
  await self.sees("This invitation was used, replaced or revoked.");

  const { links } = await mail(invited, "invitation");
  await self.goto(links[0]);
  await self.sees(invited);
  await self.fill({ username: "x", password: PASSWORD });
  await self.press("Create account");
  await self.sees("Use 3 to 40 letters");
  await self.fill({ username: device.name });
  await self.press("Create account");
  await self.sees("Your account is ready, and you're signed in.");
  await self.sees(invited);
  await self.page.reload();
  await self.sees(invited);

  // Without a token the page of registrations leads to the sign-in.
  const other = await person(device);
  await other.goto("/account/register");
  await other.sees("Sign in to");
  for (const one of [admin, self, other]) await one.close();
}
await browser.close();
console.log("invitation: an admin invites, the link creates the account");
