// Fields for passwords.

import { h } from "./dom.js";
import { field } from "./forms.js";
import { format } from "./language.js";

/** A password field with a button that shows what was typed. `autocomplete`: "current-password" or "new-password". */
export function passwordField(label, name, autocomplete, rule) {
  const element = field(label, name, { type: "password", autocomplete }, rule);
  const input = element.querySelector("input");
  const toggle = h("button", { type: "button", class: "reveal", "aria-pressed": "false", "aria-label": format(t.show_label, { label }) }, t.show);
  const show = (isShown) => {
    input.type = isShown ? "text" : "password";
    toggle.textContent = isShown ? t.hide : t.show;
    toggle.setAttribute("aria-pressed", String(isShown));
  };
  toggle.addEventListener("click", () => {
    show(input.type === "password");
    // Browsers offer to save a password only from a field of type "password".
    input.form?.addEventListener("submit", () => show(false), { once: true });
  });
  const wrapper = h("span", { class: "password" });
  input.before(wrapper);
  wrapper.append(input, toggle);
  return element;
}

/**
 * The e-mail address of the account, for password managers: they store the password under it. Hidden and read-only, since
 * the form does not ask for it; without a name, since it is not sent.
 */
export function accountField(email) {
  return h("input", { type: "email", autocomplete: "username", value: email, readonly: true, hidden: true, "aria-hidden": "true" });
}
