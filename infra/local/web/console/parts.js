// Parts of the views: panels, tables, empty states, links to other views.

import { h } from "/account/dom.js";
import { when } from "/dashboard/ui/parts.js";

/** A section with a heading. */
export const panel = (title, ...content) => h("section", { class: "panel" }, title && h("h2", {}, title), ...content);

/** An empty state: what to do first. */
export function nothing(title, ...text) {
  return h("div", { class: "nothing" }, h("p", { class: "nothing-title" }, title), h("p", { class: "soft" }, ...text));
}

/** A table: `columns` are [name, cell of a row, class]. On a phone each row is a card. */
export function table(label, columns, rows) {
  const cell = (row, [name, content, kind]) => h("td", { class: kind, "data-name": name }, h("div", {}, ...[content(row)].flat()));
  const head = h("thead", {}, h("tr", {}, ...columns.map(([name, , kind]) => h("th", { class: kind, scope: "col" }, name))));
  const body = h("tbody", {}, ...rows.map((row) => h("tr", {}, ...columns.map((column) => cell(row, column)))));
  // A table wider than the page scrolls, by keys too.
  return h("div", { class: "list" }, h("div", { class: "table-frame", tabindex: "0", role: "group", "aria-label": label }, h("table", { "aria-label": label }, head, body)));
}

/** The address of a view with its query: `to("log", {q: "req_1"})`. */
export function to(path, query = {}) {
  const text = new URLSearchParams(Object.entries(query).filter(([, value]) => value)).toString();
  return `#${path}${text ? `?${text}` : ""}`;
}

/** Goes to a view. */
export function goTo(path, query) {
  location.hash = to(path, query);
}

/** A time of Stripe's: seconds since 1970. */
export const stripeTime = (seconds) => when(seconds === null || seconds === undefined ? null : new Date(seconds * 1000).toISOString());

/** JSON that can be read, with a button that shows it. */
export function json(label, value) {
  return h("details", {}, h("summary", {}, label), h("pre", { tabindex: "0" }, JSON.stringify(value, null, 2)));
}

/** "every hour", "every 30 minutes". */
export function every(minutes) {
  if (minutes % 1440 === 0) return minutes === 1440 ? "every day" : `every ${minutes / 1440} days`;
  if (minutes % 60 === 0) return minutes === 60 ? "every hour" : `every ${minutes / 60} hours`;
  return `every ${minutes} minutes`;
}
