// An admin's actions on a user: each row says what it does, and its button does it.

import { call } from "../../../account/client.js";
import { h } from "../../../account/dom.js";
import { offers } from "../../../account/offer.js";
import { admin } from "../../session.js";
import { go } from "../../router.js";
import { confirmAction } from "../../ui/confirm.js";
import { problemText } from "../../ui/problem.js";
import { toast } from "../../ui/toast.js";
import { download } from "./download.js";

const CANCELED_MS = 3000;

/** A row. A problem of `act` is shown in the row. */
function row({ name, title, text, button, danger, act }) {
  const alert = h("p", { role: "alert", class: "error" });
  const press = async () => {
    alert.textContent = "";
    control.disabled = true;
    try {
      await act();
    } catch (problem) {
      alert.textContent = problemText(problem);
    }
    control.disabled = false;
    // The row may have been redrawn meanwhile.
    if (document.activeElement === document.body) document.querySelector(`[data-action="${name}"]`)?.focus();
  };
  const control = button && h("button", { type: "button", class: danger ? "danger" : "quiet", "data-action": name, onclick: press }, button);
  return h("li", {}, h("div", {}, h("h3", {}, title), h("p", { class: "soft" }, text), alert), control);
}

/** The choice for a disabled user's subscription. */
function subscriptionChoice() {
  const option = (value, text, checked) => h("label", { class: "choice" }, h("input", { type: "radio", name: "subscription", value, checked }), h("span", {}, text));
  return h("fieldset", { class: "choices" }, h("legend", {}, "The subscription, if there is one"), option("keep", "Keep it: payments continue", true), option("cancel_at_period_end", "Cancel it at period end", false));
}

/** Sends a change; if another admin was faster, it says so instead. */
async function change({ path, refresh, gone }, route, body, isDone, done, already) {
  try {
    if (isDone(await call("GET", path))) toast(already, { tone: "info" });
    else {
      await call("PATCH", `${path}/${route}`, body);
      toast(done);
    }
  } catch (problem) {
    if (problem.code === "not_found") return gone();
    throw problem;
  }
  await refresh();
}

async function setActive(page, is_active) {
  const { user, own, refresh } = page;
  const choice = subscriptionChoice();
  const sure = await confirmAction(
    is_active
      ? { title: `Enable ${user.email}?`, text: "The user can sign in again.", button: "Enable account" }
      : { title: `Disable ${user.email}?`, text: [...own, "The user cannot sign in, and all sessions end at once. You can enable the account again.", offers("billing") && choice], button: "Disable account", danger: true },
  );
  if (!sure) return;
  const subscription = choice.querySelector(":checked").value;
  const body = is_active ? { is_active } : { is_active, subscription };
  const word = is_active ? "enabled" : "disabled";
  await change(page, "status", body, (now) => now.is_active === is_active, `${user.email} is ${word}.`, `${user.email} was already ${word}, perhaps by another admin.`);
  // The cancellation reaches Stripe, and returns from it, a moment later.
  if (!is_active && subscription !== "keep") setTimeout(refresh, CANCELED_MS);
}

async function setAdmin(page, is_admin) {
  const { user, own } = page;
  const sure = await confirmAction({
    title: is_admin ? `Make ${user.email} an admin?` : `Remove the admin role of ${user.email}?`,
    text: [...own, is_admin ? "Admins see all users and payments, change plans and make other admins." : "The dashboard stops working for this user at once."],
    button: is_admin ? "Make admin" : "Remove admin role",
    danger: !is_admin,
  });
  if (!sure) return;
  await change(page, "role", { is_admin }, (now) => now.is_admin === is_admin, is_admin ? `${user.email} is an admin.` : `${user.email} is no longer an admin.`, "Another admin has already done this.");
}

async function verify(page) {
  const { user } = page;
  const sure = await confirmAction({ title: `Mark ${user.email} as verified?`, text: "Do this only if you know that the address belongs to the user. A password set before becomes invalid; the user sets a new one by mail.", button: "Mark as verified" });
  if (sure) await change(page, "verify", undefined, (now) => now.email_verified, `${user.email} is verified.`, "The address has been verified in the meantime.");
}

async function mail({ path, gone }, kind, text) {
  try {
    await call("POST", `${path}/mail`, { kind });
  } catch (problem) {
    // A missing user, and not only a missing address of the service.
    if (problem.code === "not_found" && (await call("GET", path).then(() => false, ({ code }) => code === "not_found"))) return gone();
    throw problem;
  }
  toast(text);
}

async function remove({ user, path, own }) {
  const sure = await confirmAction({
    title: `Delete ${user.email}?`,
    text: [...own, "All sessions end and the subscription is canceled at once. Within a day the address and all personal data are erased. Payments and audit entries are kept under the ID. This cannot be undone."],
    button: "Delete account",
    danger: true,
    typed: user.email,
  });
  if (!sure) return;
  await call("DELETE", path);
  toast(`${user.email} is deleted. Personal data is erased within a day.`, { stay: true });
  go("/dashboard/users");
}

/** The rows for `user`. `refresh()` reads the page again; `gone()` shows that the user was deleted. */
export function actionRows(user, path, { refresh, gone }) {
  const isSelf = user.id === admin().id;
  const own = isSelf ? ["This is your own account. "] : [];
  const page = { user, path, own, refresh, gone };
  const unverified = !user.email_verified;
  const rows = [
    unverified && { name: "mail-verify", title: "Verification mail", text: "Sends a new link and code to verify the address.", button: "Send mail", act: () => mail(page, "verify", `The verification mail is on its way to ${user.email}.`) },
    unverified && { name: "verify", title: "Mark as verified", text: "Verifies the address without a mail.", button: "Mark as verified", act: () => verify(page) },
    offers("passwords") && { name: "mail-reset", title: "Password reset mail", text: "Sends a link to set a new password. The current password works until it is used.", button: "Send mail", act: () => mail(page, "reset", `The reset mail is on its way to ${user.email}.`) },
    user.is_admin
      ? { name: "role", title: "Admin role", text: "This user can use the dashboard.", button: "Remove admin role", act: () => setAdmin(page, false) }
      : { name: "role", title: "Admin role", text: unverified ? "Only a user with a verified address can be an admin." : "Lets this user use the dashboard.", button: !unverified && "Make admin", act: () => setAdmin(page, true) },
    user.is_active
      ? { name: "status", title: "Disable account", text: "Ends all sessions and refuses every sign-in.", button: "Disable account", act: () => setActive(page, false) }
      : { name: "status", title: "Enable account", text: "The account is disabled: the user cannot sign in.", button: "Enable account", act: () => setActive(page, true) },
    { name: "export", title: "Export data", text: "Downloads everything that is stored about this user, as JSON.", button: "Export data", act: async () => download(`${user.username}.json`, JSON.stringify(await call("GET", `${path}/export`), null, 2)) },
  ].filter(Boolean);
  const danger = { name: "delete", title: "Delete account", text: "Erases the account and the personal data. Payments and audit entries stay.", button: "Delete account", danger: true, act: () => remove(page) };
  return [
    h("section", { class: "panel" }, h("h2", {}, "Actions"), h("ul", { class: "actions-list" }, ...rows.map(row))),
    h("section", { class: "panel danger-zone" }, h("h2", {}, "Danger zone"), h("ul", { class: "actions-list" }, row(danger))),
  ];
}
