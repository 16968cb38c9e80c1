// Making an account.

import { call } from "../client.js";
import { email, field, form, h, password, username } from "../dom.js";
import { go } from "../go.js";

export const title = "Register";

export function view() {
  return [
    h("h1", {}, title),
    form(
      [
        field("E-mail address", "email", { type: "email", autocomplete: "username" }, email),
        field("User name", "username", { autocomplete: "nickname", autocapitalize: "none", spellcheck: "false" }, username),
        field("Password", "password", { type: "password", autocomplete: "new-password" }, password),
      ],
      "Register",
      async (fields) => {
        const { message } = await call("POST", "/register", fields);
        go("/account/verify", { email: fields.email, notice: message });
      },
    ),
    h("p", { class: "links" }, h("a", { href: "/account/sign-in" }, "I have an account")),
  ];
}
