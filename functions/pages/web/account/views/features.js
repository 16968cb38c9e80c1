// The features of a plan as a list.

import { h } from "../dom.js";
import { format, locale } from "../language.js";

/** "max_projects" as "Max projects". */
function label(name) {
  const text = name.replaceAll(/[_-]+/g, " ").trim();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Any JSON value as text. */
function valueText(value) {
  if (value === true) return t.yes;
  if (value === false || value === null) return t.no;
  if (typeof value === "number") return value.toLocaleString(locale);
  if (Array.isArray(value)) return value.map(valueText).join(", ");
  if (typeof value === "object") return Object.entries(value).map(([name, inner]) => `${label(name).toLowerCase()} ${valueText(inner)}`).join(", ");
  return value;
}

function item(name, value) {
  if (value === true) return h("li", {}, label(name));
  if (value === false || value === null) return h("li", { class: "excluded" }, format(t.not_included, { feature: label(name) }));
  return h("li", {}, format(t.feature_value, { feature: label(name), value: valueText(value) }));
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** The uses in a month, for a limit that gives some. */
function limitItem(name, limit) {
  if (!Number.isInteger(limit) || limit <= 0) return h("li", { class: "excluded" }, format(t.not_included, { feature: label(name) }));
  return h("li", {}, format(t.per_month, { feature: label(name), limit: limit.toLocaleString(locale) }));
}

/** One line for each feature. A limit says more than a switch of the same name. */
export function featureList({ limits, ...others }) {
  const isLimits = isObject(limits);
  if (!isLimits && limits !== undefined) others.limits = limits;
  const counted = isLimits ? limits : {};
  const items = [
    ...Object.entries(counted).map(([name, limit]) => limitItem(name, limit)),
    ...Object.entries(others).filter(([name]) => !(name in counted)).map(([name, value]) => item(name, value)),
  ];
  return items.length > 0 && h("ul", { class: "features" }, ...items);
}
