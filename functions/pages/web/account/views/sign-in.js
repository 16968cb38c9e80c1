// Signing in by password, and the way to the others.

import { signIn } from "../client.js";
import { field, form, h } from "../dom.js";
import { goOn } from "../go.js";
import { buttons, returned } from "./providers.js";

export const title = "Sign in";

export function view({ email, notice }) {
  const { problem } = returned();
  return [
    h("h1", {}, title),
    notice && h("p", { role: "status" }, notice),
    problem && h("p", { role: "alert" }, problem),
    form(
      [
        field("E-mail address", "email", { type: "email", autocomplete: "username", value: email ?? "" }),
        field("Password", "password", { type: "password", autocomplete: "current-password" }),
      ],
      "Sign in",
      async ({ email, password }) => {
        await signIn(email, password);
        goOn();
      },
    ),
    h("div", { class: "ways" }, ...buttons()),
    h(
      "p",
      { class: "links" },
      h("a", { href: "/account/code" }, "Mail me a code instead"),
      h("a", { href: "/account/register" }, "Register"),
      h("a", { href: "/account/verify" }, "Verify your address"),
      h("a", { href: "/account/forgot" }, "Forgotten your password?"),
    ),
  ].filter(Boolean);
}
