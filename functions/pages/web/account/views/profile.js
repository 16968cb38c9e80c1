// Profile: the e-mail address, the user name, a copy of the data, and closing the account.

import { call } from "../client.js";
import { date, h } from "../dom.js";
import { fill } from "../panel.js";
import { protectedButton } from "./confirm.js";
import { emailRow } from "./email.js";
import { download } from "./export.js";

export const title = "Profile";
export const address = "/account";

const row = (name, ...content) => h("div", { class: "row" }, h("h2", {}, name), ...content);

async function load(path) {
  const me = await call("GET", "/me");
  return [
    emailRow(me, path === "/account/email"),
    row("User name", h("p", {}, me.username)),
    row("Member since", h("p", {}, date(me.created_at))),
    row("Account ID", h("p", {}, h("code", {}, me.id))),
    row("Your data", h("p", { class: "soft" }, "Download everything we store about you, as a JSON file."), protectedButton("Download my data", "export", me, download)),
    h(
      "section",
      { class: "row danger-zone", "aria-labelledby": "leave" },
      h("h2", { id: "leave" }, "Close or delete your account"),
      h("p", { class: "soft" }, "Closing keeps your data, so that support can reopen the account. Deleting is permanent."),
      h("p", { class: "actions" }, h("a", { class: "button danger", href: "/account/close" }, "Close account"), h("a", { class: "button danger", href: "/account/delete" }, "Delete account")),
    ),
  ];
}

export function view({ notice, path }) {
  const place = h("div", { class: "rows" });
  const isFilled = fill(place, 5, () => load(path));
  if (path === "/account/email") isFilled.then(() => place.querySelector("[name=new_email]")?.focus());
  return [h("h1", { tabindex: "-1" }, title), notice && h("p", { role: "status" }, notice), place];
}
