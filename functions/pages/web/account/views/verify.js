// Verify an e-mail address by the mailed code. The mailed link has a page of its own.

import { call, startSession } from "../client.js";
import { h } from "../dom.js";
import { clearErrors, codeField, codeOf, field, form, showErrors } from "../forms.js";
import { go, goOn } from "../go.js";
import { format, parts } from "../language.js";
import { emailRule } from "../rules.js";

export const title = t.verify_email;

/** `email` and `username` are those of the registration before this page. Without them the page asks for the address. */
export function view({ email, username }) {
  const status = h("p", { role: "status" });
  const verification = form(
    [!email && field(t.email, "email", { type: "email", autocomplete: "username" }, emailRule), codeField()].filter(Boolean),
    t.verify,
    async (fields) => {
      const address = email ?? fields.email;
      const answer = await call("POST", "/verify", { email: address, code: codeOf(fields.code) });
      // Only the browser that registered is signed in.
      if (answer.access_token === undefined) return go("/account/sign-in", { email: address, notice: t.verified });
      startSession(answer);
      goOn({ notice: t.verified_signed_in });
    },
    { fieldOf: { invalid_token: "code" } },
  );
  const resend = async () => {
    clearErrors(verification);
    status.textContent = "";
    const address = email ?? verification.elements.email.value;
    const message = emailRule.check(address);
    if (message) return showErrors(verification, [{ field: "email", message }]);
    await call("POST", "/request/verify", { email: address });
    status.textContent = format(t.verification_sent, { email: address });
    verification.elements.code.value = "";
  };
  const wrongAddress = () => go("/account/register", { corrected: { email, username } });
  return [
    h("h1", { tabindex: "-1" }, email ? t.check_email : title),
    email
      ? h("p", {}, ...parts(t.verify_sent, { email: h("strong", {}, email) }))
      : h("p", {}, t.verify_text),
    verification,
    form([], t.send_new_code, resend, { kind: "quiet" }),
    status,
    email && h("p", { class: "soft" }, ...parts(t.no_mail, { link: h("button", { type: "button", class: "link", onclick: wrongAddress }, t.no_mail_link) })),
    h("p", { class: "switch" }, h("a", { href: "/account/sign-in" }, t.back_to_sign_in)),
  ];
}
