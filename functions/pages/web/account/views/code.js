// Sign in by a mailed code.

import { call, signInByCode } from "../client.js";
import { h } from "../dom.js";
import { clearErrors, codeField, codeOf, field, form } from "../forms.js";
import { go, goOn } from "../go.js";
import { offers } from "../offer.js";
import { emailRule } from "../rules.js";

export const title = "Sign in with a code";

const back = () => offers("passwords") && h("p", { class: "switch" }, h("a", { href: "/account/sign-in" }, "Sign in with your password"));

/** The form that asks for a code. */
export function requestForm(email) {
  const address = field("E-mail address", "email", { type: "email", autocomplete: "username", value: email ?? "" }, emailRule);
  const request = async (fields) => {
    await call("POST", "/request/login-code", { email: fields.email });
    go("/account/code", { email: fields.email, isSent: true });
  };
  return form([address], "Send code", request);
}

function requestPage(email) {
  return [h("h1", { tabindex: "-1" }, title), h("p", {}, "We'll e-mail you a 6-digit code. It is valid for 15 minutes."), requestForm(email), back()];
}

function codePage(email) {
  const status = h("p", { role: "status" });
  const signInForm = form(
    [codeField()],
    "Sign in",
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
    status.textContent = "We've sent a new code. Only the newest code works.";
  };
  return [
    h("h1", { tabindex: "-1" }, "Check your e-mail"),
    h("p", {}, "If there is an account for ", h("strong", {}, email), ", we've sent a 6-digit code to it."),
    signInForm,
    form([], "Send a new code", resend, { kind: "quiet" }),
    status,
    h("p", { class: "soft" }, h("button", { type: "button", class: "link", onclick: () => go("/account/code", { email }) }, "Use another e-mail address")),
    back(),
  ];
}

export const view = ({ email, isSent }) => (isSent ? codePage(email) : requestPage(email));
