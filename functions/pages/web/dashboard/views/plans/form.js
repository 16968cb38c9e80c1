// The form of a plan: its fields, and their values as the contract expects them.

import { h } from "../../../account/dom.js";
import { featureRows } from "./features.js";
import { isCurrency, toCents, toText } from "./money.js";

const periods = [["month", "Monthly"], ["year", "Yearly"]];

/** A field with its label, a hint and a place for its error. */
function field(label, control, hint) {
  const { name } = control;
  const error = h("span", { class: "error", id: `${name}-error` });
  const text = hint && h("span", { class: "hint", id: `${name}-hint` }, hint);
  control.id = name;
  control.setAttribute("aria-describedby", `${hint ? `${name}-hint ` : ""}${name}-error`);
  return h("div", { class: "field" }, h("label", { for: name }, label), text, control, error);
}

const whole = (text) => (/^\d+$/.test(text.trim()) ? Number(text) : null);

/** The values of the controls for a plan. */
function textsOf(plan) {
  const { code = "", name = "", description, price_cents, currency = "usd", billing_period = "month", tier = 1, trial_days = 0 } = plan;
  return { code, name, description: description ?? "", price_cents: price_cents === undefined ? "" : toText(price_cents, currency), currency: currency.toUpperCase(), billing_period, tier: String(tier), trial_days: String(trial_days) };
}

/** The body that the controls and the features give, and what is wrong in it. */
function bodyOf(controls, features, isNew) {
  const wrong = [];
  const check = (name, value, message) => {
    if (value === null || value === "") wrong.push({ field: name, message });
    return value;
  };
  const currency = controls.currency.value.trim().toLowerCase();
  if (!isCurrency(currency)) wrong.push({ field: "currency", message: "Three letters, such as USD." });
  const body = {
    ...(isNew && { code: check("code", /^[a-z0-9_-]{1,64}$/.test(controls.code.value) ? controls.code.value : "", "1 to 64 of a–z, 0–9, _ and -.") }),
    name: check("name", controls.name.value.trim(), "Enter a name."),
    description: controls.description.value.trim() || null,
    price_cents: check("price_cents", toCents(controls.price_cents.value, currency), "Enter an amount, such as 19.00."),
    currency,
    billing_period: controls.billing_period.value,
    tier: check("tier", whole(controls.tier.value), "A whole number from 0 to 1000."),
    trial_days: check("trial_days", whole(controls.trial_days.value), "A whole number from 0 to 730."),
  };
  try {
    body.features = features.value();
  } catch ({ message }) {
    wrong.push({ field: "features", message });
  }
  return { body, wrong };
}

/** The controls with their labels and hints, in the order of the page. */
function layout(controls, features, isNew) {
  return [
    h("div", { class: "pair" }, field("Name", controls.name, "Shown on the pricing page and on invoices."), field("Code", controls.code, isNew ? "For your code. It cannot be changed later." : "A code cannot be changed.")),
    field("Description", controls.description),
    h("div", { class: "pair three" }, field("Price", controls.price_cents, "0 for the free plan."), field("Currency", controls.currency, "ISO 4217."), field("Billing period", controls.billing_period, "How often it is charged.")),
    h("div", { class: "pair" }, field("Tier", controls.tier, "A higher tier is an upgrade."), field("Trial", controls.trial_days, "Days before the first payment, 0 for none.")),
    features.node,
  ];
}

/**
 * The fields of `plan`, or of a new plan for {}. Gives { nodes, read(), set(plan, names?), blame(errors) }. read() gives the
 * body, or null after it has shown what is wrong; set() shows the fields `names` of a plan, or all of them.
 */
export function planFields(plan) {
  const isNew = plan.id === undefined;
  const featuresError = h("span", { class: "error", id: "features-error", tabindex: "-1" });
  const features = featureRows(plan.features, featuresError);
  const input = (name, attributes) => h("input", { name, autocomplete: "off", ...attributes });
  const controls = {
    name: input("name", { dir: "auto" }),
    code: input("code", { spellcheck: "false", autocapitalize: "none", readonly: !isNew }),
    description: h("textarea", { name: "description", rows: "3", dir: "auto" }),
    price_cents: input("price_cents", { inputmode: "decimal" }),
    currency: input("currency", { class: "short", spellcheck: "false" }),
    billing_period: h("select", { name: "billing_period" }, ...periods.map(([value, text]) => h("option", { value }, text))),
    tier: input("tier", { inputmode: "numeric" }),
    trial_days: input("trial_days", { inputmode: "numeric" }),
  };

  function set(from, names = [...Object.keys(controls), "features"]) {
    const texts = textsOf(from);
    for (const name of names) {
      if (name === "features") features.set(from.features);
      else controls[name].value = texts[name];
    }
  }

  function clear() {
    featuresError.textContent = "";
    for (const [name, control] of Object.entries(controls)) {
      control.removeAttribute("aria-invalid");
      control.closest(".field").querySelector(`#${name}-error`).textContent = "";
    }
  }

  /** Shows each error beside its field; returns those that belong to none. */
  function blame(errors) {
    clear();
    const left = errors.filter(({ field: name, message }) => {
      if (name?.startsWith("features")) featuresError.textContent = message;
      else if (!controls[name]) return true;
      else {
        controls[name].setAttribute("aria-invalid", "true");
        controls[name].closest(".field").querySelector(`#${name}-error`).textContent = message;
      }
      return false;
    });
    const first = Object.values(controls).find((control) => control.hasAttribute("aria-invalid"));
    (first ?? (featuresError.textContent ? featuresError : null))?.focus();
    return left;
  }

  function read() {
    const { body, wrong } = bodyOf(controls, features, isNew);
    blame(wrong);
    return wrong.length > 0 ? null : body;
  }

  // The code follows the name until it is typed.
  const suggestion = () => controls.name.value.toLowerCase().normalize("NFKD").replace(/\p{M}+/gu, "").replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 64);
  let suggested = "";
  controls.name.addEventListener("input", () => {
    if (isNew && controls.code.value === suggested) controls.code.value = suggested = suggestion();
  });
  set(plan);
  return { nodes: layout(controls, features, isNew), read, set, blame };
}
