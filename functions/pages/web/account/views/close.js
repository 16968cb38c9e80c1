// Closing the account.

import { call, forget } from "../client.js";
import { accountField, field, form, h } from "../dom.js";
import { go } from "../go.js";

export const title = "Close account";

export async function view() {
  const me = await call("GET", "/me");
  const confirm = me.has_password ? "Confirm with your password." : "You must have signed in within the last five minutes.";
  const password = me.has_password ? [accountField(me.email), field("Password", "password", { type: "password", autocomplete: "current-password" })] : [];
  return [
    h("h1", {}, title),
    h("p", {}, `Nobody can sign in to a closed account, and every session ends at once. ${confirm}`),
    form(
      password,
      "Close my account",
      async (fields) => {
        const { message } = await call("POST", "/deactivate", fields);
        forget();
        go("/account/sign-in", { notice: message });
      },
      { kind: "danger" },
    ),
    h("p", {}, "What is kept of you stays, in case you come back. ", h("a", { href: "/account/delete" }, "Delete it all instead")),
  ];
}
