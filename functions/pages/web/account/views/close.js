// Close the account.

import { call, forget } from "../client.js";
import { h } from "../dom.js";
import { form } from "../forms.js";
import { go } from "../go.js";
import { passwordFields, requirement, signInAgain } from "./confirm.js";

export const title = "Close account";

export async function view() {
  const me = await call("GET", "/me");
  const again = h("div", {});
  const close = async (fields) => {
    await call("POST", "/deactivate", fields);
    forget();
    go("/account/sign-in", { notice: "Your account is closed." });
  };
  const onProblem = (problem) => {
    if (problem.code !== "reauthentication_required" || me.has_password) return false;
    again.replaceChildren(...signInAgain(problem));
    return true;
  };
  return [
    h("h1", { tabindex: "-1" }, "Close your account?"),
    h(
      "ul",
      {},
      h("li", {}, "You're signed out everywhere and can't sign in again."),
      h("li", {}, "A subscription is canceled at the end of the period that you've paid for."),
      h("li", {}, "We keep your data, so that support can reopen the account."),
    ),
    h("p", {}, requirement(me)),
    form(passwordFields(me), "Close account", close, { kind: "danger", onProblem, fieldOf: { wrong_password: "password" } }),
    again,
    h("p", { class: "soft" }, "To remove your data as well, ", h("a", { href: "/account/delete" }, "delete your account"), " instead."),
    h("p", { class: "switch" }, h("a", { href: "/account" }, "Keep my account")),
  ];
}
