// The session of these pages: tollgate.js, and the hints about the session in this browser.

import { PROVIDER_TIME, mayHaveSession, sessionEnded, sessionExpected, sessionRefused, sessionStarted } from "./session-hint.js";
import { Tollgate } from "./tollgate.js";

const tollgate = new Tollgate();

/** Event on `window`: the session of this page ended, in another tab or at the service. */
export const SESSION_ENDED = "session-ended";
/** Event on `window`: a session started in another tab. */
export const SESSION_BEGUN = "session-begun";

const showEnd = (detail) => dispatchEvent(new CustomEvent(SESSION_ENDED, { detail }));

tollgate.addEventListener("signed-in", ({ detail }) => {
  sessionStarted();
  if (detail.elsewhere) dispatchEvent(new Event(SESSION_BEGUN));
});
tollgate.addEventListener("signed-out", ({ detail }) => {
  if (detail.elsewhere) showEnd(t.signed_out_elsewhere);
  else sessionEnded();
});
tollgate.addEventListener("expired", () => showEnd(t.session_expired));
tollgate.addEventListener("refused", sessionRefused);

/** Resumes the session of the cookie; false without one. */
export async function resume() {
  const isResumed = (tollgate.isSignedIn || mayHaveSession()) && (await tollgate.resume());
  if (isResumed) sessionStarted();
  return isResumed;
}

/** Leaves for a provider's page, to return to `path`. */
export async function continueWith(provider, path) {
  await tollgate.continueWith(provider, `${location.origin}${path}`);
  sessionExpected(PROVIDER_TIME);
}

export const call = (method, path, body, headers) => tollgate.call(method, path, body, headers);
export const confirmCheckout = (options) => tollgate.confirmCheckout(options);
export const forget = () => tollgate.forget();
export const openPortal = () => tollgate.openPortal();
export const signIn = (email, password) => tollgate.signIn(email, password);
export const signInByCode = (email, code) => tollgate.signInByCode(email, code);
export const signOut = () => tollgate.signOut();
export const startSession = (tokens) => tollgate.start(tokens);
export const subscribe = (planCode) => tollgate.subscribe(planCode);

export const isSignedIn = () => tollgate.isSignedIn;

/** The signed-in user as of the last token, or null. */
export const currentUser = () => tollgate.user;
