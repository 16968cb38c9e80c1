// Verifies Tollgate's access tokens. Copy this file into your service.

import { createRemoteJWKSet, errors, jwtVerify } from "jose";

/** `APP_URL` of Tollgate: the issuer of the tokens. */
export const ISSUER = (process.env.TOLLGATE_URL ?? "http://127.0.0.1:8080").replace(/\/$/, "");
/** `TOKEN_AUDIENCE` of Tollgate; by default its `APP_URL`. */
const AUDIENCE = process.env.TOLLGATE_AUDIENCE ?? ISSUER;
/** The service credential with which this service may introspect tokens. */
const { TOLLGATE_CLIENT_ID, TOLLGATE_CLIENT_SECRET } = process.env;

const response = await fetch(`${ISSUER}/.well-known/openid-configuration`, { signal: AbortSignal.timeout(10_000) });
if (!response.ok) throw new Error(`discovery at ${ISSUER}: status ${response.status}`);
const discovery = await response.json();
if (discovery.issuer !== ISSUER) throw new Error(`TOLLGATE_URL is ${ISSUER}, but the issuer is ${discovery.issuer}`);

// Cached for 5 minutes. A key that is not known yet is requested at once, at most every 30 seconds.
const keys = createRemoteJWKSet(new URL(discovery.jwks_uri), { cacheMaxAge: 300_000, cooldownDuration: 30_000 });

/** Answers 401; `error` is that of RFC 6750. */
function refuse(res, error) {
  res.set("www-authenticate", error ? `Bearer error="${error}"` : "Bearer");
  problem(res, 401, "unauthenticated", "Send a valid access token.");
}

function problem(res, status, code, detail, more) {
  const body = { type: `${ISSUER}/problems/${code}`, title: code.replaceAll("_", " "), status, detail, code, ...more };
  res.status(status).type("application/problem+json").send(JSON.stringify(body));
}

/** Whether the token itself is wrong, and not the connection to Tollgate. */
const isTokenError = (error) =>
  error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout) && error.code !== "ERR_JOSE_GENERIC";

/** For signed-in users: `req.user` has the claims of the token. */
export async function requireUser(req, res, next) {
  const token = /^Bearer +([\w.~+/-]+=*)$/i.exec(req.get("authorization") ?? "")?.[1];
  if (!token) return refuse(res);
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer: ISSUER,
      audience: AUDIENCE,
      typ: "at+jwt",
      algorithms: ["ES256", "EdDSA"],
      requiredClaims: ["sub", "exp", "iat"],
      clockTolerance: 30,
    });
    req.user = payload;
    req.token = token;
  } catch (error) {
    if (isTokenError(error)) return refuse(res, "invalid_token");
    console.error("the keys of Tollgate cannot be read:", error.message);
    return problem(res.set("retry-after", "5"), 503, "unavailable", "Try again in a moment.");
  }
  next();
}

/** For users whose plan has at least this tier. Comes after requireUser. */
export const requireTier = (required) => (req, res, next) => {
  const tier = req.user.tier ?? 0;
  if (tier >= required) return next();
  const more = { required_tier: required, tier, upgrade_url: `${ISSUER}/account/billing` };
  problem(res, 403, "tier_required", `This needs a plan of tier ${required}.`, more);
};

/** Asks Tollgate whether the session still exists: revocation and changes of plan apply at once. Comes after requireUser. */
export async function requireLiveSession(req, res, next) {
  let answer;
  try {
    const credential = Buffer.from(`${TOLLGATE_CLIENT_ID}:${TOLLGATE_CLIENT_SECRET}`).toString("base64");
    const response = await fetch(discovery.introspection_endpoint, {
      method: "POST",
      headers: { authorization: `Basic ${credential}` },
      body: new URLSearchParams({ token: req.token }),
      signal: AbortSignal.timeout(5_000),
    });
    if (!response.ok) throw new Error(`status ${response.status}`);
    answer = await response.json();
  } catch (error) {
    console.error("introspection failed:", error.message);
    return problem(res.set("retry-after", "5"), 503, "unavailable", "Try again in a moment.");
  }
  if (!answer.active) return refuse(res, "invalid_token");
  Object.assign(req.user, answer);
  next();
}
