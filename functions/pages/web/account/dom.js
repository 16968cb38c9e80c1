// Elements and forms. Text is always set as text.

/** An element: h("p", {class: "soft"}, "text", child …). Functions under a name such as `onclick` listen. */
export function h(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== undefined && value !== false) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

/**
 * A labelled field with a place for its error. `rule` says beforehand what it takes, and its `check` gives the error of a
 * text that it does not take: what can be told here costs no call.
 */
export function field(label, name, attributes, rule) {
  const error = h("span", { class: "error", id: `${name}-error` });
  const hint = rule?.hint && h("span", { class: "hint", id: `${name}-hint` }, rule.hint);
  const described = [hint?.id, error.id].filter(Boolean).join(" ");
  const input = h("input", { name, id: name, required: true, "aria-describedby": described, ...attributes });
  if (rule) checks.set(input, rule.check);
  return h("div", { class: "field" }, h("label", { for: name }, label), hint, input, error);
}

/** What is asked of the text of a field, by its input. */
const checks = new WeakMap();

/** The rules of the service for a new account. It decides: a rule here is never stricter. */
export const email = {
  check: (text) => (/^[^@]+@[^@]+[.\u3002][^@]+$/.test(text.trim().normalize("NFKC")) ? null : "This is not an e-mail address."),
};

export const username = {
  hint: "3 to 40 letters, digits, dots, dashes or underscores.",
  check: (text) => (/^[A-Za-z0-9._-]{3,40}$/.test(text) ? null : "A user name has 3 to 40 letters, digits, dots, dashes or underscores."),
};

export const password = {
  hint: "At least 8 characters, any of them; not one of the most used, and not your name or address.",
  check: (text) => ([...text.normalize("NFC")].length >= 8 ? null : "The password must have at least 8 characters."),
};

/**
 * The address of the account, for password managers: they store a password under it, and sign-in asks for it. Read-only
 * and hidden, since the form does not ask for it; without a name, since it is not sent.
 */
export function accountField(email) {
  return h("input", { type: "email", autocomplete: "username", value: email, readonly: true, hidden: true, "aria-hidden": "true" });
}

/** A field for a mailed code. It takes what a person pastes, spaces included: codeOf reads it. */
export function codeField() {
  return field("Code of six digits", "code", { class: "code", inputmode: "numeric", autocomplete: "one-time-code" });
}

/** The code in what was typed or pasted, without spaces and hyphens; a problem where it is none, so that no attempt is lost. */
export function codeOf(text) {
  const code = text.normalize("NFKC").replace(/[^\p{L}\p{N}]/gu, "");
  if (/^[0-9]{6}$/.test(code)) return code;
  throw { errors: [{ field: "code", message: "The code has six digits." }] };
}

/**
 * A form that sends what it holds. `send` gets the fields by name; a problem is shown beside the fields that are to
 * blame, else below the button. `onProblem` may take a problem over by returning true.
 */
export function form(fields, button, send, { onProblem, kind } = {}) {
  const alert = h("p", { role: "alert" });
  const submit = h("button", { class: kind }, button);
  const element = h("form", { novalidate: true }, ...fields, submit, alert);
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    clear(element, alert);
    const wrong = [...element.elements].map((input) => ({ field: input.name, message: wrongIn(input) })).filter(({ message }) => message);
    if (show(element, { errors: wrong })) return;
    submit.disabled = true;
    try {
      await send(Object.fromEntries(new FormData(element)));
    } catch (problem) {
      if (onProblem?.(problem)) return;
      if (!show(element, problem)) alert.append(...told(problem));
    } finally {
      submit.disabled = false;
    }
  });
  return element;
}

function clear(element, alert) {
  alert.textContent = "";
  for (const input of element.querySelectorAll("input")) input.removeAttribute("aria-invalid");
  for (const error of element.querySelectorAll(".error")) error.textContent = "";
}

/** What is wrong with the text of a field, as far as it can be told here. */
function wrongIn(input) {
  if (input.required && !input.value) return "Fill this in.";
  return checks.get(input)?.(input.value) ?? null;
}

/** Shows all errors, each beside its field, and goes to the first; false where no field is to blame. */
function show(element, problem) {
  const blamed = (problem.errors ?? []).map(({ field, message }) => blame(element, field, message)).filter(Boolean);
  blamed[0]?.focus();
  return blamed.length > 0;
}

function blame(element, name, message) {
  const input = element.elements[name];
  if (!input) return null;
  input.setAttribute("aria-invalid", "true");
  element.querySelector(`#${name}-error`).textContent = message;
  return input;
}

/** What to tell a person of a problem. */
export function sentence(problem) {
  if (problem.code === "idempotency_in_progress") return "This is under way already. Wait a moment, then look again.";
  const wait = problem.status === 429 && problem.retryAfter;
  return wait ? `Too many tries. Wait ${wait} seconds, then try again.` : problem.message;
}

/** The same with the way to what is to be paid, where the problem is that. */
function told(problem) {
  if (problem.invoiceUrl === null) return [sentence(problem)];
  const act = problem.code === "payment_action_required" ? "Give your consent" : "Pay";
  return [sentence(problem), " ", h("a", { href: problem.invoiceUrl }, act)];
}

export function time(text) {
  const shown = new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  return h("time", { datetime: text }, shown);
}

export function date(text) {
  return h("time", { datetime: text }, new Date(text).toLocaleDateString(undefined, { dateStyle: "medium" }));
}

/** The currencies that Stripe counts in whole units, and those in thousandths. A browser's own decimals are others. */
const WHOLE = ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"];
const THOUSANDTHS = ["bhd", "iqd", "jod", "kwd", "lyd", "omr", "tnd"];

function decimals(currency) {
  if (WHOLE.includes(currency)) return 0;
  return THOUSANDTHS.includes(currency) ? 3 : 2;
}

/** An amount in its currency's minor units, as people write it. */
export function money(amount, currency) {
  const digits = decimals(currency);
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency, minimumFractionDigits: digits, maximumFractionDigits: digits });
  return format.format(amount / 10 ** digits);
}

/** "$19.00 a month". */
export const price = (cents, currency, period) => `${money(cents, currency)} a ${period}`;
