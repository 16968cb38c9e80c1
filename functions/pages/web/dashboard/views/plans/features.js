// The features of a plan as rows of a name, a kind and a value, so that no JSON needs to be written.

import { h } from "../../../account/dom.js";

const kinds = { text: "Text", number: "Number", flag: "Yes or no", json: "JSON" };

function kindOf(value) {
  if (typeof value === "string") return "text";
  if (typeof value === "number") return "number";
  return typeof value === "boolean" ? "flag" : "json";
}

/** The control of a value. */
function control(kind, value) {
  if (kind === "flag") {
    const select = h("select", { "aria-label": "Value" }, h("option", { value: "true" }, "Yes"), h("option", { value: "false" }, "No"));
    select.value = String(value === true || value === "true");
    return select;
  }
  const text = kind === "json" && typeof value !== "string" ? JSON.stringify(value) : String(value ?? "");
  return h("input", { "aria-label": "Value", value: text, inputmode: kind === "number" && "decimal", spellcheck: "false", dir: "auto" });
}

/** The value of a row; throws a sentence if the text is not a value of its kind. */
function read(name, kind, text) {
  if (kind === "text") return text;
  if (kind === "flag") return text === "true";
  try {
    const value = JSON.parse(text);
    if (kind === "json" || typeof value === "number") return value;
  } catch {
    // reported below
  }
  throw new Error(kind === "number" ? `${name}: "${text}" is not a number.` : `${name}: this is not valid JSON.`);
}

/** Gives { node, value(), set(features) }; value() throws an Error with a sentence. `error` is shown below the rows. */
export function featureRows(features, error) {
  const rows = h("ul", { class: "features" });

  function add(name = "", value = "", isNew = false) {
    const label = h("input", { "aria-label": "Feature", value: name, placeholder: "max_projects", spellcheck: "false", autocapitalize: "none" });
    const kind = h("select", { "aria-label": "Kind" }, ...Object.entries(kinds).map(([id, text]) => h("option", { value: id }, text)));
    kind.value = kindOf(value);
    const place = h("div", {}, control(kind.value, value));
    kind.addEventListener("change", () => place.replaceChildren(control(kind.value, place.firstChild.value)));
    const remove = h("button", { type: "button", class: "icon-button", "aria-label": "Remove this feature", onclick: drop }, "×");
    const row = h("li", {}, label, kind, place, remove);
    function drop() {
      (row.nextElementSibling ?? row.previousElementSibling)?.querySelector("input").focus();
      row.remove();
      rows.dispatchEvent(new Event("change", { bubbles: true }));
    }
    rows.append(row);
    if (isNew) label.focus();
  }

  function set(values) {
    rows.replaceChildren();
    for (const [name, value] of Object.entries(values ?? {})) add(name, value);
  }

  function value() {
    const found = {};
    for (const row of rows.children) {
      const [label, kind, place] = row.children;
      const name = label.value.trim();
      if (name === "" && place.firstChild.value === "") continue;
      if (name === "") throw new Error("Each feature needs a name.");
      if (Object.hasOwn(found, name)) throw new Error(`${name} is there twice.`);
      found[name] = read(name, kind.value, place.firstChild.value);
    }
    return found;
  }

  set(features);
  const button = h("button", { type: "button", class: "quiet small", onclick: () => add("", "", true) }, "Add a feature");
  const hint = h("p", { class: "hint" }, "Your services read them from the features claim of the access token. At most 1 KiB of JSON.");
  return { node: h("fieldset", { class: "field" }, h("legend", {}, "Features"), hint, rows, button, error), value, set };
}
