// Deleting the account, and taking along what is kept of it.

import { call, forget } from "../client.js";
import { accountField, field, form, h } from "../dom.js";
import { go } from "../go.js";

export const title = "Delete account";

/** Hands the browser everything that is held about the user, as a file. */
async function download() {
  const held = await call("GET", "/me/export");
  const file = URL.createObjectURL(new Blob([JSON.stringify(held, null, 2)], { type: "application/json" }));
  h("a", { href: file, download: `${held.user.username}.json` }).click();
  // Not before the browser has taken it.
  setTimeout(() => URL.revokeObjectURL(file), 60_000);
}

export async function view() {
  const me = await call("GET", "/me");
  const confirm = me.has_password ? "Confirm with your password." : "You must have signed in within the last five minutes.";
  const password = me.has_password ? [accountField(me.email), field("Password", "password", { type: "password", autocomplete: "current-password" })] : [];
  return [
    h("h1", {}, title),
    h("p", {}, "Take along what is kept of you: your account, its sessions, what you paid and what happened."),
    form([], "Download my data", download, { kind: "quiet" }),
    h(
      "p",
      {},
      "Then everything that tells who you are goes within a day, and your address and your user name are free again. ",
      `A subscription ends at once, and what you paid for it goes back. This cannot be undone. ${confirm}`,
    ),
    form(
      password,
      "Delete my account for good",
      async (fields) => {
        const { message } = await call("POST", "/me/delete", fields);
        forget();
        go("/account/sign-in", { notice: message });
      },
      { kind: "danger" },
    ),
  ];
}
