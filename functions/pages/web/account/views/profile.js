// Profile: the e-mail address, the user name, a copy of the data, and closing the account.

import { call } from "../client.js";
import { date, h } from "../dom.js";
import { fill } from "../panel.js";
import { protectedButton } from "./confirm.js";
import { emailRow } from "./email.js";
import { download } from "./export.js";

export const title = t.profile;
export const address = "/account";

const row = (name, ...content) => h("div", { class: "row" }, h("h2", {}, name), ...content);

async function load(path) {
  const me = await call("GET", "/me");
  return [
    emailRow(me, path === "/account/email"),
    row(t.username, h("p", {}, me.username)),
    row(t.member_since, h("p", {}, date(me.created_at))),
    row(t.account_id, h("p", {}, h("code", {}, me.id))),
    row(t.your_data, h("p", { class: "soft" }, t.download_text), protectedButton(t.download, "export", me, download)),
    h(
      "section",
      { class: "row danger-zone", "aria-labelledby": "leave" },
      h("h2", { id: "leave" }, t.leave_title),
      h("p", { class: "soft" }, t.leave_text),
      h("p", { class: "actions" }, h("a", { class: "button danger", href: "/account/close" }, t.close_account), h("a", { class: "button danger", href: "/account/delete" }, t.delete_account)),
    ),
  ];
}

export function view({ notice, path }) {
  const place = h("div", { class: "rows" });
  const isFilled = fill(place, 5, () => load(path));
  if (path === "/account/email") isFilled.then(() => place.querySelector("[name=new_email]")?.focus());
  return [h("h1", { tabindex: "-1" }, title), notice && h("p", { role: "status" }, notice), place];
}
