// Request the link to set a new password.

import { call } from "../client.js";
import { h } from "../dom.js";
import { field, form } from "../forms.js";
import { go } from "../go.js";
import { parts } from "../language.js";
import { emailRule } from "../rules.js";

export const title = t.reset_title;

export function view({ sentTo }) {
  const back = h("p", { class: "switch" }, h("a", { href: "/account/sign-in" }, t.back_to_sign_in));
  const request = async ({ email }) => {
    await call("POST", "/forget-password", { email });
    go("/account/forgot", { sentTo: email });
  };
  if (sentTo) {
    return [
      h("h1", { tabindex: "-1" }, t.check_email),
      h("p", {}, ...parts(t.reset_sent, { email: h("strong", {}, sentTo) })),
      form([], t.send_link_again, () => request({ email: sentTo }), { kind: "quiet" }),
      back,
    ];
  }
  return [
    h("h1", { tabindex: "-1" }, title),
    h("p", {}, t.reset_text),
    form([field(t.email, "email", { type: "email", autocomplete: "username" }, emailRule)], t.send_link, request),
    back,
  ];
}
