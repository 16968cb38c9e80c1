// Proving an address by the mailed code; the mailed link has a page of its own.

import { call } from "../client.js";
import { codeField, codeOf, field, form, h } from "../dom.js";
import { go } from "../go.js";

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
        const { message } = await call("POST", "/verify", { email: known, code: codeOf(fields.code) });
        go("/account/sign-in", { email: known, notice: message });
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
