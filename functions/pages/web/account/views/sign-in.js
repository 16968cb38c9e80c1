// Sign in by password, by a provider, or by a mailed code.

import { brand } from "../brand.js";
import { signIn } from "../client.js";
import { h } from "../dom.js";
import { passwordField } from "../fields.js";
import { field, form } from "../forms.js";
import { goOn } from "../go.js";
import { format } from "../language.js";
import { offers } from "../offer.js";
import { requestForm } from "./code.js";
import { providerButtons, providerResult } from "./providers.js";

export const title = t.sign_in;

export function view({ email, notice }) {
  const { problem } = providerResult();
  return [
    h("h1", { tabindex: "-1" }, format(t.sign_in_to, { product: brand.name })),
    notice && h("p", { role: "status" }, notice),
    problem && h("p", { role: "alert" }, problem),
    ...providerButtons(),
    offers("passwords") ? passwordForm(email) : requestForm(email),
    h(
      "ul",
      { class: "links" },
      offers("passwords") && h("li", {}, h("a", { href: "/account/forgot" }, t.forgot_link)),
      offers("passwords") && h("li", {}, h("a", { href: "/account/code" }, t.code_link)),
      h("li", {}, h("a", { href: "/account/verify" }, t.verify_email)),
    ),
    offers("sign_up") && h("p", { class: "switch" }, format(t.new_here, { product: brand.name }), " ", h("a", { href: "/account/register" }, t.create_account_title)),
  ];
}

function passwordForm(email) {
  return form(
    [field(t.email, "email", { type: "email", autocomplete: "username", value: email ?? "" }), passwordField(t.password, "password", "current-password")],
    t.sign_in,
    async ({ email, password }) => {
      await signIn(email, password);
      goOn();
    },
    { fieldOf: { invalid_credentials: "password" } },
  );
}
