// Create the account of an invitation. The mailed link leads here, with its token as `?invitation=` and its address as `?email=`.

import { call, startSession } from "../client.js";
import { h } from "../dom.js";
import { accountField, passwordField } from "../fields.js";
import { field, form } from "../forms.js";
import { goOn } from "../go.js";
import { offers } from "../offer.js";
import { passwordRule, usernameRule } from "../rules.js";
import { consent } from "./register.js";

export const title = "Accept your invitation";

const parameter = (name) => new URLSearchParams(location.search).get(name) || null;

export const isInvited = () => parameter("invitation") !== null;

/** What the service says about the link: it is not the code that `invalid_token` is elsewhere. */
const linkProblems = {
  invalid_token: "This invitation was used, replaced or revoked. If you have an account, sign in; otherwise ask for a new invitation.",
  token_expired: "This invitation has expired. Ask for a new one.",
};

export function view() {
  const [invitation, email] = [parameter("invitation"), parameter("email")];
  const element = form(
    [
      email && accountField(email),
      field("User name", "username", { autocomplete: "nickname", autocapitalize: "none", spellcheck: "false" }, usernameRule),
      offers("passwords") && passwordField("Password", "password", "new-password", passwordRule),
    ].filter(Boolean),
    "Create account",
    async (fields) => {
      const answer = await call("POST", "/register", { ...fields, email, invitation }).catch((problem) => {
        throw linkProblems[problem.code] ? { message: linkProblems[problem.code] } : problem;
      });
      startSession(answer);
      goOn({ notice: "Your account is ready, and you're signed in." });
    },
    { fieldOf: { username_taken: "username" } },
  );
  const consentText = consent();
  if (consentText) element.querySelector("button:not([type])").before(consentText);
  return [
    h("h1", { tabindex: "-1" }, title),
    h("p", {}, "Your e-mail address ", email && h("strong", {}, email), ` is verified already. Choose a user name${offers("passwords") ? " and a password" : ""}.`),
    element,
    h("p", { class: "switch" }, "Already have an account? ", h("a", { href: "/account/sign-in" }, "Sign in")),
  ];
}
