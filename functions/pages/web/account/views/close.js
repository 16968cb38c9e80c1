// Closing the account.

import { call, forget } from "../client.js";
import { field, form, h } from "../dom.js";
import { go } from "../go.js";

export const title = "Close account";

export function view() {
  return [
    h("h1", {}, title),
    h("p", {}, "Nobody can sign in to a closed account, and every session ends at once. Confirm with your password."),
    form(
      [field("Password", "password", { type: "password", autocomplete: "current-password" })],
      "Close my account",
      async ({ password }) => {
        const { message } = await call("POST", "/deactivate", { password });
        forget();
        go("/account/sign-in", { notice: message });
      },
      { kind: "danger" },
    ),
  ];
}
