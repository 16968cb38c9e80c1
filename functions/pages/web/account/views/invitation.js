// Create the account of an invitation. The mailed link leads here, with its token as `?invitation=` and its address as `?email=`.

import { call, startSession } from "../client.js";
import { h } from "../dom.js";
import { accountField, passwordField } from "../fields.js";
import { field, form } from "../forms.js";
import { goOn } from "../go.js";
import { offers } from "../offer.js";
import { passwordRule, usernameRule } from "../rules.js";
import { consent } from "./register.js";

export const title = t.invitation_title;

const parameter = (name) => new URLSearchParams(location.search).get(name) || null;

export const isInvited = () => parameter("invitation") !== null;

/** The problems of the link have texts of their own: elsewhere these codes are about a code or another link. */
const linkProblems = { invalid_token: "invitation_ended", token_expired: "invitation_expired" };

export function view() {
  const [invitation, email] = [parameter("invitation"), parameter("email")];
  const element = form(
    [
      email && accountField(email),
      field(t.username, "username", { autocomplete: "nickname", autocapitalize: "none", spellcheck: "false" }, usernameRule),
      offers("passwords") && passwordField(t.password, "password", "new-password", passwordRule),
    ].filter(Boolean),
    t.create_account,
    async (fields) => {
      const answer = await call("POST", "/register", { ...fields, email, invitation }).catch((problem) => {
        throw Object.assign(problem, { code: linkProblems[problem.code] ?? problem.code });
      });
      startSession(answer);
      goOn({ notice: t.invitation_done });
    },
    { fieldOf: { username_taken: "username" } },
  );
  const consentText = consent();
  if (consentText) element.querySelector("button:not([type])").before(consentText);
  return [
    h("h1", { tabindex: "-1" }, title),
    email && h("p", {}, h("strong", {}, email)),
    h("p", {}, offers("passwords") ? t.invitation_text : t.invitation_text_name),
    element,
    h("p", { class: "switch" }, t.have_account, " ", h("a", { href: "/account/sign-in" }, t.sign_in)),
  ];
}
