// Forms whose fields show their own errors. The dashboard has forms of its own.

import { h, sentence } from "./dom.js";
import { fieldMessage } from "./problems.js";

/**
 * A labelled field with a place for its error. `rule` checks the value before it is sent: its `hint` is shown, its `check`
 * returns an error message or null.
 */
export function field(label, name, attributes, rule) {
  const error = h("span", { class: "error", id: `${name}-error` });
  const hint = rule?.hint && h("span", { class: "hint", id: `${name}-hint` }, rule.hint);
  const described = [hint?.id, error.id].filter(Boolean).join(" ");
  const input = h("input", { name, id: name, required: true, "aria-describedby": described, ...attributes });
  if (rule) checks.set(input, rule.check);
  return h("div", { class: "field" }, h("label", { for: name }, label), hint, input, error);
}

/** The check of a field by its input. */
const checks = new WeakMap();

/** A field for a mailed code. It accepts pasted text with spaces: codeOf reads it. */
export function codeField() {
  return field(t.code, "code", { class: "code", inputmode: "numeric", autocomplete: "one-time-code" });
}

/** The code without spaces and hyphens. Throws a problem if it is not six digits, so that no attempt is lost. */
export function codeOf(text) {
  const code = text.normalize("NFKC").replace(/[^\p{L}\p{N}]/gu, "");
  if (/^[0-9]{6}$/.test(code)) return code;
  throw { errors: [{ field: "code", message: t.code_short }] };
}

/**
 * A form that passes its values by name to `send`. A problem is shown beside its fields: those that the problem names, or
 * the one that `fieldOf` gives for its code; otherwise below the button. If `onProblem` returns true, nothing is shown.
 */
export function form(fields, button, send, { onProblem, kind, fieldOf = {} } = {}) {
  const alert = h("p", { role: "alert" });
  const submit = h("button", { class: kind }, button);
  const element = h("form", { novalidate: true }, ...fields, submit, alert);
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    clearErrors(element);
    const errors = [...element.elements].map((input) => ({ field: input.name, message: errorOf(input) })).filter(({ message }) => message);
    if (showErrors(element, errors)) return;
    submit.disabled = true;
    try {
      await send(Object.fromEntries(new FormData(element)));
    } catch (problem) {
      if (!onProblem?.(problem) && !showErrors(element, fieldErrors(problem, fieldOf))) alert.append(...messageWithLink(problem));
    } finally {
      submit.disabled = false;
      // A disabled button loses the focus.
      if (document.activeElement === document.body && submit.isConnected) submit.focus();
    }
  });
  return element;
}

export function clearErrors(element) {
  element.querySelector(":scope > [role=alert]").textContent = "";
  for (const input of element.querySelectorAll("input")) input.removeAttribute("aria-invalid");
  for (const error of element.querySelectorAll(".error")) error.textContent = "";
}

function errorOf(input) {
  if (input.required && !input.value) return t.required;
  return checks.get(input)?.(input.value) ?? null;
}

function fieldErrors(problem, fieldOf) {
  const named = (problem.errors ?? []).map((error) => ({ ...error, message: fieldMessage(error) }));
  return fieldOf[problem.code] ? [{ field: fieldOf[problem.code], message: sentence(problem) }, ...named] : named;
}

/** Shows each error beside its field and moves the focus to the first; false if the form has none of the fields. */
export function showErrors(element, errors) {
  const inputs = errors.map(({ field, message }) => showError(element, field, message)).filter(Boolean);
  inputs[0]?.focus();
  return inputs.length > 0;
}

function showError(element, name, message) {
  const input = element.elements[name];
  if (!input) return null;
  input.setAttribute("aria-invalid", "true");
  element.querySelector(`#${name}-error`).textContent = message;
  return input;
}

/** What to tell a person about a problem, with a link to the invoice if that has to be paid. */
function messageWithLink(problem) {
  if (!problem.invoiceUrl) return [sentence(problem)];
  const label = problem.code === "payment_action_required" ? t.confirm_payment : t.pay_invoice;
  return [sentence(problem), " ", h("a", { href: problem.invoiceUrl }, label)];
}
