// The signed-in admin, and what is shown when the session ends while a page is open.

import { SESSION_BEGUN, SESSION_ENDED, call, resume, signOut } from "../account/client.js";
import { h } from "../account/dom.js";
import { problemText } from "./ui/problem.js";

let me = null;

/** The signed-in user, as GET /me gave it. */
export const admin = () => me;

/** Reads the signed-in user; null without a session. */
export async function identify() {
  if (!(await resume())) return null;
  me = await call("GET", "/me");
  return me;
}

/** The sign-in page, which returns to this address. It also shows an error of a provider. */
export function signInPath() {
  const given = new URLSearchParams(location.search);
  const error = given.get("error");
  given.delete("error");
  const search = given.toString();
  const next = location.pathname + (search ? `?${search}` : "");
  return `/account/sign-in?${new URLSearchParams({ next, ...(error && { error }) })}`;
}

/** Signs out, then shows the sign-in page, which returns here. */
export async function leave() {
  await signOut();
  location.assign(signInPath());
}

/**
 * Covers the page when the session ends, in this tab or in another one. Nothing that was typed is lost: the page stays
 * below, and is shown again when the same user has signed in. `onReturn` is called then.
 */
export function guard(onReturn) {
  const problem = h("p", { role: "alert" });
  const reason = h("p", { id: "session-text" });
  const again = h("button", { class: "quiet", type: "button", onclick: retry }, "Try again");
  const signIn = h("a", { class: "button", href: "/account/sign-in", target: "_blank" }, "Sign in in a new tab");
  const dialog = h(
    "dialog",
    { class: "dialog cover", role: "alertdialog", "aria-labelledby": "session-title", "aria-describedby": "session-text" },
    h("h2", { id: "session-title" }, "Your session ended"),
    reason,
    h("p", { class: "soft" }, "What you typed on this page is kept."),
    problem,
    h("div", { class: "dialog-actions" }, again, signIn),
  );
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  document.body.append(dialog);

  async function retry() {
    problem.textContent = "";
    try {
      if (await resume()) await back();
      else problem.textContent = "You are not signed in yet.";
    } catch (failure) {
      problem.textContent = problemText(failure);
    }
  }

  async function back() {
    const now = await call("GET", "/me");
    // Another user has signed in: the page shows data of the previous one.
    if (now.id !== me.id || !now.is_admin) return location.reload();
    me = now;
    dialog.close();
    onReturn();
  }

  addEventListener(SESSION_ENDED, ({ detail }) => {
    reason.textContent = detail;
    problem.textContent = "";
    if (!dialog.open) dialog.showModal();
  });
  addEventListener(SESSION_BEGUN, () => {
    if (dialog.open) back().catch((failure) => (problem.textContent = problemText(failure)));
  });
}
