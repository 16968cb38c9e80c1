// Change the e-mail address. The change takes effect when the new address is verified.

import { call, resume } from "../client.js";
import { h } from "../dom.js";
import { codeField, codeOf, field, form } from "../forms.js";
import { go } from "../go.js";
import { parts } from "../language.js";
import { emailRule } from "../rules.js";
import { passwordFields, signInAgain } from "./confirm.js";

/** The row of the profile; `isOpen`: the form is shown at once. */
export function emailRow(me, isOpen) {
  const place = h("div", {});
  const change = h("button", { type: "button", class: "quiet", "aria-expanded": "false", onclick: () => (place.childElementCount > 0 ? close() : open()) }, t.change);
  const setOpen = (...children) => {
    place.replaceChildren(...children);
    change.setAttribute("aria-expanded", String(children.length > 0));
  };
  const close = () => {
    setOpen();
    change.focus();
  };
  const cancel = h("button", { type: "button", class: "link", onclick: close }, t.cancel);

  function open() {
    const newEmail = field(t.new_email, "new_email", { type: "email", autocomplete: "email" }, emailRule);
    const request = async (fields) => {
      await call("POST", "/change-email", fields);
      showCode(fields.new_email);
    };
    const onProblem = (problem) => {
      if (problem.code !== "reauthentication_required" || me.has_password) return false;
      setOpen(...signInAgain(problem));
      return true;
    };
    const element = form([newEmail, ...passwordFields(me)], t.send_verification, request, { onProblem, fieldOf: { wrong_password: "password" } });
    setOpen(h("p", { class: "soft" }, t.new_email_text), element, cancel);
    place.querySelector("[name=new_email]").focus();
  }

  function showCode(email) {
    const verify = async ({ code }) => {
      await call("POST", "/verify", { email, code: codeOf(code) });
      // The header shows the address of the token.
      await resume().catch(() => false);
      go("/account", { notice: t.email_changed }, { replace: true });
    };
    const text = h("p", { role: "status", tabindex: "-1" }, ...parts(t.new_email_sent, { email: h("strong", {}, email) }));
    setOpen(text, form([codeField()], t.verify, verify, { fieldOf: { invalid_token: "code" } }), cancel);
    text.focus();
  }

  if (isOpen) open();
  return h("div", { class: "row" }, h("h2", {}, t.email), h("p", {}, me.email), change, place);
}
