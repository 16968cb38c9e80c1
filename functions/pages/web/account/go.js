// Navigation between pages. The address names the page; main.js listens and shows it.

import { returnAddress, takeAfterVerification } from "./return.js";
import { tabStorage } from "./storage.js";

const NAME = "destination";
const HOME = "/account";

/** Goes to a page of the account. `state` is what the page should know, such as an address that was just typed. */
export function go(path, state, { replace = false } = {}) {
  if (replace) history.replaceState(state ?? null, "", path);
  else history.pushState(state ?? null, "", path);
  dispatchEvent(new PopStateEvent("popstate", { state }));
}

/** Whether `path` is an address of the account pages or the dashboard of this origin. */
function isOwn(path) {
  const url = URL.canParse(path, location.origin) ? new URL(path, location.origin) : null;
  return url !== null && url.origin === location.origin && /^\/(account|dashboard)(\/|$)/.test(url.pathname);
}

/** Whether `path` is a page to lead to: one of this origin, or the checked address of `?return_to=`. */
const isAllowed = (path) => path !== null && (isOwn(path) || path === returnAddress());

/** Keeps the page that was requested until the person has signed in. Other addresses are ignored. */
export function want(path) {
  if (isAllowed(path)) tabStorage.set(NAME, path);
}

/** The page after the sign-in: the one that was requested. */
export function destination() {
  const path = tabStorage.get(NAME);
  return isAllowed(path) ? path : HOME;
}

/** Goes to the page that was requested before the sign-in. The dashboard and the product are documents of their own. */
export function goOn(state, options) {
  const path = destination();
  tabStorage.remove(NAME);
  if (!isOwn(path)) {
    takeAfterVerification();
    location.replace(path);
  } else if (new URL(path, location.origin).pathname.startsWith("/dashboard")) location.assign(path);
  else go(path, state, options);
}
