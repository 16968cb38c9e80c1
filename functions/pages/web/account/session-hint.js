// Whether this browser may have a session. The cookie of the session is not readable by scripts; without this hint, each
// visit of a person who is not signed in would start with a request that is refused.

import { browserStorage } from "./storage.js";

const NAME = "session";
const ACTIVE = "active";
const MINUTE = 60_000;

/** The time limit of a sign-in at a provider, and that of a registration's link. */
export const PROVIDER_TIME = 10 * MINUTE;
export const REGISTRATION_TIME = 24 * 60 * MINUTE;

export const sessionStarted = () => browserStorage.set(NAME, ACTIVE);

/** A session may start outside of these pages, until `duration` milliseconds from now. */
export function sessionExpected(duration) {
  if (browserStorage.get(NAME) !== ACTIVE) browserStorage.set(NAME, Date.now() + duration);
}

export const sessionEnded = () => browserStorage.remove(NAME);

/** The service refused the cookie. One that is still expected may come later. */
export function sessionRefused() {
  if (browserStorage.get(NAME) === ACTIVE) sessionEnded();
}

/** A front end that leads here may have its own sign-in. */
function comesFromElsewhere(query) {
  return query.has("return_to") || (document.referrer !== "" && new URL(document.referrer).origin !== location.origin);
}

export function mayHaveSession() {
  if (!browserStorage.isAvailable()) return true;
  const query = new URLSearchParams(location.search);
  const hint = browserStorage.get(NAME);
  if (hint === ACTIVE || query.has("checkout") || query.has("linked")) return true;
  if (query.has("error")) return false;
  return Number(hint ?? 0) > Date.now() || comesFromElsewhere(query);
}
