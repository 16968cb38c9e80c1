// Create an account.

import { brand } from "../brand.js";
import { call } from "../client.js";
import { h } from "../dom.js";
import { passwordField } from "../fields.js";
import { field, form } from "../forms.js";
import { go } from "../go.js";
import { offers } from "../offer.js";
import { keepForVerification } from "../return.js";
import { emailRule, passwordRule, usernameRule } from "../rules.js";
import { REGISTRATION_TIME, sessionExpected } from "../session-hint.js";
import { providerButtons } from "./providers.js";

export const title = "Create an account";

/** What the person agrees to, as far as the brand has it. */
export function consent() {
  const links = [brand.terms_url && h("a", { href: brand.terms_url }, "Terms of Service"), brand.privacy_url && h("a", { href: brand.privacy_url }, "Privacy Policy")].filter(Boolean);
  if (links.length === 0) return null;
  const parts = links.flatMap((link, index) => (index === 0 ? [link] : [" and ", link]));
  return h("p", { class: "soft" }, "By creating an account, you agree to the ", ...parts, ".");
}

/** `corrected` is the registration with a wrong address that this one replaces. */
export function view({ corrected }) {
  const element = form(
    [
      field("E-mail address", "email", { type: "email", autocomplete: "username", value: corrected?.email ?? "" }, emailRule),
      field("User name", "username", { autocomplete: "nickname", autocapitalize: "none", spellcheck: "false" }, usernameRule),
      offers("passwords") && passwordField("Password", "password", "new-password", passwordRule),
    ].filter(Boolean),
    "Create account",
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
      h("p", { role: "status" }, `Enter the correct e-mail address.${corrected.username ? ` The user name ${corrected.username} stays reserved for 7 days, so choose another one.` : ""}`),
    ...(corrected ? [] : providerButtons()),
    element,
    h("p", { class: "switch" }, "Already have an account? ", h("a", { href: "/account/sign-in" }, "Sign in")),
  ];
}
