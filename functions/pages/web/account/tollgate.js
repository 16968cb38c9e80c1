// tollgate.js: the browser's client of Tollgate, without dependencies. Tollgate serves it at /account/tollgate.js:
//
//   import { Tollgate } from "APP_URL/account/tollgate.js"; // APP_URL: the address of Tollgate
//   const tollgate = new Tollgate();
//   await tollgate.resume();                        // the session of the cookie, if there is one
//   await tollgate.signIn(email, password);         // or location.assign(tollgate.signInUrl())
//   await tollgate.fetch("/notes");                 // your API, with the access token
//   await tollgate.subscribe("pro");                // leaves for the checkout
//   await tollgate.signOut();
//
// The access token lives in the memory of the tabs only. The refresh token is in a cookie that scripts cannot read. The
// tabs of an origin share their tokens: one of them renews, the others take what it got.

/** An error response (RFC 9457), or a failed connection (status 0, code "offline"). */
export class Problem extends Error {
  constructor(status, body, retryAfter = null) {
    super(body.detail ?? "Something went wrong. Try again in a moment.");
    this.name = "Problem";
    this.status = status;
    this.code = body.code ?? "unknown";
    this.errors = body.errors ?? [];
    this.invoiceUrl = body.invoice_url ?? null;
    this.requestId = body.request_id ?? null;
    this.retryAfter = retryAfter;
  }
}

/** A token is renewed this long before it expires. */
const EXPIRY_MARGIN_MS = 10_000;
/** How long a renewal may take, before another tab tries. */
const RENEWAL_TIMEOUT_MS = 20_000;
/** How long the token of another tab may be on its way, after that tab has renewed it. */
const DELIVERY_MS = 50;

/** The Problem of a failed connection. */
export function offline() {
  return new Problem(0, { code: "offline", detail: "We couldn't reach the service. Check your connection and try again." });
}

const pause = (duration) => new Promise((done) => setTimeout(done, duration));

/**
 * One session. Events:
 *
 * - `signed-in`: a session started; `detail.elsewhere` is true if another tab started it
 * - `signed-out`: it ended; `detail.elsewhere` as above
 * - `expired`: the service has ended it
 * - `refused`: there is no session for the cookie
 */
export class Tollgate extends EventTarget {
  #url;
  #apis;
  #tabs;
  #lock;
  #accessToken = null;
  #expiresAt = 0;
  #user = null;
  #renewal = null;

  /**
   * `url`: the address of Tollgate; by default the origin that this module was loaded from.
   * `apis`: the origins that `fetch` sends the token to, beside the page's own.
   */
  constructor({ url = new URL(import.meta.url).origin, apis = [] } = {}) {
    super();
    this.#url = url.replace(/\/$/, "");
    this.#apis = [location.origin, ...apis].map((api) => new URL(api).origin);
    this.#lock = `tollgate-renewal ${this.#url}`;
    this.#tabs = new BroadcastChannel(`tollgate-session ${this.#url}`);
    this.#tabs.addEventListener("message", ({ data }) => this.#receive(data));
  }

  /** The signed-in user as of the last token, or null. */
  get user() {
    return this.#user;
  }

  get isSignedIn() {
    return this.#accessToken !== null;
  }

  /** Resumes the session of the cookie, or renews the token of this page; false without a session. */
  async resume() {
    this.#renewal ??= this.#renewOnce().finally(() => {
      this.#renewal = null;
    });
    return this.#renewal;
  }

  async signIn(email, password) {
    this.start(await this.#send("POST", "/login", { email, password }));
  }

  /** By the code that `call("POST", "/request/login-code", { email })` mails. */
  async signInByCode(email, code) {
    this.start(await this.#send("POST", "/login/code", { email, code }));
  }

  /** Leaves for `google` or `github`. A refusal is thrown here, rather than shown as a page of JSON. */
  async continueWith(provider, returnTo = location.href) {
    const address = `${this.#url}/${provider}/login?return_to=${encodeURIComponent(returnTo)}`;
    const response = await fetch(address, { redirect: "manual", headers: { accept: "application/json" } }).catch(() => {
      throw offline();
    });
    if (response.type !== "opaqueredirect") throw await problemOf(response);
    location.assign(address);
  }

  /** Starts the session of a TokenResponse, such as that of /verify. */
  start(tokens) {
    this.#keep({ ...tokens, expires_at: Date.now() + tokens.expires_in * 1000 });
    this.#share("begun");
    this.#dispatch("signed-in", { elsewhere: false });
  }

  async signOut() {
    await this.#send("POST", "/logout", {});
    this.forget();
  }

  /** Drops the session of this page: the service has ended it already. */
  forget() {
    this.#clear();
    this.#tabs.postMessage({ kind: "ended" });
    this.#dispatch("signed-out", { elsewhere: false });
  }

  /**
   * Calls Tollgate: the JSON of the response, or a Problem. An access token that has expired, or that the service refuses,
   * is renewed once.
   */
  async call(method, path, body, headers) {
    const hadToken = this.isSignedIn;
    const isExpired = hadToken && this.#isExpired();
    try {
      if (isExpired) await this.resume();
      return await this.#send(method, path, body, headers);
    } catch (problem) {
      if (!(problem instanceof Problem) || problem.code !== "unauthenticated" || !hadToken) throw problem;
      if (isExpired || !(await this.resume())) {
        this.#expire();
        throw problem;
      }
      return this.#send(method, path, body, headers);
    }
  }

  /** As the browser's fetch, with the access token: for your own API. A token that it refuses is renewed once. */
  async fetch(input, init) {
    const request = new Request(input, init);
    const { origin } = new URL(request.url);
    if (!this.#apis.includes(origin)) throw new TypeError(`${origin} is not among the origins that get the access token`);
    const hadToken = this.isSignedIn;
    if (hadToken && this.#isExpired() && !(await this.resume())) this.#expire();
    const again = request.clone();
    const response = await fetch(this.#withToken(request));
    if (response.status !== 401 || !this.isSignedIn) return response;
    if (await this.resume()) return fetch(this.#withToken(again));
    this.#expire();
    return response;
  }

  /** Leaves for the checkout of a plan. It returns to `CHECKOUT_SUCCESS_URL`, by default FRONTEND_URL with `?checkout=success`. */
  async subscribe(planCode) {
    const key = { "idempotency-key": crypto.randomUUID() };
    const { checkout_url } = await this.call("POST", "/billing/subscriptions/subscribe", { plan_code: planCode }, key);
    location.assign(checkout_url);
  }

  /** Leaves for Stripe's customer portal, which returns to FRONTEND_URL. */
  async openPortal() {
    const { url } = await this.call("POST", "/billing/portal");
    location.assign(url);
  }

  /**
   * After a checkout: waits until the subscription gives access, then renews the token, so that it has the new tier. The
   * subscription as it is then, or as it is after `attempts` seconds; null without one, or if `isWanted` turns false.
   */
  async confirmCheckout({ attempts = 15, isWanted = () => true } = {}) {
    let subscription = null;
    for (let attempt = 0; attempt < attempts && !subscription?.has_access; attempt += 1) {
      if (attempt > 0) await pause(1000);
      if (!isWanted()) return null;
      // A request that fails is followed by the next one.
      subscription = await this.call("GET", "/billing/subscriptions/me").catch(() => subscription);
    }
    if (subscription?.has_access) await this.resume();
    return subscription;
  }

  /** Tollgate's own pages, which lead back to `returnTo`: an address of an allowed origin. */
  signInUrl(returnTo = location.href) {
    return this.#page("sign-in", returnTo);
  }

  registerUrl(returnTo = location.href) {
    return this.#page("register", returnTo);
  }

  billingUrl(returnTo = location.href) {
    return this.#page("billing", returnTo);
  }

  #page(name, returnTo) {
    return `${this.#url}/account/${name}?return_to=${encodeURIComponent(returnTo)}`;
  }

  #isExpired() {
    return Date.now() >= this.#expiresAt - EXPIRY_MARGIN_MS;
  }

  #keep({ access_token, expires_at, user }) {
    this.#accessToken = access_token;
    this.#expiresAt = expires_at;
    this.#user = user;
  }

  #clear() {
    this.#accessToken = null;
    this.#expiresAt = 0;
    this.#user = null;
  }

  /** The service refused the token and the cookie. */
  #expire() {
    this.#clear();
    this.#tabs.postMessage({ kind: "ended" });
    this.#dispatch("expired", {});
  }

  #dispatch(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** Gives the token to the other tabs of this origin. */
  #share(kind) {
    this.#tabs.postMessage({ kind, tokens: { access_token: this.#accessToken, expires_at: this.#expiresAt, user: this.#user } });
  }

  #receive({ kind, tokens }) {
    if (kind === "ended" && this.isSignedIn) {
      this.#clear();
      this.#dispatch("signed-out", { elsewhere: true });
    }
    if (kind === "begun" && !this.isSignedIn) {
      this.#keep(tokens);
      this.#dispatch("signed-in", { elsewhere: true });
    } else if (tokens?.user.id === this.#user?.id && tokens?.expires_at > this.#expiresAt) {
      this.#keep(tokens);
    }
  }

  /** One tab at a time. One that had to wait takes the token of the tab before it. */
  async #renewOnce() {
    if (!navigator.locks) return this.#renew();
    const before = this.#accessToken;
    const granted = await navigator.locks.request(this.#lock, { ifAvailable: true }, async (lock) => (lock ? { isDone: await this.#renew() } : null));
    if (granted) return granted.isDone;
    return navigator.locks.request(this.#lock, async () => {
      await pause(DELIVERY_MS);
      return (this.isSignedIn && this.#accessToken !== before) || this.#renew();
    });
  }

  async #renew() {
    try {
      const tokens = await this.#send("POST", "/refresh-token", {}, {}, AbortSignal.timeout(RENEWAL_TIMEOUT_MS));
      this.#keep({ ...tokens, expires_at: Date.now() + tokens.expires_in * 1000 });
      this.#share("renewed");
      return true;
    } catch (problem) {
      if (problem.code !== "invalid_refresh_token") throw problem;
      this.#clear();
      this.#dispatch("refused", {});
      return false;
    }
  }

  #withToken(request) {
    if (this.isSignedIn) request.headers.set("authorization", `Bearer ${this.#accessToken}`);
    return request;
  }

  async #send(method, path, body, extraHeaders, signal) {
    const headers = { accept: "application/json", ...extraHeaders };
    if (body !== undefined) headers["content-type"] = "application/json";
    if (this.isSignedIn) headers.authorization = `Bearer ${this.#accessToken}`;
    const options = { method, headers, body: body === undefined ? undefined : JSON.stringify(body), credentials: "include", signal };
    const response = await fetch(`${this.#url}${path}`, options).catch(() => {
      throw offline();
    });
    if (!response.ok) throw await problemOf(response);
    const text = await response.text().catch(() => {
      throw offline();
    });
    return text ? JSON.parse(text) : {};
  }
}

/** The gateway's own responses are not JSON: the status decides. */
async function problemOf(response) {
  return new Problem(response.status, await response.json().catch(() => ({})), response.headers.get("retry-after"));
}
