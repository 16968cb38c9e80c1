// Change the password, or set the first one.

import { call } from "../client.js";
import { h } from "../dom.js";
import { accountField, passwordField } from "../fields.js";
import { form } from "../forms.js";
import { panel } from "../panel.js";
import { passwordRule } from "../rules.js";

async function load(loadMe, isOpen) {
  const me = await loadMe();
  const status = h("p", { role: "status", tabindex: "-1" });
  if (!me.has_password) {
    const send = async () => {
      await call("POST", "/forget-password", { email: me.email });
      status.textContent = `We've sent a link to set a password to ${me.email}. Setting it signs you out everywhere.`;
    };
    return [h("p", {}, "You haven't set a password yet."), form([], "Set a password", send, { kind: "quiet" }), status];
  }
  return [changePassword(me, status, isOpen), status];
}

function changePassword(me, status, isOpen) {
  const place = h("div", {});
  const change = h("button", { type: "button", class: "quiet", onclick: () => open() }, "Change password");
  const close = (message) => {
    place.replaceChildren(change);
    status.textContent = message;
    (message ? status : change).focus();
  };
  const send = async (fields) => {
    await call("POST", "/change-password", fields);
    close("Your password has been changed. You're signed out on all other devices.");
  };

  function open() {
    status.textContent = "";
    const fields = [accountField(me.email), passwordField("Current password", "old_password", "current-password"), passwordField("New password", "new_password", "new-password", passwordRule)];
    const cancel = h("button", { type: "button", class: "link", onclick: () => close("") }, "Cancel");
    place.replaceChildren(form(fields, "Change password", send, { fieldOf: { wrong_password: "old_password", weak_password: "new_password" } }), cancel);
    place.querySelector("[name=old_password]").focus();
  }

  place.append(change);
  if (isOpen) open();
  return place;
}

export const passwordPanel = (loadMe, isOpen) => panel("password", "Password", 1, () => load(loadMe, isOpen), "Changing your password signs you out on all other devices.");
