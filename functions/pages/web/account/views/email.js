// Changing the address: it takes effect when the new one is proved.

import { call } from "../client.js";
import { accountField, codeField, codeOf, field, form, h } from "../dom.js";
import { go } from "../go.js";

export const title = "E-mail address";

export async function view() {
  const me = await call("GET", "/me");
  const status = h("p", { role: "status" });
  const proof = h("div", {});
  const password = me.has_password ? [accountField(me.email), field("Your password", "password", { type: "password", autocomplete: "current-password" })] : [];
  const prove = (email) =>
    form(
      [codeField()],
      "Prove it",
      async ({ code }) => {
        await call("POST", "/verify", { email, code: codeOf(code) });
        go("/account", { notice: "Your account has the new address now." });
      },
    );
  return [
    h("h1", {}, title),
    h("p", {}, "It is ", h("strong", {}, me.email), ". Another one counts as soon as you prove it by the mail that we send there."),
    form([field("New e-mail address", "new_email", { type: "email", autocomplete: "email" }), ...password], "Mail the new address", async (fields) => {
      const { message } = await call("POST", "/change-email", fields);
      status.textContent = message;
      proof.replaceChildren(prove(fields.new_email));
    }),
    status,
    proof,
  ];
}
