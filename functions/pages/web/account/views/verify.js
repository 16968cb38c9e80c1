// Verify an e-mail address by the mailed code. The mailed link has a page of its own.

import { call, startSession } from "../client.js";
import { h } from "../dom.js";
import { clearErrors, codeField, codeOf, field, form, showErrors } from "../forms.js";
import { go, goOn } from "../go.js";
import { emailRule } from "../rules.js";

export const title = "Verify your e-mail address";

/** `email` and `username` are those of the registration before this page. Without them the page asks for the address. */
export function view({ email, username }) {
  const status = h("p", { role: "status" });
  const verification = form(
    [!email && field("E-mail address", "email", { type: "email", autocomplete: "username" }, emailRule), codeField()].filter(Boolean),
    "Verify",
    async (fields) => {
      const address = email ?? fields.email;
      const answer = await call("POST", "/verify", { email: address, code: codeOf(fields.code) });
      // Only the browser that registered is signed in.
      if (answer.access_token === undefined) return go("/account/sign-in", { email: address, notice: "Your e-mail address is verified. Sign in to continue." });
      startSession(answer);
      goOn({ notice: "Your e-mail address is verified, and you're signed in." });
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
    status.textContent = `We've sent a new code to ${address}, if it still has to be verified. Only the newest code works.`;
    verification.elements.code.value = "";
  };
  const wrongAddress = () => go("/account/register", { corrected: { email, username } });
  return [
    h("h1", { tabindex: "-1" }, email ? "Check your e-mail" : title),
    email
      ? h("p", {}, "We've sent a link and a 6-digit code to ", h("strong", {}, email), ". Open the link, or enter the code here.")
      : h("p", {}, "Enter your e-mail address and the 6-digit code that we sent to it. The code is valid for 15 minutes."),
    verification,
    form([], "Send a new code", resend, { kind: "quiet" }),
    status,
    email && h("p", { class: "soft" }, "No mail? Check your spam folder, or ", h("button", { type: "button", class: "link", onclick: wrongAddress }, "change the e-mail address"), "."),
    h("p", { class: "switch" }, h("a", { href: "/account/sign-in" }, "Back to sign-in")),
  ];
}
