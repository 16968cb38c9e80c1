// The one client of the contract. The access token lives in this module's memory alone; the refresh token in a cookie
// that no script can read.

/** An answer that is a problem (RFC 9457). */
export class Problem extends Error {
  constructor(status, body, retryAfter) {
    super(body.detail ?? "Something went wrong. Try again in a moment.");
    this.status = status;
    this.code = body.code ?? "unknown";
    this.errors = body.errors ?? [];
    this.invoiceUrl = body.invoice_url ?? null;
    this.retryAfter = retryAfter;
    this.requestId = body.request_id ?? null;
  }
}

let accessToken = null;
let refreshing = null;

/** By what the tabs of this browser tell each other that the session has begun or ended: they share its cookie. */
const tabs = new BroadcastChannel("tollgate-session");

/** Told on `window` when the session of this page has ended: in another tab, or at the service. */
export const SESSION_ENDED = "session-ended";
/** Told on `window` when a session has begun in another tab. */
export const SESSION_BEGUN = "session-begun";

tabs.addEventListener("message", async ({ data }) => {
  if (data === "ended" && accessToken !== null) {
    accessToken = null;
    dispatchEvent(new CustomEvent(SESSION_ENDED, { detail: "Your session ended in another tab. Sign in to go on." }));
  }
  // Without a session the next call says so: what fails here needs no word.
  if (data === "begun" && accessToken === null && (await resume().catch(() => false))) dispatchEvent(new Event(SESSION_BEGUN));
});

/** Takes up the session of this access token. */
export function begin(token) {
  accessToken = token;
  tabs.postMessage("begun");
}

async function send(method, path, body, more) {
  const headers = { accept: "application/json", ...more };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (accessToken) headers.authorization = `Bearer ${accessToken}`;
  let response;
  try {
    response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Problem(0, { code: "offline", detail: "The service cannot be reached. Is the network there?" });
  }
  const text = await response.text();
  let answer = {};
  try {
    answer = text ? JSON.parse(text) : {};
  } catch {
    // not JSON: the gateway's own answer, told by its status
  }
  if (!response.ok) throw new Problem(response.status, answer, response.headers.get("retry-after"));
  return answer;
}

/** Calls the service, with `headers` of its own if it needs some; an access token that has ended is renewed once. */
export async function call(method, path, body, headers) {
  const hadToken = accessToken !== null;
  try {
    return await send(method, path, body, headers);
  } catch (problem) {
    if (!(problem instanceof Problem) || problem.code !== "unauthenticated" || !hadToken) throw problem;
    if (!(await resume())) {
      tabs.postMessage("ended");
      dispatchEvent(new CustomEvent(SESSION_ENDED, { detail: "Your session has ended. Sign in to go on." }));
      throw problem;
    }
    return send(method, path, body, headers);
  }
}

/** Takes the session of the cookie up again; false when there is none. Several callers share one request. */
export function resume() {
  refreshing ??= (async () => {
    try {
      accessToken = (await send("POST", "/refresh-token", {})).access_token;
      return true;
    } catch (problem) {
      if (problem.code !== "invalid_refresh_token") throw problem;
      accessToken = null;
      return false;
    } finally {
      refreshing = null;
    }
  })();
  return refreshing;
}

export async function signIn(email, password) {
  begin((await send("POST", "/login", { email, password })).access_token);
}

export async function signInByCode(email, code) {
  begin((await send("POST", "/login/code", { email, code })).access_token);
}

/** Leaves for a provider, to come back to the page at `path`; a problem on the way is shown here and not as a bare answer. */
export async function leaveFor(provider, path) {
  const back = encodeURIComponent(`${location.origin}${path}`);
  const way = `/${provider}/login?return_to=${back}`;
  const response = await fetch(way, { redirect: "manual", headers: { accept: "application/json" } });
  if (response.type !== "opaqueredirect") {
    throw new Problem(response.status, await response.json().catch(() => ({})), response.headers.get("retry-after"));
  }
  location.assign(way);
}

export async function signOut() {
  await send("POST", "/logout", {});
  forget();
}

/** Forgets the session here; the service has ended it already. */
export function forget() {
  accessToken = null;
  tabs.postMessage("ended");
}

export const isSignedIn = () => accessToken !== null;
