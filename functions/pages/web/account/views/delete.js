// Delete the account and its data.

import { call, forget } from "../client.js";
import { h } from "../dom.js";
import { form } from "../forms.js";
import { go } from "../go.js";
import { passwordFields, protectedButton, requirement, signInAgain } from "./confirm.js";
import { download } from "./export.js";

export const title = t.delete_account;

export async function view() {
  const me = await call("GET", "/me");
  const again = h("div", {});
  const remove = async (fields) => {
    await call("POST", "/me/delete", fields);
    forget();
    go("/account/sign-in", { notice: t.account_deleted });
  };
  const onProblem = (problem) => {
    if (problem.code !== "reauthentication_required" || me.has_password) return false;
    again.replaceChildren(...signInAgain(problem));
    return true;
  };
  return [
    h("h1", { tabindex: "-1" }, t.delete_title),
    h("p", {}, t.delete_text),
    h(
      "ul",
      {},
      h("li", {}, t.delete_data),
      h("li", {}, t.delete_subscription),
      h("li", {}, t.delete_payments),
    ),
    h("h2", {}, t.before_you_go),
    h("p", {}, t.download_text),
    protectedButton(t.download, "export", me, download),
    h("h2", {}, t.delete_permanently),
    h("p", {}, requirement(me)),
    form(passwordFields(me), t.delete_account_permanently, remove, { kind: "danger", onProblem, fieldOf: { wrong_password: "password" } }),
    again,
    h("p", { class: "switch" }, h("a", { href: "/account" }, t.keep_account)),
  ];
}
