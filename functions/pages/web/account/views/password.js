// Changing the password.

import { call } from "../client.js";
import { field, form, h } from "../dom.js";

export const title = "Password";

export function view() {
  const status = h("p", { role: "status" });
  const element = form(
    [
      field("Present password", "old_password", { type: "password", autocomplete: "current-password" }),
      field("New password", "new_password", { type: "password", autocomplete: "new-password" }),
    ],
    "Change it",
    async (fields) => {
      status.textContent = "";
      status.textContent = (await call("POST", "/change-password", fields)).message;
      element.reset();
    },
  );
  return [h("h1", {}, title), h("p", { class: "soft" }, "Every other session ends when you change it."), element, status];
}
