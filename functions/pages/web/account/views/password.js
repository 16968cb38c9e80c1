// Change the password, or set the first one.

import { call } from "../client.js";
import { h } from "../dom.js";
import { accountField, passwordField } from "../fields.js";
import { form } from "../forms.js";
import { format } from "../language.js";
import { panel } from "../panel.js";
import { passwordRule } from "../rules.js";

async function load(loadMe, isOpen) {
  const me = await loadMe();
  const status = h("p", { role: "status", tabindex: "-1" });
  if (!me.has_password) {
    const send = async () => {
      await call("POST", "/forget-password", { email: me.email });
      status.textContent = format(t.first_password_sent, { email: me.email });
    };
    return [h("p", {}, t.no_password), form([], t.set_password, send, { kind: "quiet" }), status];
  }
  return [changePassword(me, status, isOpen), status];
}

function changePassword(me, status, isOpen) {
  const place = h("div", {});
  const change = h("button", { type: "button", class: "quiet", onclick: () => open() }, t.change_password);
  const close = (message) => {
    place.replaceChildren(change);
    status.textContent = message;
    (message ? status : change).focus();
  };
  const send = async (fields) => {
    await call("POST", "/change-password", fields);
    close(t.password_changed);
  };

  function open() {
    status.textContent = "";
    const fields = [accountField(me.email), passwordField(t.current_password, "old_password", "current-password"), passwordField(t.new_password, "new_password", "new-password", passwordRule)];
    const cancel = h("button", { type: "button", class: "link", onclick: () => close("") }, t.cancel);
    place.replaceChildren(form(fields, t.change_password, send, { fieldOf: { wrong_password: "old_password", weak_password: "new_password" } }), cancel);
    place.querySelector("[name=old_password]").focus();
  }

  place.append(change);
  if (isOpen) open();
  return place;
}

export const passwordPanel = (loadMe, isOpen) => panel("password", t.password, 1, () => load(loadMe, isOpen), t.password_text);
