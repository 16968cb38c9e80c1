// The shown page: the address names it, and only a signed-in admin sees it.

import { call, isSignedIn } from "../account/client.js";
import { h } from "../account/dom.js";
import { readOffer } from "../account/return.js";
import { enableJump } from "./jump.js";
import { keepNames } from "./names.js";
import { go, query } from "./router.js";
import { admin, guard, identify, leave, signInPath } from "./session.js";
import { markPage, showSide } from "./side.js";
import { problemPanel } from "./ui/problem.js";
import { pageHead } from "./ui/parts.js";
import { toastProblem } from "./ui/toast.js";
import * as audit from "./views/audit.js";
import * as overview from "./views/overview.js";
import * as payments from "./views/payments.js";
import * as plans from "./views/plans.js";
import * as reports from "./views/reports.js";
import * as subscriptions from "./views/subscriptions.js";
import * as system from "./views/system.js";
import * as user from "./views/user.js";
import * as users from "./views/users.js";

/** The pages by their path; ":id" takes any one part. */
const routes = [
  ["/dashboard", overview],
  ["/dashboard/users", users],
  ["/dashboard/users/:id", user],
  ["/dashboard/subscriptions", subscriptions],
  ["/dashboard/payments", payments],
  ["/dashboard/plans", plans],
  ["/dashboard/audit", audit],
  ["/dashboard/reports", reports],
  ["/dashboard/reports/:id", reports],
  ["/dashboard/system", system],
];

const place = document.getElementById("view");
const SKELETON_MS = 150;

/** Counts the requests for a page: a page that is overtaken by a later one is not shown. */
let turn = 0;
/** Whether a problem is shown in place of the page. */
let isFailed = false;

function match(path) {
  const parts = path.split("/");
  for (const [pattern, target] of routes) {
    const names = pattern.split("/");
    if (names.length !== parts.length || !names.every((name, at) => name === parts[at] || (name === ":id" && parts[at] !== ""))) continue;
    return { target, params: names.includes(":id") ? { id: parts[names.indexOf(":id")] } : {} };
  }
  return null;
}

function fill(...nodes) {
  place.removeAttribute("aria-busy");
  place.replaceChildren(...nodes);
}

async function show({ isFirst = false } = {}) {
  turn += 1;
  const own = turn;
  const path = location.pathname.replace(/\/$/, "");
  const found = match(path);
  isFailed = false;
  markPage(path);
  const title = found?.target.title ?? "Page not found";
  document.title = `${title} · Tollgate`;
  if (!found) return fill(pageHead(title), h("p", {}, "There is no page at this address. ", h("a", { href: "/dashboard" }, "Go to the overview")));
  place.setAttribute("aria-busy", "true");
  const skeleton = setTimeout(() => own === turn && place.replaceChildren(h("p", { class: "hidden", role: "status" }, "Loading"), h("div", { class: "bones-page" }, h("span", { class: "bone" }), h("span", { class: "bone" }), h("span", { class: "bone" }))), SKELETON_MS);
  let content;
  try {
    content = await found.target.view({ params: found.params, query: query() });
  } catch (problem) {
    if (own !== turn) return;
    isFailed = true;
    content = problem.code === "forbidden" && !(await isAdmin()) ? refused() : [pageHead(title), problemPanel(problem, () => show())];
  } finally {
    clearTimeout(skeleton);
  }
  if (own !== turn) return;
  fill(...content.filter(Boolean));
  if (isFirst) return;
  scrollTo(0, 0);
  place.focus({ preventScroll: true });
}

async function isAdmin() {
  return call("GET", "/me").then(({ is_admin }) => is_admin, () => true);
}

/** The page for a user who is not an admin. */
function refused() {
  document.getElementById("frame").classList.add("bare");
  document.querySelector(".side")?.remove();
  const { email } = admin();
  return [
    pageHead("Administrators only"),
    h("p", {}, "You are signed in as ", h("strong", { dir: "auto" }, email), ", which is not an administrator of this service. Ask an administrator to give you the role, or sign in with another account."),
    h("p", { class: "row" }, h("a", { class: "button", href: "/account" }, "Go to your account"), h("button", { type: "button", class: "quiet", onclick: () => leave().catch(toastProblem) }, "Sign in with another account")),
  ];
}

async function start() {
  try {
    const me = await identify();
    if (me === null) return location.replace(signInPath());
    guard(() => isFailed && show());
    if (!me.is_admin) {
      document.title = "Administrators only · Tollgate";
      return fill(...refused());
    }
  } catch (problem) {
    return fill(pageHead("Dashboard"), problemPanel(problem, start));
  }
  await readOffer();
  keepNames([admin()]);
  showSide(document.getElementById("side"));
  enableJump();
  addEventListener("popstate", () => show());
  // A request that failed without a network is repeated when the network is back.
  addEventListener("online", () => isFailed && isSignedIn() && show());
  document.addEventListener("click", follow);
  await show({ isFirst: true });
}

/** Links within the dashboard change the page without loading it. */
function follow(event) {
  if (event.target.closest?.(".skip")) {
    event.preventDefault();
    return place.focus();
  }
  const link = event.target.closest?.("a[href^='/dashboard']");
  if (!link || link.target || link.hasAttribute("download") || event.defaultPrevented) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button !== 0) return;
  event.preventDefault();
  go(link.getAttribute("href"));
}

await start();
