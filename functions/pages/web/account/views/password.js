// Changing the password, or setting the first one.

import { call } from "../client.js";
import { accountField, field, form, h } from "../dom.js";

export const title = "Password";

export async function view() {
  const me = await call("GET", "/me");
  const status = h("p", { role: "status" });
  const say = (answer) => {
    status.textContent = answer.message;
  };
  if (!me.has_password) {
    const first = form([], "Mail me the link", async () => say(await call("POST", "/forget-password", { email: me.email })));
    return [h("h1", {}, title), h("p", {}, "This account has none. We mail you a link to set the first one; every session ends then."), first, status];
  }
  const element = form(
    [
      accountField(me.email),
      field("Present password", "old_password", { type: "password", autocomplete: "current-password" }),
      field("New password", "new_password", { type: "password", autocomplete: "new-password" }),
    ],
    "Change it",
    async (fields) => {
      status.textContent = "";
      say(await call("POST", "/change-password", fields));
      element.reset();
    },
  );
  return [h("h1", {}, title), h("p", { class: "soft" }, "Every other session ends when you change it."), element, status];
}
