// Close the account.

import { call, forget } from "../client.js";
import { h } from "../dom.js";
import { form } from "../forms.js";
import { go } from "../go.js";
import { parts } from "../language.js";
import { passwordFields, requirement, signInAgain } from "./confirm.js";

export const title = t.close_account;

export async function view() {
  const me = await call("GET", "/me");
  const again = h("div", {});
  const close = async (fields) => {
    await call("POST", "/deactivate", fields);
    forget();
    go("/account/sign-in", { notice: t.account_closed });
  };
  const onProblem = (problem) => {
    if (problem.code !== "reauthentication_required" || me.has_password) return false;
    again.replaceChildren(...signInAgain(problem));
    return true;
  };
  return [
    h("h1", { tabindex: "-1" }, t.close_title),
    h(
      "ul",
      {},
      h("li", {}, t.close_sign_out),
      h("li", {}, t.close_subscription),
      h("li", {}, t.close_data),
    ),
    h("p", {}, requirement(me)),
    form(passwordFields(me), t.close_account, close, { kind: "danger", onProblem, fieldOf: { wrong_password: "password" } }),
    again,
    h("p", { class: "soft" }, ...parts(t.close_or_delete, { link: h("a", { href: "/account/delete" }, t.close_or_delete_link) })),
    h("p", { class: "switch" }, h("a", { href: "/account" }, t.keep_account)),
  ];
}
