// The dashboard with 10,000 users in the tables: the first rows of a list wait for one answer, and no request asks for more than
// 100 rows. The users are copies of one who registered, subscribed and paid; they are written straight to the tables. The
// times are printed for a person to read: on a busy machine they say nothing about the dashboard.

import { PASSWORD, WAIT, base, browser, contract, control, mail, parsed, person, read } from "./kit.mjs";

const USERS = 10_000;
const ADMIN = { email: "admin@localhost.test", password: process.env.ADMIN_PASSWORD };
const device = { name: "many", width: 1280, height: 900, scheme: "light" };
const NAME = "many00000";

/** A user with a subscription and a payment, whose items are copied. */
async function original() {
  const email = `${NAME}@many.example`;
  await contract("/register", { email, username: NAME, password: PASSWORD });
  await contract("/verify", { email, code: (await mail(email, "verify")).code });
  const { access_token: token, user } = await contract("/login", { email, password: PASSWORD });
  const { checkout_url } = await contract("/billing/subscriptions/subscribe", { plan_code: "pro" }, token);
  await fetch(checkout_url, { method: "POST", redirect: "manual", body: new URLSearchParams({ card: "4242424242424242" }) });
  await control("drain");
  return user.id.replace("usr_", "");
}

/** A copy of an item for user number `n`: other ids and another name. Ids of plans stay. */
function copy(text, n, plans) {
  const digits = n.toString(16).padStart(6, "0");
  const ids = /(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])/g;
  const ofStripe = /(?<=_)[0-9A-Za-z]{14,31}(?![0-9A-Za-z])/g;
  const named = text.replaceAll(NAME, `many${String(n).padStart(5, "0")}`).replaceAll(ids, (id) => (plans.has(id) ? id : id.slice(0, -6) + digits));
  return JSON.parse(named.replaceAll(ofStripe, (id) => id.slice(0, -6) + digits));
}

/** Writes items to a table, 25 at a time, as the embedded DynamoDB takes them. */
async function write(url, requests) {
  const headers = {
    "content-type": "application/x-amz-json-1.0",
    "x-amz-target": "DynamoDB_20120810.BatchWriteItem",
    "x-amz-date": "20300101T000000Z",
    authorization: "AWS4-HMAC-SHA256 Credential=local/20300101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=local",
  };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify({ RequestItems: requests }) });
  const answer = await response.text();
  if (!response.ok || Object.keys(JSON.parse(answer).UnprocessedItems ?? {}).length > 0) throw new Error(`BatchWriteItem: ${response.status} ${answer}`);
}

async function seed(user) {
  const started = performance.now();
  const { tables_url: url, table_prefix: prefix } = await parsed("/_local", await fetch(`${base}/_local`, { headers: { accept: "application/json" } }));
  const plans = new Set((await contract("/billing/plans")).items.map(({ id }) => id.replace("plan_", "")));
  const items = [];
  for (const name of ["identity", "gate", "billing", "audit"]) {
    const found = (await read(`tables/${name}`)).items.map((item) => JSON.stringify(item)).filter((text) => text.includes(user));
    if (found.length === 0) throw new Error(`no item of the user in ${name}`);
    items.push(...found.map((text) => [`${prefix}${name}`, text]));
  }
  const queue = Array.from({ length: USERS - 1 }, (_, n) => n + 1);
  const worker = async () => {
    while (queue.length > 0) {
      const writes = queue.splice(0, Math.max(1, Math.floor(25 / items.length))).flatMap((n) => items.map(([table, text]) => [table, copy(text, n, plans)]));
      for (let at = 0; at < writes.length; at += 25) {
        const requests = {};
        for (const [table, Item] of writes.slice(at, at + 25)) (requests[table] ??= []).push({ PutRequest: { Item } });
        await write(url, requests);
      }
    }
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  console.log(`${USERS} users with ${items.length} items each in ${Math.round(performance.now() - started)} ms`);
}

/** Records in the page when its first rows, or numbers, are shown, and how many answers of the admin API they needed. */
const watch = () => {
  const isThere = () => document.querySelector(".list tbody tr:not(.bones) td, .tile-value strong");
  new MutationObserver((_, observer) => {
    if (!isThere()) return;
    const answers = performance.getEntriesByType("resource").filter(({ name }) => new URL(name).pathname.startsWith("/admin/"));
    globalThis.firstRows = { ms: performance.now(), answers: answers.length };
    observer.disconnect();
  }).observe(document, { childList: true, subtree: true });
};

await seed(await original());
await control("schedules/rollup/run");
const admin = await person(device);
await admin.goto("/account/sign-in");
await admin.fill(ADMIN);
await admin.press("Sign in");
await admin.page.waitForFunction(() => document.querySelector("[name=password]") === null, WAIT);
await admin.page.evaluateOnNewDocument(watch);
const tooMany = [];
const perPage = [];
admin.page.on("response", async (response) => {
  const url = new URL(response.url());
  if (!url.pathname.startsWith("/admin/")) return;
  perPage.push(url.pathname);
  const limit = Number(url.searchParams.get("limit") ?? 20);
  const rows = (await response.json().catch(() => ({}))).items?.length ?? 0;
  if (limit > 100 || rows > 100) tooMany.push(`${url.pathname}: ${rows} rows, limit ${limit}`);
});
// The most answers of the admin API that the first rows of a page may wait for. The audit log waits 250 ms for names of users.
const pages = { "": 3, "/users": 1, "/subscriptions": 1, "/payments": 1, "/audit": Infinity };
for (const [path, most] of Object.entries(pages)) {
  // The best of five, which excludes most of the load of other programs.
  const times = [];
  const needed = [];
  for (let turn = 0; turn < 5; turn += 1) {
    perPage.length = 0;
    await admin.goto(`/dashboard${path}`);
    await admin.page.waitForFunction(() => globalThis.firstRows !== undefined, WAIT);
    const { ms, answers } = await admin.page.evaluate(() => globalThis.firstRows);
    times.push(Math.round(ms));
    needed.push(answers);
    if (answers > most) throw new Error(`/dashboard${path}: the first rows waited for ${answers} answers`);
    await admin.page.waitForNetworkIdle({ idleTime: 200, timeout: WAIT.timeout });
  }
  const asked = perPage.filter((name) => /^\/admin\/users\/usr_/.test(name)).length;
  if (asked > 0 && ["/subscriptions", "/payments"].includes(path)) throw new Error(`${path} asks for ${asked} users one by one`);
  console.log(`/dashboard${path}: first rows in ${Math.min(...times)} ms (${times.join(", ")}) after ${needed.join(", ")} answers`);
}
const { items } = await contract("/admin/users?q=many0999", undefined, (await contract("/login", ADMIN)).access_token);
if (items.length !== 10) throw new Error(`a search finds ${items.length} of the copies`);
if (tooMany.length > 0) throw new Error(`too many rows in one request: ${tooMany}`);
await browser.close();
console.log(`${USERS} users: the first rows of a page wait for few answers, at most 100 rows a request`);
