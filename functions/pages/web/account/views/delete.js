// Delete the account and its data.

import { call, forget } from "../client.js";
import { h } from "../dom.js";
import { form } from "../forms.js";
import { go } from "../go.js";
import { passwordFields, protectedButton, requirement, signInAgain } from "./confirm.js";
import { download } from "./export.js";

export const title = "Delete account";

export async function view() {
  const me = await call("GET", "/me");
  const again = h("div", {});
  const remove = async (fields) => {
    await call("POST", "/me/delete", fields);
    forget();
    go("/account/sign-in", { notice: "Your account is deleted. Your personal data is removed within a day." });
  };
  const onProblem = (problem) => {
    if (problem.code !== "reauthentication_required" || me.has_password) return false;
    again.replaceChildren(...signInAgain(problem));
    return true;
  };
  return [
    h("h1", { tabindex: "-1" }, "Delete your account?"),
    h("p", {}, "This can't be undone."),
    h(
      "ul",
      {},
      h("li", {}, "Your personal data is removed within a day. Your e-mail address and user name become available again."),
      h("li", {}, "A subscription ends immediately."),
      h("li", {}, "Records of payments are kept without your name."),
    ),
    h("h2", {}, "Before you go"),
    h("p", {}, "Download everything we store about you, as a JSON file."),
    protectedButton("Download my data", "export", me, download),
    h("h2", {}, "Delete permanently"),
    h("p", {}, requirement(me)),
    form(passwordFields(me), "Delete account permanently", remove, { kind: "danger", onProblem, fieldOf: { wrong_password: "password" } }),
    again,
    h("p", { class: "switch" }, h("a", { href: "/account" }, "Keep my account")),
  ];
}
