// Sign in by a mailed code.

import { call, signInByCode } from "../client.js";
import { h } from "../dom.js";
import { clearErrors, codeField, codeOf, field, form } from "../forms.js";
import { go, goOn } from "../go.js";
import { parts } from "../language.js";
import { offers } from "../offer.js";
import { emailRule } from "../rules.js";

export const title = t.code_title;

const back = () => offers("passwords") && h("p", { class: "switch" }, h("a", { href: "/account/sign-in" }, t.use_password));

/** The form that asks for a code. */
export function requestForm(email) {
  const address = field(t.email, "email", { type: "email", autocomplete: "username", value: email ?? "" }, emailRule);
  const request = async (fields) => {
    await call("POST", "/request/login-code", { email: fields.email });
    go("/account/code", { email: fields.email, isSent: true });
  };
  return form([address], t.send_code, request);
}

function requestPage(email) {
  return [h("h1", { tabindex: "-1" }, title), h("p", {}, t.code_text), requestForm(email), back()];
}

function codePage(email) {
  const status = h("p", { role: "status" });
  const signInForm = form(
    [codeField()],
    t.sign_in,
    async ({ code }) => {
      await signInByCode(email, codeOf(code));
      goOn();
    },
    { fieldOf: { invalid_code: "code" } },
  );
  const resend = async () => {
    clearErrors(signInForm);
    status.textContent = "";
    await call("POST", "/request/login-code", { email });
    status.textContent = t.code_resent;
  };
  return [
    h("h1", { tabindex: "-1" }, t.check_email),
    h("p", {}, ...parts(t.code_sent, { email: h("strong", {}, email) })),
    signInForm,
    form([], t.send_new_code, resend, { kind: "quiet" }),
    status,
    h("p", { class: "soft" }, h("button", { type: "button", class: "link", onclick: () => go("/account/code", { email }) }, t.other_email)),
    back(),
  ];
}

export const view = ({ email, isSent }) => (isSent ? codePage(email) : requestPage(email));
