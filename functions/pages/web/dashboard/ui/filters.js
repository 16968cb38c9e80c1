// A form of filters whose state is the address: a bookmark keeps them, and the back button takes them back.

import { h } from "../../account/dom.js";
import { query, setQuery } from "../router.js";

const TYPING_MS = 300;

/**
 * fields   [{ name, label, kind, options?, placeholder?, hint? }]; name is the parameter of the address. kind "text" (any
 *          text, applied while it is typed), "select" (options: [[value, text], …], the empty value is added as "Any",
 *          or as `any`) or "day" (a date, as YYYY-MM-DD)
 * onChange () => called after the address has changed: reload the list
 *
 * Gives { node, values() }; values() is an object of the fields that are set, as the address has them.
 */
export function filters({ fields, onChange }) {
  const inputs = new Map(fields.map((field) => [field.name, control(field)]));
  const clear = h("button", { type: "button", class: "plain small", onclick: reset }, "Clear filters");
  const parts = fields.map(({ name, label }) => h("label", { class: "filter" }, h("span", {}, label), inputs.get(name)));
  const node = h("form", { class: "filters", role: "search", onsubmit: submitted }, ...parts, clear);
  let timer = null;

  function values() {
    const given = query();
    return Object.fromEntries(fields.map(({ name }) => [name, given.get(name)]).filter(([, value]) => value));
  }

  function apply(replace) {
    clearTimeout(timer);
    const before = location.search;
    setQuery(Object.fromEntries([...inputs].map(([name, input]) => [name, input.value.trim()])), { replace });
    clear.hidden = Object.keys(values()).length === 0;
    if (location.search !== before) onChange();
  }

  function submitted(event) {
    event.preventDefault();
    apply(false);
  }

  function reset() {
    for (const input of inputs.values()) input.value = "";
    apply(false);
    inputs.values().next().value.focus();
  }

  const set = values();
  for (const [name, input] of inputs) {
    input.value = set[name] ?? "";
    if (input.tagName === "SELECT" && input.value !== (set[name] ?? "")) {
      // A value that the form does not offer is kept as it is: the service decides on it.
      input.append(h("option", { value: set[name] }, set[name]));
      input.value = set[name];
    }
    const isTyped = input.type === "search";
    input.addEventListener("change", () => apply(isTyped));
    if (isTyped) {
      input.addEventListener("input", () => {
        clearTimeout(timer);
        timer = setTimeout(() => node.isConnected && apply(true), TYPING_MS);
      });
    }
  }
  clear.hidden = Object.keys(set).length === 0;
  return { node, values };
}

function control({ name, kind, options, placeholder, any = "Any" }) {
  if (kind === "select") return h("select", { name }, h("option", { value: "" }, any), ...options.map(([value, text]) => h("option", { value }, text)));
  if (kind === "day") return h("input", { name, type: "date" });
  return h("input", { name, type: "search", placeholder, autocomplete: "off", spellcheck: "false" });
}
