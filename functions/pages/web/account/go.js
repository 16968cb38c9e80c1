// Going to another view: the address names it, and whoever shows views listens for the change.

/** The page of the dashboard that led here to sign in. No other address is followed: it could be anybody's. */
const next = new URLSearchParams(location.search).get("next");
/** The page that was asked for by somebody who is to sign in first. */
let wanted = next !== null && /^\/dashboard(\/|\?|$)/.test(next) ? next : null;

/** `state` is what the view should know, such as an address that was just typed. */
export function go(path, state) {
  history.pushState(state ?? null, "", path);
  dispatchEvent(new PopStateEvent("popstate", { state }));
}

/** Keeps the page that is asked for until somebody has signed in. */
export function want(path) {
  wanted = path;
}

/** Where somebody goes who signs in: to the page that was asked for. */
export const destination = () => wanted ?? "/account";

/** Goes there. */
export function goOn(state) {
  const path = destination();
  wanted = null;
  // The dashboard is another document.
  if (path.startsWith("/dashboard")) location.assign(path);
  else go(path, state);
}
