// Walks through providers, addresses, the keyboard and the end of the account, and what gets in the way.

import { PASSWORD, SECOND, WAIT, base, control, person } from "./kit.mjs";
import { FAKE, newcomer, subscriber } from "./newcomers.mjs";

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
