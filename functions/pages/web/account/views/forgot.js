// Asking for the link to set a new password.

import { call } from "../client.js";
import { field, form, h } from "../dom.js";
import { go } from "../go.js";

export const title = "Forgotten your password?";

export function view() {
  return [
    h("h1", {}, title),
    h("p", {}, "We mail you a link to set a new one. It is good for an hour."),
    form([field("E-mail address", "email", { type: "email", autocomplete: "username" })], "Mail me the link", async ({ email }) => {
      const { message } = await call("POST", "/forget-password", { email });
      go("/account/sign-in", { email, notice: message });
    }),
    h("p", { class: "links" }, h("a", { href: "/account/sign-in" }, "Sign in")),
  ];
}
