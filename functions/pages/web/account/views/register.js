// Create an account.

import { brand } from "../brand.js";
import { call } from "../client.js";
import { h } from "../dom.js";
import { passwordField } from "../fields.js";
import { field, form } from "../forms.js";
import { go } from "../go.js";
import { format, parts } from "../language.js";
import { offers } from "../offer.js";
import { keepForVerification } from "../return.js";
import { emailRule, passwordRule, usernameRule } from "../rules.js";
import { REGISTRATION_TIME, sessionExpected } from "../session-hint.js";
import { providerButtons } from "./providers.js";

export const title = t.create_account_title;

/** What the person agrees to, as far as the brand has it. */
export function consent() {
  const links = [brand.terms_url && h("a", { href: brand.terms_url }, t.terms_of_service), brand.privacy_url && h("a", { href: brand.privacy_url }, t.privacy_policy)].filter(Boolean);
  if (links.length === 0) return null;
  const [first, second] = links;
  return h("p", { class: "soft" }, ...(second ? parts(t.consent_both, { terms: first, privacy: second }) : parts(t.consent, { document: first })));
}

/** `corrected` is the registration with a wrong address that this one replaces. */
export function view({ corrected }) {
  const element = form(
    [
      field(t.email, "email", { type: "email", autocomplete: "username", value: corrected?.email ?? "" }, emailRule),
      field(t.username, "username", { autocomplete: "nickname", autocapitalize: "none", spellcheck: "false" }, usernameRule),
      offers("passwords") && passwordField(t.password, "password", "new-password", passwordRule),
    ].filter(Boolean),
    t.create_account,
    async (fields) => {
      await call("POST", "/register", fields);
      // The link of the mail signs this browser in.
      sessionExpected(REGISTRATION_TIME);
      keepForVerification();
      go("/account/verify", { email: fields.email, username: fields.username });
    },
    { fieldOf: { username_taken: "username" } },
  );
  const consentText = consent();
  if (consentText) element.querySelector("button:not([type])").before(consentText);
  return [
    h("h1", { tabindex: "-1" }, title),
    corrected &&
      h("p", { role: "status" }, corrected.username ? format(t.correct_email_and_name, { username: corrected.username }) : t.correct_email),
    ...(corrected ? [] : providerButtons()),
    element,
    h("p", { class: "switch" }, t.have_account, " ", h("a", { href: "/account/sign-in" }, t.sign_in)),
  ];
}
