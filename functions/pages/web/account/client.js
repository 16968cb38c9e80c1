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
  }
}

let accessToken = null;
let refreshing = null;

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
    if (!(await resume())) throw problem;
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
  accessToken = (await send("POST", "/login", { email, password })).access_token;
}

export async function signInByCode(email, code) {
  accessToken = (await send("POST", "/login/code", { email, code })).access_token;
}

/** Leaves for a provider; a problem on the way there is shown here and not as a bare answer. */
export async function leaveFor(provider) {
  const back = encodeURIComponent(`${location.origin}/account`);
  const way = `/${provider}/login?return_to=${back}`;
  const response = await fetch(way, { redirect: "manual", headers: { accept: "application/json" } });
  if (response.type !== "opaqueredirect") {
    throw new Problem(response.status, await response.json().catch(() => ({})), response.headers.get("retry-after"));
  }
  location.assign(way);
}

export async function signOut() {
  await send("POST", "/logout", {});
  accessToken = null;
}

/** Forgets the session here; the service has ended it already. */
export function forget() {
  accessToken = null;
}

export const isSignedIn = () => accessToken !== null;
