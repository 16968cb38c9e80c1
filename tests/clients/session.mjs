// Node's fetch at a running stack: `session.mjs URL`. It keeps no cookies itself; the jar here does what a browser's does.

import assert from "node:assert/strict";

const base = process.argv[2];
const password = "correct horse battery";
const email = "fetch@example.com";
// Cookies of other software on the same host.
const foreign = {
  utm: "frühling",
  _ga: "GA1.1.123.456",
  quoted: '"a, b"',
  empty: "",
  x_refresh_token: "not ours",
  refresh_token_old: "not ours",
  json: '{"a":[1,2]}',
};

class Tab {
  constructor(jar = new Map(Object.entries(foreign))) {
    this.jar = jar;
  }

  async send(method, path, { body, token, cookie } = {}) {
    const headers = { cookie: cookie ?? [...this.jar].map(([name, value]) => `${name}=${value}`).join("; ") };
    if (body !== undefined) headers["content-type"] = "application/json";
    if (token) headers.authorization = `Bearer ${token}`;
    const signal = AbortSignal.timeout(20_000);
    const response = await fetch(base + path, { method, headers, body: body && JSON.stringify(body), signal });
    for (const line of response.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split("; ");
      const at = pair.indexOf("=");
      if (attributes.includes("Max-Age=0")) this.jar.delete(pair.slice(0, at));
      else this.jar.set(pair.slice(0, at), pair.slice(at + 1));
    }
    const text = await response.text();
    return { status: response.status, body: text && JSON.parse(text), cookies: response.headers.getSetCookie() };
  }

  async post(path, body, status = 200, code = undefined) {
    const answer = await this.send("POST", path, { body });
    assert.equal(answer.status, status, `${path}: ${JSON.stringify(answer.body)}`);
    if (code) assert.equal(answer.body.code, code);
    return answer;
  }

  async me(token, status = 200) {
    const answer = await this.send("GET", "/me", { token });
    assert.equal(answer.status, status, JSON.stringify(answer.body));
    return answer.body;
  }

  signIn(more = {}) {
    return this.post("/login", { email, password, ...more });
  }
}

async function register() {
  const tab = new Tab();
  await tab.post("/register", { email, username: "fetch", password }, 202);
  await tab.post("/_local/drain");
  const mails = (await tab.send("GET", `/_local/emails?to=${encodeURIComponent(email)}`)).body;
  // A client other than that of the registration gets a message and no session.
  const verified = await new Tab().post("/verify", { email, code: mails.items[0].code });
  assert(!("access_token" in verified.body), JSON.stringify(verified.body));
}

async function byCookie() {
  const tab = new Tab();
  const first = await tab.signIn();
  assert(!("refresh_token" in first.body) && tab.jar.has("refresh_token"));
  const line = first.cookies.find((cookie) => cookie.startsWith("refresh_token="));
  for (const part of ["HttpOnly", "SameSite=Lax", "Path=/"]) assert(line.includes(part), line);
  assert.equal((await tab.me(first.body.access_token)).email, email);
  // Two tabs share a jar and refresh at the same time.
  const twin = new Tab(tab.jar);
  for (let turn = 0; turn < 3; turn += 1) {
    const before = tab.jar.get("refresh_token");
    const answers = await Promise.all([tab.post("/refresh-token"), twin.post("/refresh-token")]);
    const successors = new Set(answers.map(({ cookies }) => cookies[0].split(";")[0]));
    assert.equal(successors.size, 1, [...successors].join(" "));
    assert.notEqual(tab.jar.get("refresh_token"), before);
    for (const { body } of answers) await twin.me(body.access_token);
  }
  // The end of this session does not affect another session of the same user.
  const other = new Tab();
  const kept = (await other.signIn()).body.access_token;
  const last = (await twin.post("/refresh-token")).body.access_token;
  await tab.post("/logout", undefined, 204);
  assert(!tab.jar.has("refresh_token"), "the cookie is cleared");
  assert.equal(tab.jar.get("utm"), foreign.utm, "foreign cookies stay");
  await twin.me(last, 401);
  await twin.post("/refresh-token", undefined, 401, "invalid_refresh_token");
  await other.me(kept);
  // Of two cookies with one name, each is tried.
  for (const pairs of [(good) => `refresh_token=x; refresh_token=${good}`, (good) => `utm=fr\xfchling; refresh_token=${good}; refresh_token=`]) {
    const answer = await other.send("POST", "/refresh-token", { cookie: pairs(other.jar.get("refresh_token")) });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
  }
  const ended = await other.send("POST", "/logout", { cookie: `refresh_token=x; refresh_token=${other.jar.get("refresh_token")}` });
  assert.equal(ended.status, 204);
  await other.me(kept, 401);
}

/** Two tabs share a jar, and both sign in, refresh and sign out at the same moment, by cookie and by body. */
async function atOnce() {
  const tab = new Tab();
  const twin = new Tab(tab.jar);
  const both = (act) => Promise.all([tab, twin].map(act));
  await both((each) => each.signIn());
  const last = await both((each) => each.post("/refresh-token"));
  for (const { body } of last) await tab.me(body.access_token);
  await both((each) => each.post("/logout", undefined, 204));
  for (const { body } of last) await tab.me(body.access_token, 401);
  await both((each) => each.post("/refresh-token", undefined, 401));
  for (const [name, value] of Object.entries(foreign)) assert.equal(tab.jar.get(name), value, "foreign cookies stay");

  const sessions = (await both((each) => each.signIn({ token_delivery: "body" }))).map(({ body }) => body);
  const refresh = (each) => each.post("/refresh-token", { refresh_token: sessions[0].refresh_token, token_delivery: "body" });
  const [{ body: left }, { body: right }] = await both(refresh);
  assert.equal(left.refresh_token, right.refresh_token);
  await both((each) => each.post("/logout", { refresh_token: left.refresh_token }, 204));
  await tab.me(left.access_token, 401);
  await tab.me(sessions[1].access_token);
  await twin.post("/logout", { refresh_token: sessions[1].refresh_token }, 204);
  await tab.me(sessions[1].access_token, 401);
}

async function byBody() {
  const [one, two] = [new Tab(), new Tab()];
  const first = await one.signIn({ token_delivery: "body" });
  for (const name of ["access_token", "refresh_token", "device_token"]) assert(name in first.body, name);
  assert.deepEqual(first.cookies, [], "no cookie is set");
  const again = (await two.signIn({ token_delivery: "body", device_token: first.body.device_token })).body;
  // The jar holds a cookie of an ended session: the token in the body takes precedence.
  one.jar.set("refresh_token", "stale");
  const body = { refresh_token: first.body.refresh_token, token_delivery: "body" };
  const answers = await Promise.all([one.post("/refresh-token", body), one.post("/refresh-token", body)]);
  const [left, right] = answers.map((answer) => answer.body);
  assert.equal(left.refresh_token, right.refresh_token);
  assert.notEqual(left.refresh_token, first.body.refresh_token);
  for (const answer of [left, right]) {
    assert(!("device_token" in answer));
    await one.me(answer.access_token);
  }
  await one.post("/logout", { refresh_token: left.refresh_token }, 204);
  await one.me(right.access_token, 401);
  const gone = { refresh_token: left.refresh_token, token_delivery: "body" };
  await one.post("/refresh-token", gone, 401, "invalid_refresh_token");
  await two.me(again.access_token);
  await two.post("/logout", { refresh_token: again.refresh_token }, 204);
  await two.me(again.access_token, 401);
}

await register();
await byCookie();
await byBody();
await atOnce();
console.log(`clients: fetch of Node ${process.version} signs in, refreshes and signs out, by cookie and by body`);
