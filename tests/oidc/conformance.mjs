// Sign-in with a certified OpenID provider in place of Google, whose acceptance and refusals are independent of this
// project.

import assert from "node:assert/strict";
import Provider from "oidc-provider";

const [base, port, clientId, clientSecret] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: clientId,
      client_secret: clientSecret,
      redirect_uris: [`${base}/auth/social/callback/google`],
      token_endpoint_auth_method: "client_secret_post",
    },
  ],
  cookies: { keys: ["a key for the cookies of this run"] },
  pkce: { required: () => true },
  // As at Google, the address is in the ID token.
  conformIdTokenClaims: false,
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
  features: { devInteractions: { enabled: true } },
  async findAccount(_, id) {
    return {
      accountId: id,
      claims: async () => ({ sub: id, email: `${id}@example.com`, email_verified: !id.startsWith("unverified"), name: id }),
    };
  },
});
const refusals = [];
provider.on("grant.error", (_, error) => refusals.push(error.error));
const server = provider.listen(Number(port), "127.0.0.1");

/** A browser that keeps cookies for both hosts, which differ only by port, in separate jars. */
class Browser {
  jars = new Map();

  async send(address, form, headers = {}) {
    const { host } = new URL(address);
    const jar = this.jars.get(host) ?? new Map();
    this.jars.set(host, jar);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(address, {
      method: form ? "POST" : "GET",
      redirect: "manual",
      headers: { ...headers, ...(cookie && { cookie }), ...(form && { "content-type": "application/x-www-form-urlencoded" }) },
      body: form && new URLSearchParams(form),
    });
    for (const line of response.headers.getSetCookie()) {
      const [pair] = line.split(";");
      const at = pair.indexOf("=");
      jar.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return response;
  }

  /** From the sign-in to the address to which the provider redirects. */
  async consent(account) {
    let response = await this.send(`${base}/google/login`);
    for (let step = 0; step < 20; step += 1) {
      if (response.status >= 300 && response.status < 400) {
        const next = new URL(response.headers.get("location"), issuer).href;
        if (next.startsWith(base)) return next;
        response = await this.send(next);
        continue;
      }
      const page = await response.text();
      const action = page.match(/action="([^"]+)"/)?.[1];
      const prompt = page.match(/name="prompt" value="([^"]+)"/)?.[1];
      assert(action && prompt, `${response.status}: ${page.slice(0, 300)}`);
      response = await this.send(new URL(action, issuer).href, { prompt, login: account, password: "any" });
    }
    throw new Error("no way back");
  }

  async callback(address) {
    const response = await this.send(address, undefined, { accept: "application/json" });
    return { status: response.status, body: await response.json() };
  }
}

const codeOf = (address) => new URL(address).searchParams.get("code");

try {
  const browser = new Browser();
  const first = await browser.callback(await browser.consent("ann"));
  assert.equal(first.status, 200, JSON.stringify(first.body));
  assert.equal(first.body.user.email, "ann@example.com");
  assert.equal(first.body.user.username, "ann");
  const again = new Browser();
  const second = await again.callback(await again.consent("ann"));
  assert.equal(second.body.user.id, first.body.user.id, "the same identity is the same account");

  const unverified = new Browser();
  const refused = await unverified.callback(await unverified.consent("unverified-bob"));
  assert.deepEqual([refused.status, refused.body.code], [400, "email_not_verified_by_provider"]);

  // The provider itself refuses a code of another flow (PKCE) and a code that was used.
  const [one, two] = [await browser.consent("ann"), await browser.consent("ann")];
  const swapped = await browser.callback(two.replace(codeOf(two), codeOf(one)));
  assert.deepEqual([swapped.status, swapped.body.code], [400, "oauth_denied"]);
  const third = await browser.consent("ann");
  const fourth = await browser.consent("ann");
  assert.equal((await browser.callback(third)).status, 200);
  const used = await browser.callback(fourth.replace(codeOf(fourth), codeOf(third)));
  assert.deepEqual([used.status, used.body.code], [400, "oauth_denied"]);
  assert.deepEqual(refusals, ["invalid_grant", "invalid_grant"], "both were the provider's own refusals");

  // An unreachable provider is reported as such.
  server.close();
  server.closeAllConnections();
  const orphan = new Browser();
  const begun = await orphan.send(`${base}/google/login`);
  const state = new URL(begun.headers.get("location")).searchParams.get("state");
  const gone = await orphan.callback(`${base}/auth/social/callback/google?code=x&state=${state}`);
  assert.deepEqual([gone.status, gone.body.code], [502, "oauth_provider_unavailable"]);
  console.log("oidc: a certified provider lets in whom it should, and refuses what it should");
} finally {
  server.close();
  server.closeAllConnections();
}
