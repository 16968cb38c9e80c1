// `drive.mjs BASE HELD EXAMPLES`: starts each example service, signs a user in at the stack at BASE, and calls the four
// routes with good tokens and with bad ones.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { createServer } from "node:net";

const [base, held, examples] = process.argv.slice(2);
const PASSWORD = "correct horse battery";
const PROTECTED = ["/notes", "/export", "/payout"];
/** An example that waits longer for keys or for an introspection is not usable. */
const TIMEOUT_MS = 5_000;

const services = [
  { name: "node", folder: `${held}/node`, command: ["node", "server.js"] },
  { name: "python", folder: `${examples}/python`, command: [`${held}/venv/bin/python`, "-B", "-m", "uvicorn", "server:app", "--port", "$PORT"] },
  { name: "go", folder: held, command: [`${held}/go-example`] },
];

/** Calls the stack; fails unless it answers with this status. */
async function stack(method, path, { body, token, status = 200 } = {}) {
  const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(base + path, { method, headers, body: body && JSON.stringify(body), redirect: "manual" });
  const text = await response.text();
  assert.equal(response.status, status, `${method} ${path}: ${response.status} ${text}`);
  return text && JSON.parse(text);
}

const signIn = (email, password = PASSWORD) => stack("POST", "/login", { body: { email, password, token_delivery: "body" } });

async function register(name) {
  const email = `${name}@example.com`;
  await stack("POST", "/register", { body: { email, username: `example-${name}`, password: PASSWORD }, status: 202 });
  await stack("POST", "/_local/drain");
  const { items } = await stack("GET", `/_local/emails?to=${encodeURIComponent(email)}`);
  await stack("POST", "/verify", { body: { email, code: items[0].code } });
  return email;
}

async function subscribe(token) {
  const { checkout_url } = await stack("POST", "/billing/subscriptions/subscribe", { token, body: { plan_code: "team" }, status: 201 });
  const paid = await fetch(checkout_url, { method: "POST", body: new URLSearchParams({ card: "4242424242424242" }), redirect: "manual" });
  assert(paid.status < 400, `the checkout: ${paid.status} ${await paid.text()}`);
  await stack("POST", "/_local/drain");
}

/** A service credential, which an admin creates. */
async function serviceCredential() {
  const { access_token } = await signIn("admin@localhost.test", process.env.ADMIN_PASSWORD);
  return stack("POST", "/admin/service-credentials", { token: access_token, body: { name: "examples" }, status: 201 });
}

const freePort = () =>
  new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });

async function start({ name, folder, command }, credential) {
  const port = await freePort();
  const env = { ...process.env, PORT: String(port), TOLLGATE_URL: base, TOLLGATE_CLIENT_ID: credential.id, TOLLGATE_CLIENT_SECRET: credential.secret };
  const [program, ...parameters] = command.map((part) => part.replace("$PORT", port));
  const child = spawn(program, parameters, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += data));
  const address = `http://127.0.0.1:${port}`;
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (child.exitCode !== null) break;
    if (await fetch(`${address}/public`).then((response) => response.ok, () => false)) return { name, address, output: () => output, stop: () => child.kill() };
    await new Promise((done) => setTimeout(done, 100));
  }
  child.kill();
  throw new Error(`the example ${name} does not start:\n${output}`);
}

async function call(service, path, token, scheme = "Bearer") {
  const headers = token === undefined ? {} : { authorization: `${scheme} ${token}` };
  const response = await fetch(service.address + path, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

async function expectStatus(service, path, token, status, what) {
  const answer = await call(service, path, token);
  assert.equal(answer.status, status, `${service.name} ${path} with ${what}: ${answer.status} ${answer.text}\n${service.output()}`);
  return answer;
}

async function expectRefusal(service, path, token, what) {
  const answer = await expectStatus(service, path, token, 401, what);
  assert.match(answer.headers.get("www-authenticate") ?? "", /^Bearer\b/, `${service.name} ${path} with ${what}`);
  assert.equal(JSON.parse(answer.text).code, "unauthenticated");
}

const encode = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const decode = (part) => JSON.parse(Buffer.from(part, "base64url"));

/** Signs with the key of the issuer: only the claims or the header are wrong. */
const signed = async (header, claims) => (await stack("POST", "/_local/tokens", { body: { header, claims } })).token;

/** Every kind of bad token by its name, made of a good one of the same user. */
async function badTokens(good, refreshToken) {
  const [header, claims] = good.split(".").slice(0, 2).map(decode);
  const now = Math.floor(Date.now() / 1000);
  const { keys } = await stack("GET", "/.well-known/jwks.json");
  const key = keys.find(({ kid }) => kid === header.kid);
  assert(key, "the key of the token is published");
  const pem = createPublicKey({ key, format: "jwk" }).export({ type: "spki", format: "pem" });
  const hmac = (secret) => {
    const input = `${encode({ ...header, alg: "HS256" })}.${encode(claims)}`;
    return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
  };
  const foreign = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const foreignJwk = foreign.publicKey.export({ format: "jwk" });
  const forged = (more) => {
    const input = `${encode({ ...header, alg: "ES256", ...more })}.${encode(claims)}`;
    return `${input}.${sign("sha256", Buffer.from(input), { key: foreign.privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
  };
  const without = (name) => Object.fromEntries(Object.entries(claims).filter(([claim]) => claim !== name));
  const { typ: _, ...untyped } = header;
  return {
    "another issuer": await signed(header, { ...claims, iss: "https://accounts.example.org" }),
    "another audience": await signed(header, { ...claims, aud: "https://api.example.org" }),
    "no audience": await signed(header, without("aud")),
    "an expiry 90 s ago": await signed(header, { ...claims, iat: now - 990, exp: now - 90 }),
    "no expiry": await signed(header, without("exp")),
    "no subject": await signed(header, without("sub")),
    "typ JWT": await signed({ ...header, typ: "JWT" }, claims),
    "no typ": await signed(untyped, claims),
    "alg none and no signature": `${encode({ ...header, alg: "none" })}.${encode(claims)}.`,
    "alg none and a signature": await signed({ ...header, alg: "none" }, claims),
    "HS256 with the public key as PEM": hmac(pem),
    "HS256 with the public key as DER": hmac(createPublicKey({ key, format: "jwk" }).export({ type: "spki", format: "der" })),
    "HS256 with the coordinates of the public key": hmac(Buffer.concat([key.x, key.y].filter(Boolean).map((part) => Buffer.from(part, "base64url")))),
    "a higher tier behind the same signature": `${good.split(".")[0]}.${encode({ ...claims, tier: 1000 })}.${good.split(".")[2]}`,
    "a foreign key of the same id": forged({}),
    "a foreign key in the header": forged({ kid: undefined, jwk: foreignJwk }),
    "an unknown key id": forged({ kid: "unknown" }),
    "another unknown key id": forged({ kid: "unknown-too" }),
    "a refresh token": refreshToken,
    "no token at all": "not.a.token",
    "nothing but a word": "token",
  };
}

/** Each published key verifies tokens, only in its own algorithm. */
async function checkAlgorithms(service, claims) {
  const { keys } = await stack("GET", "/.well-known/jwks.json");
  assert.deepEqual([...new Set(keys.map(({ alg }) => alg))].sort(), ["ES256", "EdDSA"]);
  for (const { alg, kid } of keys) {
    await expectStatus(service, "/notes", await signed({ alg, kid, typ: "at+jwt" }, claims), 200, `${alg} and a good token`);
    const other = alg === "ES256" ? "EdDSA" : "ES256";
    await expectRefusal(service, "/notes", await signed({ alg: other, kid, typ: "at+jwt" }, claims), `${other} and a key of ${alg}`);
  }
}

async function check(service) {
  const email = await register(service.name);
  const { access_token: token, refresh_token } = await signIn(email);
  await expectStatus(service, "/public", undefined, 200, "no token");
  for (const path of PROTECTED) {
    await expectRefusal(service, path, undefined, "no token");
    await expectRefusal(service, path, "", "an empty token");
  }
  assert.equal((await call(service, "/notes", token, "Basic")).status, 401);
  await expectStatus(service, "/notes", token, 200, "a good token");
  assert.equal((await call(service, "/notes", token, "bearer")).status, 200, "the scheme has no case");
  await expectStatus(service, "/payout", token, 200, "a good token");

  const refused = await expectStatus(service, "/export", token, 403, "tier 0");
  assert.match(refused.headers.get("content-type"), /^application\/problem\+json/);
  const problem = JSON.parse(refused.text);
  assert.deepEqual([problem.code, problem.required_tier, problem.tier, problem.upgrade_url], ["tier_required", 2, 0, `${base}/account/billing`]);

  await subscribe(token);
  // The token has the values of the time when it was issued; the next one has the tier.
  await expectStatus(service, "/export", token, 403, "a token from before the payment");
  const second = await stack("POST", "/refresh-token", { body: { refresh_token, token_delivery: "body" } });
  await expectStatus(service, "/export", second.access_token, 200, "tier 2");
  await expectStatus(service, "/payout", second.access_token, 200, "tier 2");

  const bad = await badTokens(second.access_token, second.refresh_token);
  for (const [what, text] of Object.entries(bad)) for (const path of PROTECTED) await expectRefusal(service, path, text, what);
  const [header, claims] = second.access_token.split(".").slice(0, 2).map(decode);
  await checkAlgorithms(service, claims);
  const late = Math.floor(Date.now() / 1000) - 10;
  await expectStatus(service, "/notes", await signed(header, { ...claims, iat: late - 900, exp: late }), 200, "an expiry 10 s ago");

  // Revocation: at once where the service introspects; elsewhere the token is valid until it expires.
  await stack("DELETE", "/sessions?all=true", { token: second.access_token, status: 204 });
  await expectRefusal(service, "/payout", second.access_token, "a revoked session");
  await expectStatus(service, "/notes", second.access_token, 200, "a revoked session");
  return Object.keys(bad).length;
}

const credential = await serviceCredential();
for (const description of services) {
  const service = await start(description, credential);
  try {
    const bad = await check(service);
    console.log(`examples/${service.name}: signed in, refused by tier, subscribed, revoked; ${bad} kinds of bad tokens refused`);
  } finally {
    service.stop();
  }
}
