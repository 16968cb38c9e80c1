// Walks through sign-up, sign-in, the account and its end.

import { PASSWORD, WAIT, base, contract, control, mail, person } from "./kit.mjs";
import { FAKE, newcomer, subscriber } from "./newcomers.mjs";

const SECOND = "another horse staple";

export async function byPassword(device) {
  const email = `ann.${device.name}@example.com`;
  const ann = await person(device);
  await ann.goto("/");
  await ann.sees("Forgot your password?", "sign-in");
  // In a browser without an earlier sign-in no request is refused, and a first visit takes few requests.
  if (ann.refused.length > 0) throw new Error(`refused on a first visit: ${ann.refused}`);
  const loaded = await ann.page.evaluate(() => performance.getEntriesByType("resource").length + 1);
  if (loaded > 12) throw new Error(`a first visit takes ${loaded} requests`);
  await ann.follow("/account/register");
  // The rules are shown before any input; errors that the page can find are not sent (E9).
  await ann.sees("At least 8 characters", "register");
  await ann.sees("3 to 40 letters");
  const calls = [];
  ann.page.on("request", (request) => request.url() === `${base}/register` && calls.push(request.method()));
  const errors = () => ann.page.$$eval(".error", (all) => all.map((error) => error.textContent).filter(Boolean));
  await ann.press("Create account");
  await ann.sees("This field is required.", "register-empty");
  if ((await errors()).length !== 3) throw new Error(`errors of an empty form: ${await errors()}`);
  await ann.fill({ email: "ann", username: "a", password: "short" });
  await ann.press("Create account");
  await ann.sees("Enter a valid e-mail address.", "register-wrong");
  await ann.sees("Use 3 to 40 letters");
  await ann.sees("Use at least 8 characters.");
  if (calls.length > 0) throw new Error("the page sent what it can check");
  const focused = () => ann.page.evaluate(() => document.activeElement.name);
  if ((await focused()) !== "email") throw new Error(`the focus is at ${await focused()}`);
  // The password can be shown.
  await ann.press("Show");
  if ((await ann.page.$eval("[name=password]", (input) => input.type)) !== "text") throw new Error("the password is not shown");
  await ann.fill({ email, username: `ann-${device.name}`, password: "password" });
  await ann.press("Create account");
  await ann.sees("most used", "weak");
  await ann.fill({ password: PASSWORD });
  await ann.press("Create account");
  await ann.sees("6-digit code", "verify");
  await ann.sees(email);
  const verification = await mail(email, "verify");

  // The address can be corrected; a user name that is taken is reported beside its field.
  await ann.press("change the e-mail address");
  await ann.sees("Enter the correct e-mail address.", "register-corrected");
  await ann.fill({ username: `ann-${device.name}`, password: PASSWORD });
  await ann.press("Create account");
  await ann.sees("This user name is taken.", "name-taken");
  if ((await focused()) !== "username") throw new Error(`the focus is at ${await focused()}`);
  await ann.page.goBack();
  await ann.sees("Check your e-mail");

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

  await ann.fill({ code: verification.code === "000000" ? "000001" : "000000" });
  await ann.press("Verify");
  await ann.sees("incorrect or has expired", "wrong-code");
  // A new mail clears the error. Its code replaces the first one.
  await ann.press("Send a new code");
  await ann.sees("We've sent a new code", "resent");
  if ((await errors()).length > 0) throw new Error(`an error stays: ${await errors()}`);
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
  await ann.press("Sign out");
  await ann.sees("You're signed out.", "signed-out");
  await ann.fill({ password: "not the password" });
  await ann.press("Sign in");
  await ann.sees("Incorrect e-mail address or password.", "wrong-password");
  if ((await focused()) !== "password") throw new Error(`the focus is at ${await focused()}`);
  await ann.fill({ password: PASSWORD });
  await ann.press("Sign in");
  await ann.sees("Account ID", "profile");

  // Connecting a provider: denied at first, then completed, then undone.
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

  // Another e-mail address.
  const moved = `ann.moved.${device.name}@example.com`;
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

  // The forgotten password.
  await ann.follow("/account/forgot");
  await ann.fill({ email: moved });
  await ann.press("Send link");
  await ann.sees("is on its way", "forgot");
  await ann.goto((await mail(moved, "reset")).links[0]);
  await ann.sees("Set a new password", "reset");
  await ann.fill({ password: PASSWORD });
  await ann.press("Set password");
  await ann.sees("Your password is set", "reset-done");

  // By code, then the account is closed.
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
  await ann.follow("/account/close");
  await ann.sees("Close your account?", "close");
  await ann.fill({ password: PASSWORD });
  await ann.press("Close account");
  await ann.sees("Your account is closed.", "closed");
  await ann.close();
}

/** A subscriber who downloads the data and deletes the account, and who can register again as a new user. */
export async function byDeletion(device) {
  const lea = await subscriber(device, "lea", "4242424242424242");
  await lea.goto("/account");
  await lea.follow("/account/close");
  await lea.sees("Close your account?");
  await lea.follow("/account/delete");
  await lea.sees("This can't be undone.", "delete");
  const [data] = await Promise.all([
    lea.page.waitForResponse((response) => response.url() === `${base}/me/export`).then((response) => response.json()),
    lea.press("Download my data"),
  ]);
  if (data.payments.length !== 1) throw new Error(`the file has ${data.payments.length} payments`);
  // Later the file requires the password.
  await control("clock", { advance_seconds: 301 });
  await lea.press("Download my data");
  await lea.fill({ "export-password": PASSWORD });
  await Promise.all([lea.page.waitForResponse((response) => response.url() === `${base}/me/export` && response.ok()), lea.press("Download my data")]);
  await lea.fill({ password: PASSWORD });
  await lea.press("Delete account permanently");
  await lea.sees("Your account is deleted.", "deleted");
  await control("drain");
  await control("schedules/accounts/run");
  await lea.close();
  await (await newcomer(device, "lea")).close();
}

export async function byProvider(device, provider, title) {
  const email = `bob.${provider}.${device.name}@example.com`;
  const bob = await person(device);
  // The requested page is shown after the sign-in.
  await bob.goto("/account/security");
  await bob.press(`Continue with ${title}`);
  await bob.sees(FAKE.choose);
  await bob.fill({ email });
  await bob.press(FAKE.use);
  await bob.sees("You haven't set a password yet.", `${provider}-security`);
  if (bob.page.url() !== `${base}/account/security`) throw new Error(`at ${bob.page.url()} after the sign-in`);
  await bob.press("Set a password");
  await bob.sees("We've sent a link to set a password", `${provider}-first-password`);
  await bob.close();

  const again = await person(device);
  await again.goto("/account");
  await again.press(`Continue with ${title}`);
  await again.press(email);
  await again.sees(email.slice(0, 20));
  await again.sees("Account ID");
  await again.close();

  const denied = await person(device);
  await denied.goto("/account");
  await denied.press(`Continue with ${title}`);
  await denied.press(FAKE.deny);
  await denied.sees("The provider denied access", `${provider}-denied`);
  if (denied.page.url().includes("error=")) throw new Error("the error stays in the address");
  await denied.close();
}

/** Addresses: deep links, the old addresses, back and forward, and the dashboard as the page to return to. */
export async function byAddress(device) {
  const hal = await newcomer(device, "hal");
  const email = `hal.${device.name}@example.com`;
  // Each address shows its page and marks its tab.
  for (const [path, text, tab] of [
    ["/account/email", "New e-mail address", "Profile"],
    ["/account/methods", "Sign-in methods", "Security"],
    ["/account/sessions", "This session", "Security"],
    ["/account/password", "Current password", "Security"],
  ]) {
    await hal.goto(path);
    await hal.sees(text, `address${path.replaceAll("/", "-")}`);
    const current = await hal.page.$eval("nav [aria-current]", (link) => link.textContent);
    if (current !== tab) throw new Error(`${path} marks ${current}`);
  }
  await hal.follow("/account");
  await hal.sees("Account ID");
  await hal.follow("/account/security");
  await hal.sees("This session");
  await hal.follow("/account/billing");
  await hal.sees("Current plan");
  await hal.page.goBack();
  await hal.sees("This session");
  await hal.page.goBack();
  await hal.sees("Account ID");
  await hal.page.goForward();
  await hal.sees("This session");
  const title = await hal.page.title();
  if (!title.startsWith("Security · ")) throw new Error(`the title is ${title}`);
  if ((await hal.focused()) !== "Security") throw new Error(`the focus is at "${await hal.focused()}"`);

  // A page that is requested without a session is shown after the sign-in. The sign-in is not in the history.
  await hal.press("Sign out");
  await hal.sees("You're signed out.");
  await hal.goto("/account/billing");
  await hal.sees("Forgot your password?");
  await hal.fill({ email, password: PASSWORD });
  await hal.press("Sign in");
  await hal.sees("Current plan");
  if (!hal.page.url().endsWith("/account/billing")) throw new Error(`at ${hal.page.url()} after the sign-in`);
  await hal.goto("/account/sign-in");
  await hal.sees("Account ID");

  // So is a page of the dashboard, as a document of its own; an address of another origin is ignored.
  await hal.press("Sign out");
  await hal.sees("You're signed out.");
  await hal.page.evaluate(async (other) => {
    const { want } = await import("/account/go.js");
    want("/dashboard/users?q=hal");
    want(other);
    want("//evil.example/account");
  }, "https://evil.example/dashboard");
  await hal.fill({ email, password: PASSWORD });
  await Promise.all([hal.page.waitForNavigation(), hal.press("Sign in")]);
  if (hal.page.url() !== `${base}/dashboard/users?q=hal`) throw new Error(`at ${hal.page.url()} after the sign-in`);
  // The same as a link to the sign-in, which a session skips.
  await hal.goto("/account/sign-in?next=https%3A%2F%2Fevil.example%2Fdashboard");
  await hal.sees("Account ID");
  await hal.goto("/account/sign-in?next=%2Fdashboard%2Freports%3Frange%3D7");
  await hal.page.waitForFunction((address) => location.href === address, WAIT, `${base}/dashboard/reports?range=7`);
  await hal.close();
}

/** A service that cannot be reached: each page offers to try again. */
export async function byOffline(device) {
  const ida = await newcomer(device, "ida");
  await ida.follow("/account");
  await ida.sees("Account ID");
  await ida.page.setOfflineMode(true);
  await ida.follow("/account/close");
  await ida.sees("We couldn't reach the service.", "offline-close");
  await ida.follow("/account");
  await ida.sees("We couldn't reach the service.", "offline-profile");
  await ida.follow("/account/security");
  await ida.sees("We couldn't reach the service.", "offline-security");
  await ida.page.setOfflineMode(false);
  // The connection is used as soon as it is back.
  await ida.sees("This session", "online");

  // A request that fails while the network is up needs the button.
  await ida.answers("/sessions", 503, { code: "unavailable", detail: "Try again in a moment." });
  await ida.follow("/account");
  await ida.sees("Account ID");
  await ida.follow("/account/security");
  await ida.sees("Try again in a moment.", "unavailable");
  await ida.press("Try again");
  await ida.sees("This session");

  // A form keeps its input.
  await ida.press("Change password");
  await ida.fill({ old_password: PASSWORD, new_password: SECOND });
  await ida.page.setOfflineMode(true);
  await ida.press("Change password");
  await ida.sees("We couldn't reach the service.", "offline-form");
  await ida.page.setOfflineMode(false);
  await ida.press("Change password");
  await ida.sees("Your password has been changed.");

  // The first request of a visit fails.
  await ida.answers("/refresh-token", 503, { code: "unavailable", detail: "Try again in a moment." });
  await ida.page.reload();
  await ida.sees("Something went wrong", "unavailable-start");
  await ida.press("Try again");
  await ida.sees("This session");
  await ida.close();
}

/** A sign-in and a change of page with the keyboard alone. */
export async function byKeyboard(device) {
  const email = `ida.${device.name}@example.com`;
  const jo = await person(device);
  await jo.goto("/account/security");
  await jo.sees("Forgot your password?");
  const tabTo = async (wanted) => {
    for (let presses = 0; presses < 30; presses += 1) {
      await jo.page.keyboard.press("Tab");
      const found = await jo.page.evaluate((text) => [document.activeElement.name, document.activeElement.textContent.trim()].includes(text), wanted);
      if (found) return;
    }
    throw new Error(`the Tab key does not reach ${wanted}`);
  };
  await tabTo("email");
  await jo.page.keyboard.type(email);
  await tabTo("password");
  await jo.page.keyboard.type(SECOND);
  await jo.page.keyboard.press("Enter");
  await jo.sees("This session");
  if ((await jo.focused()) !== "Security") throw new Error(`the focus is at "${await jo.focused()}"`);
  await tabTo("Change password");
  await jo.page.keyboard.press("Enter");
  await jo.sees("Current password");
  if ((await jo.page.evaluate(() => document.activeElement.name)) !== "old_password") throw new Error("the focus is not in the form");
  await tabTo("Cancel");
  await jo.page.keyboard.press("Enter");
  if ((await jo.focused()) !== "Change password") throw new Error(`the focus is at "${await jo.focused()}"`);
  await jo.close();
}

/** Cookies that are not this service's, or not valid, change nothing. */
export async function byForeignCookie(device) {
  const kim = await person(device);
  const cookies = [{ name: "theme", value: "dark" }, { name: "refresh_token", value: "not-a-token" }, { name: "device", value: "=" }];
  await kim.context.setCookie(...cookies.map((cookie) => ({ ...cookie, domain: new URL(base).hostname, path: "/" })));
  await kim.goto("/account");
  // As scripts of other software set them: not ASCII, and one whose path is longer, which a browser sends before ours.
  await kim.page.evaluate(() => {
    for (const cookie of ["utm=frühling; path=/", 'json={"a":[1,2]}; path=/', "refresh_token=old; path=/refresh-token"]) document.cookie = cookie;
  });
  await kim.page.reload();
  await kim.sees("Forgot your password?");
  await kim.fill({ email: `ida.${device.name}@example.com`, password: SECOND });
  await kim.press("Sign in");
  await kim.sees("Account ID");
  await kim.page.reload();
  await kim.sees("Account ID");
  const other = await person(device, kim.context);
  await other.goto("/account/security");
  await other.sees("This session");
  await kim.press("Sign out");
  await kim.sees("You're signed out.");
  await other.sees("You signed out in another tab. Sign in to continue.");
  await other.page.reload();
  await other.sees("Forgot your password?");
  await kim.close();
}

/** An address without a page: a page with links (E14). */
export async function byNonsense(device) {
  const reader = await person(device);
  for (const path of ["/nonsense", "/account/nonsense"]) {
    const response = await reader.goto(path);
    if (response.status() !== 404) throw new Error(`${path}: ${response.status()}`);
    await reader.sees("Page not found", "not-found");
    await reader.followText("Go to your account");
    await reader.sees("Forgot your password?");
  }
  await reader.close();
}

/** Sessions are named by browser and system. */
export async function userAgents(device) {
  const reader = await person(device);
  await reader.goto("/account");
  for (const [text, name] of [
    ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.2592.87", "Edge 126 on Windows"],
    ["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15", "Safari 17 on macOS"],
    ["Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1", "Safari 17 on iPhone"],
    ["Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1", "Chrome 126 on iPhone"],
    ["Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox 128 on Linux"],
    ["Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36", "Samsung Internet 25 on Android"],
    ["curl/8.5.0", "curl"],
    ["node", "node"],
    ["Mozilla/5.0", "Unknown device"],
    ["<b>x</b>", "Unknown device"],
    [null, "Unknown device"],
  ]) {
    const given = await reader.page.evaluate(async (value) => (await import("/account/user-agent.js")).deviceName(value), text);
    if (given !== name) throw new Error(`${text} is named ${given}`);
  }
  await reader.close();
}
