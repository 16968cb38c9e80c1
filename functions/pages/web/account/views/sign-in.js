// Sign in by password, by a provider, or by a mailed code.

import { brand } from "../brand.js";
import { signIn } from "../client.js";
import { h } from "../dom.js";
import { passwordField } from "../fields.js";
import { field, form } from "../forms.js";
import { goOn } from "../go.js";
import { offers } from "../offer.js";
import { requestForm } from "./code.js";
import { providerButtons, providerResult } from "./providers.js";

export const title = "Sign in";

export function view({ email, notice }) {
  const { problem } = providerResult();
  return [
    h("h1", { tabindex: "-1" }, `Sign in to ${brand.name}`),
    notice && h("p", { role: "status" }, notice),
    problem && h("p", { role: "alert" }, problem),
    ...providerButtons(),
    offers("passwords") ? passwordForm(email) : requestForm(email),
    h(
      "ul",
      { class: "links" },
      offers("passwords") && h("li", {}, h("a", { href: "/account/forgot" }, "Forgot your password?")),
      offers("passwords") && h("li", {}, h("a", { href: "/account/code" }, "E-mail me a sign-in code")),
      h("li", {}, h("a", { href: "/account/verify" }, "Verify your e-mail address")),
    ),
    offers("sign_up") && h("p", { class: "switch" }, `New to ${brand.name}? `, h("a", { href: "/account/register" }, "Create an account")),
  ];
}

function passwordForm(email) {
  return form(
    [field("E-mail address", "email", { type: "email", autocomplete: "username", value: email ?? "" }), passwordField("Password", "password", "current-password")],
    "Sign in",
    async ({ email, password }) => {
      await signIn(email, password);
      goOn();
    },
    { fieldOf: { invalid_credentials: "password" } },
  );
}
