// Navigation between pages. The address names the page; main.js listens and shows it.

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

/** Keeps the page that was requested until the person has signed in. Other addresses are ignored. */
export function want(path) {
  if (isOwn(path)) tabStorage.set(NAME, path);
}

/** The page after the sign-in: the one that was requested. */
export function destination() {
  const path = tabStorage.get(NAME);
  return path !== null && isOwn(path) ? path : HOME;
}

/** Goes to the page that was requested before the sign-in. The dashboard is a document of its own. */
export function goOn(state, options) {
  const path = destination();
  tabStorage.remove(NAME);
  if (new URL(path, location.origin).pathname.startsWith("/dashboard")) location.assign(path);
  else go(path, state, options);
}
