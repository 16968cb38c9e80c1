// Which view is shown: the address names it, and whether somebody is signed in decides whether it may be.

import { SESSION_BEGUN, SESSION_ENDED, isSignedIn, resume } from "./client.js";
import { h, sentence } from "./dom.js";
import { go, goOn, want } from "./go.js";
import { navigation } from "./views/navigation.js";
import * as code from "./views/code.js";
import * as email from "./views/email.js";
import * as forgot from "./views/forgot.js";
import * as methods from "./views/methods.js";
import * as profile from "./views/profile.js";
import * as register from "./views/register.js";
import * as sessions from "./views/sessions.js";
import * as password from "./views/password.js";
import * as close from "./views/close.js";
import * as remove from "./views/delete.js";
import * as signIn from "./views/sign-in.js";
import * as verify from "./views/verify.js";

const open = { "/account/sign-in": signIn, "/account/register": register, "/account/code": code, "/account/verify": verify, "/account/forgot": forgot };
const inside = { "/account": profile, "/account/email": email, "/account/methods": methods, "/account/sessions": sessions, "/account/password": password, "/account/close": close, "/account/delete": remove };

const place = document.getElementById("view");

/** How often a view was asked for: one that is overtaken by another is not shown. */
let turn = 0;
/** Why somebody must sign in again, until it is said. */
let reason = null;

async function show() {
  turn += 1;
  const own = turn;
  const path = location.pathname.replace(/\/$/, "");
  let target = inside[path] ?? open[path] ?? profile;
  if (Object.values(inside).includes(target) && !isSignedIn()) {
    want(path);
    target = signIn;
  }
  if (Object.values(open).includes(target) && target === open[path] && isSignedIn()) target = profile;
  const isInside = Object.values(inside).includes(target);
  place.className = isInside ? "card wide" : "card";
  document.title = `${target.title} · Your account`;
  let content;
  try {
    const state = target === signIn && reason ? { ...history.state, notice: reason } : (history.state ?? {});
    content = await target.view(state);
  } catch (problem) {
    if (own !== turn) return;
    if (problem.code === "unauthenticated") return show();
    content = [h("h1", {}, target.title), h("p", { role: "alert" }, sentence(problem))];
  }
  if (own !== turn) return;
  if (target === signIn) reason = null;
  place.replaceChildren(...(isInside ? [navigation(path)] : []), ...content);
  place.focus();
}

addEventListener("popstate", show);
addEventListener(SESSION_ENDED, ({ detail }) => {
  reason = detail;
  show();
});
addEventListener(SESSION_BEGUN, () => goOn());
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href^='/account']");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  go(link.getAttribute("href"));
});

try {
  await resume();
  await show();
} catch (problem) {
  place.replaceChildren(h("h1", {}, "Not now"), h("p", { role: "alert" }, sentence(problem)));
}
