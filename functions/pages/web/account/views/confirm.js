// Actions that the service protects: they require the password, unless the sign-in was a few minutes ago.

import { signOut } from "../client.js";
import { h, sentence } from "../dom.js";
import { accountField, passwordField } from "../fields.js";
import { form } from "../forms.js";
import { go, want } from "../go.js";

/** For accounts without a password: the way to a new sign-in, after which this page is shown again. */
export function signInAgain(problem) {
  const path = location.pathname;
  const leave = async () => {
    await signOut();
    want(path);
    go("/account/sign-in");
  };
  return [h("p", { role: "alert" }, sentence(problem)), form([], t.sign_in_again, leave, { kind: "quiet" })];
}

/**
 * A button for `action`, which gets the fields of the confirmation. The password is asked for only if the service
 * requires it. `name` makes the names of the fields unique on the page.
 */
export function protectedButton(label, name, me, action, kind = "quiet") {
  const place = h("div", { class: "action" });
  const showButton = () => place.replaceChildren(form([], label, () => action({}), { kind, onProblem }));
  const onProblem = (problem) => {
    if (problem.code !== "reauthentication_required") return false;
    if (me.has_password) askPassword();
    else place.replaceChildren(...signInAgain(problem));
    return true;
  };
  const askPassword = () => {
    const field = `${name}-password`;
    const fields = [accountField(me.email), passwordField(t.confirm_password, field, "current-password")];
    const confirmation = form(fields, label, (values) => action({ password: values[field] }), { kind, fieldOf: { wrong_password: field } });
    const cancel = () => {
      showButton();
      place.querySelector("button").focus();
    };
    place.replaceChildren(confirmation, h("button", { type: "button", class: "link", onclick: cancel }, t.cancel));
    place.querySelector("input:not([hidden])").focus();
  };
  showButton();
  return place;
}

/** The fields of a form that always asks for the password of an account that has one. */
export function passwordFields(me) {
  return me.has_password ? [accountField(me.email), passwordField(t.password, "password", "current-password")] : [];
}

/** What such a form requires, in words. */
export function requirement(me) {
  return me.has_password ? t.password_required : t.sign_in_required;
}
