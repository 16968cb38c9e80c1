// Which page is shown: the address names it, and most pages require a session.

import { accountProblems } from "./account-problems.js";
import { brand } from "./brand.js";
import { SESSION_BEGUN, SESSION_ENDED, currentUser, isSignedIn, resume } from "./client.js";
import { h } from "./dom.js";
import { go, goOn, want } from "./go.js";
import { language } from "./language.js";
import { languages } from "./languages.js";
import { offers } from "./offer.js";
import { announce, failure } from "./panel.js";
import { addTexts } from "./problems.js";
import { readReturn, returnAddress, takeAfterVerification } from "./return.js";
import { chooseLanguage, chosenLanguage } from "./storage.js";
import { backLink, footer, tabs, userMenu } from "./views/frame.js";
import * as billing from "./views/billing.js";
import * as close from "./views/close.js";
import * as code from "./views/code.js";
import * as forgot from "./views/forgot.js";
import * as invitation from "./views/invitation.js";
import * as profile from "./views/profile.js";
import * as register from "./views/register.js";
import * as remove from "./views/delete.js";
import * as security from "./views/security.js";
import * as signIn from "./views/sign-in.js";
import * as verify from "./views/verify.js";

const signedOutPages = { "/account/sign-in": signIn, "/account/register": register, "/account/code": code, "/account/verify": verify, "/account/forgot": forgot };
const signedInPages = {
  "/account": profile,
  "/account/email": profile,
  "/account/security": security,
  "/account/password": security,
  "/account/methods": security,
  "/account/sessions": security,
  "/account/billing": billing,
  "/account/close": close,
  "/account/delete": remove,
};

/** The pages of what the service may not offer. */
const offerOf = new Map([[register, "sign_up"], [invitation, "invitations"], [forgot, "passwords"], [billing, "billing"]]);

/** The page at `path` of a person who is signed out. The link of an invitation leads to that of a registration. */
function signedOutPage(path) {
  const page = signedOutPages[path];
  return page === register && invitation.isInvited() ? invitation : page;
}

/** `page`; one that is not offered leads to the first page. */
function ifOffered(page) {
  return offerOf.has(page) && !offers(offerOf.get(page)) ? undefined : page;
}

const main = document.getElementById("view");

/** Counts the requests for a page: a page that is overtaken by a later one is not shown. */
let latest = 0;
/** Why the person has to sign in again. Shown once. */
let signInReason = null;

/** The path; `/account` with the parameters of a provider or of Stripe belongs to another page. */
function currentPath() {
  const path = location.pathname.replace(/\/$/, "");
  const query = new URLSearchParams(location.search);
  if (path !== "/account" || !isSignedIn()) return path;
  if (query.has("checkout")) return moveTo("/account/billing");
  if (query.has("linked") || query.has("error")) return moveTo("/account/security");
  return path;
}

function moveTo(path) {
  history.replaceState(history.state, "", path + location.search);
  return path;
}

/** `?next=` in the address of the sign-in is the page to show afterwards. It is removed from the address. */
function takeNext() {
  const query = new URLSearchParams(location.search);
  const next = query.get("next");
  if (next === null) return;
  want(next);
  query.delete("next");
  history.replaceState(history.state, "", location.pathname + (query.size > 0 ? `?${query}` : ""));
}

/** `?return_to=` is the address after the sign-in, for users who are signed out; elsewhere "Back" leads there. */
async function takeReturn() {
  const isRequested = new URLSearchParams(location.search).has("return_to");
  try {
    if ((await readReturn()) && signedOutPages[location.pathname.replace(/\/$/, "")]) want(returnAddress());
  } catch (problem) {
    if (isRequested) throw problem;
  }
}

/** The mailed link of a registration was opened in this tab: the user came from the product. */
function returnAfterVerification() {
  const address = isSignedIn() && location.pathname === "/account" ? takeAfterVerification() : null;
  if (address !== null) location.replace(address);
  return address !== null;
}

/**
 * A signed-in user reads the pages in the language of the account. True if the page is in another one, and this is not yet
 * the language that is chosen in the browser: then the page is loaded again.
 */
function changesLanguage() {
  const wanted = currentUser()?.locale?.split("-")[0];
  const isOther = wanted in languages && wanted !== language && wanted !== chosenLanguage();
  return isOther && chooseLanguage(wanted);
}

/** The state of the history entry. A notice is shown once: not after a reload, nor on the way back. */
function takeState() {
  const state = { ...history.state };
  if (state.notice) history.replaceState({ ...state, notice: undefined }, "");
  return state;
}

async function show() {
  latest += 1;
  const own = latest;
  if (changesLanguage()) return location.reload();
  takeNext();
  const path = currentPath();
  let page = ifOffered(signedInPages[path]) ?? ifOffered(signedOutPage(path)) ?? profile;
  if (page === signedOutPage(path) && isSignedIn()) return goOn(null, { replace: true });
  if (page !== signedOutPage(path) && !isSignedIn()) {
    want(path);
    page = signIn;
  }
  const hasTabs = [profile, security, billing].includes(page);
  const state = takeState();
  if (page === signIn && signInReason) state.notice = signInReason;
  let content;
  try {
    content = await page.view({ ...state, path });
  } catch (problem) {
    if (own !== latest) return;
    if (problem.code === "unauthenticated") return show();
    content = [h("h1", { tabindex: "-1" }, page.title), failure(problem, show)];
  }
  if (own !== latest) return;
  if (page === signIn) signInReason = null;
  document.title = `${page.title} · ${brand.name}`;
  main.className = hasTabs ? "page" : "card";
  main.replaceChildren(...(hasTabs ? [backLink(), tabs(page.address)] : []).filter(Boolean), ...content.filter(Boolean));
  document.getElementById("user").replaceChildren(...userMenu());
  announce("");
  focusOn(path);
}

/** The focus goes to the section that the address names, otherwise to the heading: screen readers continue from there. */
function focusOn(path) {
  const section = main.querySelector(`[data-path="${path}"]`);
  const target = section?.querySelector("h2") ?? main.querySelector("h1");
  if (!target) return;
  target.focus({ preventScroll: true });
  if (section) section.scrollIntoView();
  else scrollTo(0, 0);
}

async function start() {
  try {
    await Promise.all([resume(), takeReturn()]);
  } catch (problem) {
    const retry = () => start();
    main.replaceChildren(h("h1", { tabindex: "-1" }, problem.code === "offline" ? t.offline_title : t.failed_title), failure(problem, retry));
    if (problem.code === "offline") addEventListener("online", retry, { once: true });
    return;
  }
  if (!returnAfterVerification()) await show();
}

addEventListener("popstate", show);
addEventListener(SESSION_ENDED, ({ detail }) => {
  signInReason = detail;
  show();
});
addEventListener(SESSION_BEGUN, () => goOn(null, { replace: true }));
document.addEventListener("click", (event) => {
  if (event.target.closest?.(".skip")) {
    // A change of the fragment would show the page again.
    event.preventDefault();
    (main.querySelector("h1") ?? main).focus();
    return;
  }
  const link = event.target.closest?.("a[href^='/account']");
  if (!link || link.target || event.defaultPrevented || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(link.getAttribute("href"));
});

addTexts(accountProblems);
document.getElementById("footer").append(...footer());
await start();
