// Walks with a password, from the registration to the closed account.

import { PASSWORD, SECOND, base, contract, control, mail, person } from "./kit.mjs";
import { FAKE } from "./newcomers.mjs";

/** The texts of the errors that the page shows. */
const errors = (ann) => ann.page.$$eval(".error", (all) => all.map((error) => error.textContent).filter(Boolean));

/** The name of the focused field. */
const focused = (ann) => ann.page.evaluate(() => document.activeElement.name);

/** Opens the sign-in page in a new browser. */
async function visitsForTheFirstTime(ann) {
  await ann.goto("/");
  await ann.sees("Forgot your password?", "sign-in");
  // In a browser without an earlier sign-in no request is refused, and a first visit takes few requests.
  if (ann.refused.length > 0) throw new Error(`refused on a first visit: ${ann.refused}`);
  const loaded = await ann.page.evaluate(() => performance.getEntriesByType("resource").length + 1);
  if (loaded > 12) throw new Error(`a first visit takes ${loaded} requests`);
}

/** The form reports what is wrong, and sends nothing. */
async function fillsTheFormWrongly(ann) {
  await ann.follow("/account/register");
  // The rules are shown before any input; errors that the page can find are not sent (E9).
  await ann.sees("At least 8 characters", "register");
  await ann.sees("3 to 40 letters");
  const calls = [];
  ann.page.on("request", (request) => request.url() === `${base}/register` && calls.push(request.method()));
  await ann.press("Create account");
  await ann.sees("This field is required.", "register-empty");
  if ((await errors(ann)).length !== 3) throw new Error(`errors of an empty form: ${await errors(ann)}`);
  await ann.fill({ email: "ann", username: "a", password: "short" });
  await ann.press("Create account");
  await ann.sees("Enter a valid e-mail address.", "register-wrong");
  await ann.sees("Use 3 to 40 letters");
  await ann.sees("Use at least 8 characters.");
  if (calls.length > 0) throw new Error("the page sent what it can check");
  if ((await focused(ann)) !== "email") throw new Error(`the focus is at ${await focused(ann)}`);
  // The password can be shown.
  await ann.press("Show");
  if ((await ann.page.$eval("[name=password]", (input) => input.type)) !== "text") throw new Error("the password is not shown");
}

/** Registers, with a better password at the second attempt. Returns the mail with the code and the link. */
async function registers(ann, device, email) {
  await ann.fill({ email, username: `ann-${device.name}`, password: "password" });
  await ann.press("Create account");
  await ann.sees("most used", "weak");
  await ann.fill({ password: PASSWORD });
  await ann.press("Create account");
  await ann.sees("6-digit code", "verify");
  await ann.sees(email);
  return mail(email, "verify");
}

/** Corrects the address, where the user name is taken, and goes back. */
async function correctsTheAddress(ann, device) {
  // The address can be corrected; a user name that is taken is reported beside its field.
  await ann.press("change the e-mail address");
  await ann.sees("Enter the correct e-mail address.", "register-corrected");
  await ann.fill({ username: `ann-${device.name}`, password: PASSWORD });
  await ann.press("Create account");
  await ann.sees("This user name is taken.", "name-taken");
  if ((await focused(ann)) !== "username") throw new Error(`the focus is at ${await focused(ann)}`);
  await ann.page.goBack();
  await ann.sees("Check your e-mail");
}

/** The link of the mail in another browser, and an invalid link in a third. */
async function opensLinks(device, verification) {
  const other = await person(device);
  await other.goto(verification.links[0]);
  await other.sees(`you created the account ann-${device.name}`, "link");
  await other.close();
  // An invalid link leads to the page that sends a new one.
  const late = await person(device);
  await late.goto("/verify?token=expired");
  await late.sees("may have expired", "link-expired");
  await late.followText("Send a new verification mail");
  await late.press("Send a new code");
  await late.sees("Enter a valid e-mail address.", "verify-without-address");
  await late.fill({ email: `late.${device.name}@example.com` });
  await late.press("Send a new code");
  await late.sees("We've sent a new code", "verify-resent");
  await late.close();
}

/** Enters a wrong code, then the one of a new mail, and is signed in. */
async function verifies(ann, email, verification) {
  await ann.fill({ code: verification.code === "000000" ? "000001" : "000000" });
  await ann.press("Verify");
  await ann.sees("incorrect or has expired", "wrong-code");
  // A new mail clears the error. Its code replaces the first one.
  await ann.press("Send a new code");
  await ann.sees("We've sent a new code", "resent");
  if ((await errors(ann)).length > 0) throw new Error(`an error stays: ${await errors(ann)}`);
  const { code } = await mail(email, "verify");
  // As it is pasted from a mail (B16).
  await ann.fill({ code: ` ${code.slice(0, 3)} ${code.slice(3)} ` });
  await ann.press("Verify");
  // This browser registered, so it is signed in (E8).
  await ann.sees("Your e-mail address is verified, and you're signed in.", "verified");
  await ann.sees("Account ID");
  // The message is shown once.
  await ann.page.reload();
  await ann.sees("Account ID");
  if ((await ann.page.evaluate(() => document.body.innerText)).includes("is verified")) throw new Error("the message is shown again");
}

/** Signs out, and in again at the second attempt. */
async function signsInAgain(ann) {
  await ann.press("Sign out");
  await ann.sees("You're signed out.", "signed-out");
  await ann.fill({ password: "not the password" });
  await ann.press("Sign in");
  await ann.sees("Incorrect e-mail address or password.", "wrong-password");
  if ((await focused(ann)) !== "password") throw new Error(`the focus is at ${await focused(ann)}`);
  await ann.fill({ password: PASSWORD });
  await ann.press("Sign in");
  await ann.sees("Account ID", "profile");
}

/** Connecting a provider: denied at first, then completed, then undone. */
async function connectsGitHub(ann, device) {
  await ann.follow("/account/security");
  await ann.sees("Not connected", "security");
  await ann.press("Connect GitHub");
  await ann.sees(FAKE.deny, "consent");
  await ann.press(FAKE.deny);
  await ann.sees("The provider denied access", "denied");
  await control("clock", { advance_seconds: 301 });
  await ann.press("Connect GitHub");
  await ann.sees("Confirm your password", "reauthenticate");
  await ann.fill({ "github-password": "not the password" });
  await ann.press("Connect GitHub");
  await ann.sees("Incorrect password.");
  await ann.fill({ "github-password": PASSWORD });
  await ann.press("Connect GitHub");
  await ann.sees(FAKE.choose);
  await ann.fill({ email: `ann.${device.name}@github.example` });
  await ann.press(FAKE.use);
  await ann.sees("GitHub is now connected to your account", "connected");
  await ann.sees("Disconnect GitHub");
  await ann.press("Disconnect GitHub");
  await ann.sees("Confirm your password");
  await ann.fill({ "github-password": PASSWORD });
  await ann.press("Disconnect GitHub");
  await ann.sees("GitHub is disconnected.", "disconnected");
  await ann.sees("Connect GitHub");
}

/** Another e-mail address; the earlier one is notified. */
async function changesTheAddress(ann, email, moved) {
  await ann.follow("/account");
  await ann.press("Change");
  await ann.fill({ new_email: moved, password: PASSWORD });
  await ann.press("Send verification e-mail");
  await ann.sees("6-digit code", "new-address");
  await ann.fill({ code: (await mail(moved, "verify")).code });
  await ann.press("Verify");
  await ann.sees("Your e-mail address has been changed.", "moved");
  await ann.sees(moved);
  await mail(email, "email_changed");
}

/** Ends one of three sessions, then all others. */
async function endsSessions(ann, moved) {
  await ann.follow("/account/security");
  await ann.sees("This session");
  await ann.sees("on Linux");
  const elsewhere = await contract("/login", { email: moved, password: PASSWORD });
  const third = await contract("/login", { email: moved, password: PASSWORD });
  await ann.page.reload();
  await ann.sees("End session", "sessions");
  await ann.press("End session");
  await ann.sees("The session has been signed out.", "session-ended-one");
  await ann.press("Sign out of all other sessions");
  await ann.sees("You're signed out of all other sessions.");
  if ((await ann.buttons()).includes("End session")) throw new Error("another session is still listed");
  for (const { access_token } of [elsewhere, third]) {
    const ended = await fetch(`${base}/me`, { headers: { authorization: `Bearer ${access_token}` } });
    if (ended.status !== 401) throw new Error("another session continues");
  }
}

/** Changes the password, at the second attempt, and signs out. */
async function changesThePassword(ann) {
  await ann.press("Change password");
  await ann.fill({ old_password: "not the password", new_password: SECOND });
  await ann.press("Change password");
  await ann.sees("Incorrect password.", "password-wrong");
  await ann.fill({ old_password: PASSWORD });
  await ann.press("Change password");
  await ann.sees("Your password has been changed.", "password");
  // Where password managers look for the page.
  await ann.goto("/.well-known/change-password");
  await ann.sees("Current password", "password-open");
  await ann.press("Sign out");
  await ann.sees("Forgot your password?");
}

/** The forgotten password. */
async function resetsThePassword(ann, moved) {
  await ann.follow("/account/forgot");
  await ann.fill({ email: moved });
  await ann.press("Send link");
  await ann.sees("is on its way", "forgot");
  await ann.goto((await mail(moved, "reset")).links[0]);
  await ann.sees("Set a new password", "reset");
  await ann.fill({ password: PASSWORD });
  await ann.press("Set password");
  await ann.sees("Your password is set", "reset-done");
}

/** Signs in by code. */
async function signsInByCode(ann, moved) {
  await ann.goto("/account/code");
  await ann.sees("We'll e-mail you a 6-digit code", "code");
  await ann.fill({ email: moved });
  await ann.press("Send code");
  await ann.sees("Check your e-mail", "code-entry");
  await ann.press("Send a new code");
  await ann.sees("We've sent a new code.");
  const mailed = (await mail(moved, "login_code")).code;
  // Not six digits: the page reports it, and no attempt is used (B16).
  await ann.fill({ code: mailed.slice(1) });
  await ann.press("Sign in");
  await ann.sees("six digits", "code-short");
  await ann.fill({ code: `${mailed.slice(0, 3)}-${mailed.slice(3)}` });
  await ann.press("Sign in");
  await ann.sees("Account ID");
}

/** Closes the account. */
async function closesTheAccount(ann) {
  await ann.follow("/account/close");
  await ann.sees("Close your account?", "close");
  await ann.fill({ password: PASSWORD });
  await ann.press("Close account");
  await ann.sees("Your account is closed.", "closed");
}

/** From the registration to the closed account. */
export async function byPassword(device) {
  const email = `ann.${device.name}@example.com`;
  const moved = `ann.moved.${device.name}@example.com`;
  const ann = await person(device);
  await visitsForTheFirstTime(ann);
  await fillsTheFormWrongly(ann);
  const verification = await registers(ann, device, email);
  await correctsTheAddress(ann, device);
  await opensLinks(device, verification);
  await verifies(ann, email, verification);
  await signsInAgain(ann);
  await connectsGitHub(ann, device);
  await changesTheAddress(ann, email, moved);
  await endsSessions(ann, moved);
  await changesThePassword(ann);
  await resetsThePassword(ann, moved);
  await signsInByCode(ann, moved);
  await closesTheAccount(ann);
  await ann.close();
}
