// The client of the HTTP API. The access token lives in this module's memory only; the refresh token is in a cookie that
// scripts cannot read.

import { PROVIDER_TIME, mayHaveSession, sessionEnded, sessionExpected, sessionRefused, sessionStarted } from "./session-hint.js";

/** An error response (RFC 9457), or a failed connection (status 0). */
export class Problem extends Error {
  constructor(status, body, retryAfter) {
    super(body.detail ?? "Something went wrong. Try again in a moment.");
    this.status = status;
    this.code = body.code ?? "unknown";
    this.errors = body.errors ?? [];
    this.invoiceUrl = body.invoice_url ?? null;
    this.requestId = body.request_id ?? null;
    this.retryAfter = retryAfter;
  }
}

/** Renewed this long before it expires. */
const EXPIRY_MARGIN_MS = 10_000;

let accessToken = null;
let expiresAt = 0;
let user = null;
let refreshing = null;

/** The tabs of a browser share the cookie: they tell each other when the session starts or ends. */
const tabs = new BroadcastChannel("tollgate-session");

/** Event on `window`: the session of this page ended, in another tab or at the service. */
export const SESSION_ENDED = "session-ended";
/** Event on `window`: a session started in another tab. */
export const SESSION_BEGUN = "session-begun";

tabs.addEventListener("message", async ({ data }) => {
  if (data === "ended" && accessToken !== null) {
    clearSession();
    dispatchEvent(new CustomEvent(SESSION_ENDED, { detail: "You signed out in another tab. Sign in to continue." }));
  }
  // Without the hint: it may reach this tab later than the message. If this fails, the next call reports it.
  if (data === "begun" && accessToken === null && (await refresh().catch(() => false))) dispatchEvent(new Event(SESSION_BEGUN));
});

function keepSession(tokens) {
  accessToken = tokens.access_token;
  expiresAt = Date.now() + tokens.expires_in * 1000 - EXPIRY_MARGIN_MS;
  user = tokens.user;
  sessionStarted();
}

function clearSession() {
  accessToken = null;
  user = null;
}

/** Starts the session of a TokenResponse. */
export function startSession(tokens) {
  keepSession(tokens);
  tabs.postMessage("begun");
}

async function send(method, path, body, extraHeaders) {
  const headers = { accept: "application/json", ...extraHeaders };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (accessToken) headers.authorization = `Bearer ${accessToken}`;
  let response;
  let text;
  try {
    response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    text = await response.text();
  } catch {
    throw new Problem(0, { code: "offline", detail: "We couldn't reach the service. Check your connection and try again." });
  }
  let answer = {};
  try {
    answer = text ? JSON.parse(text) : {};
  } catch {
    // The gateway's own responses are not JSON: the status decides.
  }
  if (!response.ok) throw new Problem(response.status, answer, response.headers.get("retry-after"));
  return answer;
}

function endSession() {
  tabs.postMessage("ended");
  dispatchEvent(new CustomEvent(SESSION_ENDED, { detail: "Your session has expired. Sign in to continue." }));
}

/** Calls the service. An access token that has expired, or that the service refuses, is renewed once. */
export async function call(method, path, body, headers) {
  const hadToken = accessToken !== null;
  const isExpired = hadToken && Date.now() >= expiresAt;
  try {
    if (isExpired) await resume();
    return await send(method, path, body, headers);
  } catch (problem) {
    if (!(problem instanceof Problem) || problem.code !== "unauthenticated" || !hadToken) throw problem;
    if (isExpired || !(await resume())) {
      clearSession();
      endSession();
      throw problem;
    }
    return send(method, path, body, headers);
  }
}

/** Resumes the session of the cookie; false without one. */
export async function resume() {
  return (accessToken !== null || mayHaveSession()) && refresh();
}

/** Gets an access token for the cookie; false without a session. Simultaneous callers share one request. */
function refresh() {
  refreshing ??= (async () => {
    try {
      keepSession(await send("POST", "/refresh-token", {}));
      return true;
    } catch (problem) {
      if (problem.code !== "invalid_refresh_token") throw problem;
      clearSession();
      sessionRefused();
      return false;
    } finally {
      refreshing = null;
    }
  })();
  return refreshing;
}

export async function signIn(email, password) {
  startSession(await send("POST", "/login", { email, password }));
}

export async function signInByCode(email, code) {
  startSession(await send("POST", "/login/code", { email, code }));
}

/** Leaves for a provider's page, to return to `path`. A refusal is reported here, not as a page of JSON. */
export async function continueWith(provider, path) {
  const address = `/${provider}/login?return_to=${encodeURIComponent(`${location.origin}${path}`)}`;
  const response = await fetch(address, { redirect: "manual", headers: { accept: "application/json" } }).catch(() => {
    throw new Problem(0, { code: "offline", detail: "We couldn't reach the service. Check your connection and try again." });
  });
  if (response.type !== "opaqueredirect") {
    throw new Problem(response.status, await response.json().catch(() => ({})), response.headers.get("retry-after"));
  }
  sessionExpected(PROVIDER_TIME);
  location.assign(address);
}

export async function signOut() {
  await send("POST", "/logout", {});
  forget();
}

/** Drops the session of this page: the service has ended it already. */
export function forget() {
  clearSession();
  sessionEnded();
  tabs.postMessage("ended");
}

export const isSignedIn = () => accessToken !== null;

/** The signed-in user as of the last token, or null. */
export const currentUser = () => user;
