// Request the link to set a new password.

import { call } from "../client.js";
import { h } from "../dom.js";
import { field, form } from "../forms.js";
import { go } from "../go.js";
import { emailRule } from "../rules.js";

export const title = "Reset your password";

export function view({ sentTo }) {
  const back = h("p", { class: "switch" }, h("a", { href: "/account/sign-in" }, "Back to sign-in"));
  const request = async ({ email }) => {
    await call("POST", "/forget-password", { email });
    go("/account/forgot", { sentTo: email });
  };
  if (sentTo) {
    return [
      h("h1", { tabindex: "-1" }, "Check your e-mail"),
      h("p", {}, "If there is an account for ", h("strong", {}, sentTo), ", a link to set a new password is on its way. It is valid for one hour."),
      form([], "Send the link again", () => request({ email: sentTo }), { kind: "quiet" }),
      back,
    ];
  }
  return [
    h("h1", { tabindex: "-1" }, title),
    h("p", {}, "Enter your e-mail address, and we'll send you a link to set a new password."),
    form([field("E-mail address", "email", { type: "email", autocomplete: "username" }, emailRule)], "Send link", request),
    back,
  ];
}
