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

/** A labelled field with a place for its error. */
export function field(label, name, attributes) {
  const error = h("span", { class: "error", id: `${name}-error` });
  const input = h("input", { name, id: name, required: true, "aria-describedby": error.id, ...attributes });
  return h("label", { for: name }, label, input, error);
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
    const empty = [...element.elements].find((input) => input.required && !input.value);
    if (empty) return blame(element, empty.name, "Fill this in.");
    submit.disabled = true;
    try {
      await send(Object.fromEntries(new FormData(element)));
    } catch (problem) {
      if (onProblem?.(problem)) return;
      if (!show(element, problem)) alert.textContent = sentence(problem);
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

function show(element, problem) {
  let shown = false;
  for (const { field, message } of problem.errors ?? []) {
    shown = blame(element, field, message) || shown;
  }
  return shown;
}

function blame(element, name, message) {
  const input = element.elements[name];
  if (!input) return false;
  input.setAttribute("aria-invalid", "true");
  element.querySelector(`#${name}-error`).textContent = message;
  input.focus();
  return true;
}

/** What to tell a person of a problem. */
export function sentence(problem) {
  const wait = problem.status === 429 && problem.retryAfter;
  return wait ? `Too many tries. Wait ${wait} seconds, then try again.` : problem.message;
}

export function time(text) {
  const shown = new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  return h("time", { datetime: text }, shown);
}

export function date(text) {
  return h("time", { datetime: text }, new Date(text).toLocaleDateString(undefined, { dateStyle: "medium" }));
}

/** An amount in its currency's minor units, as people write it. */
export function money(amount, currency) {
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency });
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
}

/** "$19.00 a month". */
export const price = (cents, currency, period) => `${money(cents, currency)} a ${period}`;
