// Proving an address by the mailed code; the mailed link has a page of its own.

import { begin, call } from "../client.js";
import { codeField, codeOf, field, form, h } from "../dom.js";
import { go, goOn } from "../go.js";

export const title = "Prove your address";

export function view({ email, notice }) {
  const status = h("p", { role: "status" }, notice ?? "Open the link in the mail, or type its code here.");
  const address = () => (email ? [] : [field("E-mail address", "email", { type: "email", autocomplete: "username" })]);
  return [
    h("h1", {}, title),
    status,
    form(
      [
        ...address(),
        codeField(),
      ],
      "Prove it",
      async (fields) => {
        const known = email ?? fields.email;
        const { access_token, message } = await call("POST", "/verify", { email: known, code: codeOf(fields.code) });
        // The browser that registered is signed in.
        if (access_token === undefined) return go("/account/sign-in", { email: known, notice: message });
        begin(access_token);
        goOn({ notice: "Your address is verified, and you are signed in." });
      },
    ),
    email &&
      form(
        [],
        "Send the mail again",
        async () => {
          status.textContent = (await call("POST", "/request/verify", { email })).message;
        },
        { kind: "quiet" },
      ),
    h("p", { class: "links" }, h("a", { href: "/account/sign-in" }, "Sign in")),
  ].filter(Boolean);
}
