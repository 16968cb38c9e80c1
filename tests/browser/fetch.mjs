// A browser's own fetch and cookie jar: sign-in, refresh and sign-out by cookie and by body, beside cookies of other software, in
// two tabs at once.

import { PASSWORD, base, browser, contract, mail } from "./kit.mjs";

const email = "fetch@browser.example";
// What other software leaves in the jar of the same host, as a page sets it.
const foreign = ["utm=frühling", "_ga=GA1.1.123.456", 'quoted="a, b"', "empty=", "x_refresh_token=not ours", "refresh_token_old=not ours", 'json={"a":[1,2]}'];

function expect(what, found, wanted) {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) throw new Error(`${what}: ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
}

function hold(what, is) {
  if (!is) throw new Error(what);
}

/** Sends a request from a tab, as a script of a page does. */
function send(tab, method, path, body, token) {
  const run = async (method, path, body, token) => {
    const headers = { ...(body && { "content-type": "application/json" }), ...(token && { authorization: `Bearer ${token}` }) };
    const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    return { status: response.status, body: text ? JSON.parse(text) : {} };
  };
  return tab.evaluate(run, method, path, body, token);
}

/** Two tabs of one browser, with cookies of other software. */
async function twoTabs() {
  const context = await browser.createBrowserContext();
  const tabs = [await context.newPage(), await context.newPage()];
  for (const tab of tabs) await tab.goto(`${base}/healthz`);
  await tabs[0].evaluate((all) => {
    for (const cookie of all) document.cookie = `${cookie}; path=/`;
  }, foreign);
  const both = (act) => Promise.all(tabs.map(act));
  const visible = () => tabs[1].evaluate(() => document.cookie.split("; ").sort());
  const own = async () => (await context.cookies()).filter(({ name }) => ["refresh_token", "device"].includes(name)).map(({ name }) => name).sort();
  return { context, tabs, both, visible, own };
}

const statuses = (answers) => answers.map(({ status }) => status);

async function byCookie({ both, visible, own, tabs }) {
  const before = await visible();
  expect("foreign cookies", before.length, foreign.length);
  const signedIn = await both((tab) => send(tab, "POST", "/login", { email, password: PASSWORD }));
  expect("both tabs sign in at once", statuses(signedIn), [200, 200]);
  hold("no refresh token is in the body", signedIn.every(({ body }) => body.access_token && !("refresh_token" in body)));
  hold("the refresh cookie is there", (await own()).includes("refresh_token"));
  expect("what scripts see of the cookies", await visible(), before);
  let last;
  for (let turn = 0; turn < 4; turn += 1) {
    last = await both((tab) => send(tab, "POST", "/refresh-token"));
    expect("both tabs refresh at once", statuses(last), [200, 200]);
    const me = await both((tab) => send(tab, "GET", "/me", undefined, last[tabs.indexOf(tab)].body.access_token));
    expect("the tokens of both tabs", me.map(({ body }) => body.email), [email, email]);
  }
  const ended = await both((tab) => send(tab, "POST", "/logout"));
  expect("both tabs sign out at once", statuses(ended), [204, 204]);
  hold("the refresh cookie is gone", !(await own()).includes("refresh_token"));
  expect("a refresh afterwards", statuses(await both((tab) => send(tab, "POST", "/refresh-token"))), [401, 401]);
  const tokens = await both((tab) => send(tab, "GET", "/me", undefined, last[tabs.indexOf(tab)].body.access_token));
  expect("the tokens afterwards", statuses(tokens), [401, 401]);
  expect("foreign cookies afterwards", await visible(), before);
}

async function byBody({ both, visible, own, tabs: [first, second] }) {
  const before = [await visible(), await own()];
  const signedIn = await both((tab) => send(tab, "POST", "/login", { email, password: PASSWORD, token_delivery: "body" }));
  expect("both tabs sign in at once", statuses(signedIn), [200, 200]);
  const [one, other] = signedIn.map(({ body }) => body);
  hold("each has its own tokens", one.refresh_token && other.refresh_token && one.refresh_token !== other.refresh_token);
  // The cookie of an ended session lies in the jar: the body goes before it.
  await first.evaluate(() => {
    document.cookie = "refresh_token=stale; path=/";
  });
  let held = one.refresh_token;
  for (let turn = 0; turn < 3; turn += 1) {
    const answers = await both((tab) => send(tab, "POST", "/refresh-token", { refresh_token: held, token_delivery: "body" }));
    expect("both tabs refresh one session at once", statuses(answers), [200, 200]);
    const successors = answers.map(({ body }) => body.refresh_token);
    hold("both get the same successor", successors[0] === successors[1] && successors[0] !== held);
    expect("its token", (await send(second, "GET", "/me", undefined, answers[0].body.access_token)).status, 200);
    held = successors[0];
  }
  const ended = await both((tab) => send(tab, "POST", "/logout", { refresh_token: held }));
  expect("both tabs sign out at once", statuses(ended), [204, 204]);
  const gone = await both((tab) => send(tab, "POST", "/refresh-token", { refresh_token: held, token_delivery: "body" }));
  expect("a refresh afterwards", statuses(gone), [401, 401]);
  expect("the other session", (await send(second, "GET", "/me", undefined, other.access_token)).status, 200);
  expect("its end", (await send(second, "POST", "/logout", { refresh_token: other.refresh_token })).status, 204);
  expect("its token afterwards", (await send(first, "GET", "/me", undefined, other.access_token)).status, 401);
  await first.evaluate(() => {
    document.cookie = "refresh_token=; path=/; max-age=0";
  });
  expect("cookies afterwards", [await visible(), await own()], before);
}

await contract("/register", { email, username: "fetch-browser", password: PASSWORD });
await contract("/verify", { email, code: (await mail(email, "verify")).code });
const tabs = await twoTabs();
await byCookie(tabs);
await byBody(tabs);
await tabs.context.close();
await browser.close();
console.log("a browser signs in, refreshes and signs out by cookie and by body, in two tabs at once");
