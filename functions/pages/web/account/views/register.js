// Making an account.

import { call } from "../client.js";
import { field, form, h } from "../dom.js";
import { go } from "../go.js";

export const title = "Register";

export function view() {
  return [
    h("h1", {}, title),
    form(
      [
        field("E-mail address", "email", { type: "email", autocomplete: "username" }),
        field("User name", "username", { autocomplete: "nickname", autocapitalize: "none", spellcheck: "false" }),
        field("Password", "password", { type: "password", autocomplete: "new-password" }),
      ],
      "Register",
      async ({ email, username, password }) => {
        const { message } = await call("POST", "/register", { email, username, password });
        go("/account/verify", { email, notice: message });
      },
    ),
    h("p", { class: "links" }, h("a", { href: "/account/sign-in" }, "I have an account")),
  ];
}
