// The rows of a report: numbers to the right, amounts as money, sorted in place, two columns as a chart.

import { h, money } from "../../../account/dom.js";
import { locale } from "../../../account/language.js";
import { bars } from "../../charts/bars.js";
import { line } from "../../charts/line.js";
import { reference } from "../../names.js";
import { count, plural, when } from "../../ui/parts.js";

const ID = /^(usr|sub|pay|plan|rep)_[0-9a-f]{32}$/;
const DAY = /^\d{4}-\d\d(-\d\d)?$/;
/** A chart with more positions cannot be read. */
const MAX_POSITIONS = 120;
/** Longer texts are wrapped. */
const LONG = 40;

function format(value, column, row, columns) {
  if (value === null) return h("span", { class: "soft" }, "null");
  const currency = row[columns.indexOf("currency")];
  if (typeof value === "number" && column.endsWith("_cents") && /^[a-z]{3}$/.test(currency ?? "")) return h("span", { title: String(value) }, money(value, currency));
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : String(Math.round(value * 1e6) / 1e6);
  return ID.test(value) ? reference(value) : h("span", { dir: "auto" }, String(value));
}

/** Numbers by size, texts by the alphabet, nulls last in both directions. */
function compare(a, b, direction) {
  if (a === null || b === null) return (a === null) - (b === null);
  const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
  return order * direction;
}

function table(columns, rows) {
  const isNumber = columns.map((_, at) => rows.some((row) => typeof row[at] === "number") && rows.every((row) => row[at] === null || typeof row[at] === "number"));
  const body = h("tbody", {});
  const heads = columns.map((name, at) => h("th", { scope: "col", class: isNumber[at] && "number" }, h("button", { type: "button", class: "plain small", onclick: () => sort(at) }, name)));
  let sorted = { at: -1, direction: 1 };

  function show(shown) {
    body.replaceChildren(...shown.map((row) => h("tr", {}, ...row.map((value, at) => h("td", { class: isNumber[at] ? "number" : String(value).length > LONG && "long" }, format(value, columns[at], row, columns))))));
  }

  function sort(at) {
    sorted = { at, direction: sorted.at === at ? -sorted.direction : 1 };
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[at].setAttribute("aria-sort", sorted.direction > 0 ? "ascending" : "descending");
    show([...rows].sort((a, b) => compare(a[at], b[at], sorted.direction)));
  }

  show(rows);
  return h("div", { class: "table-frame result-rows", tabindex: "0", role: "region", "aria-label": "Result" }, h("table", {}, h("thead", {}, h("tr", {}, ...heads)), body));
}

/** The chart of two columns, a label and a number; null for rows of another form. */
function chart(columns, rows) {
  const isChart = columns.length === 2 && rows.length > 1 && rows.length <= MAX_POSITIONS && rows.every((row) => typeof row[1] === "number");
  if (!isChart) return null;
  const isTime = rows.every(([label]) => DAY.test(label));
  const ordered = isTime ? [...rows].sort(([a], [b]) => a.localeCompare(b)) : rows;
  const labels = ordered.map(([label]) => String(label ?? "null"));
  const cents = columns[1].endsWith("_cents");
  const number = (value) => (cents ? (value / 100).toLocaleString(locale, { minimumFractionDigits: 2 }) : value.toLocaleString(locale));
  const name = columns[1].replace(/_cents$/, "").replaceAll("_", " ");
  const summary = `${name} by ${columns[0].replaceAll("_", " ")}: ${labels.length} values from ${labels[0]} to ${labels.at(-1)}.`;
  const draw = isTime && rows.length > 12 ? line : bars;
  return draw({ title: `${name} by ${columns[0].replaceAll("_", " ")}`, summary, labels, full: (at) => labels[at], series: [{ name, color: 1, values: ordered.map((row) => row[1]) }], format: number, whole: !cents && rows.every((row) => Number.isInteger(row[1])) });
}

/** A report that succeeded. */
export function result({ columns, rows, row_count, as_of }) {
  const drawing = h("div", { class: "drawing" });
  const hasChart = chart(columns, rows) !== null;
  const toggle = h("button", { type: "button", class: "quiet small", onclick: flip }, "Show as a chart");

  function flip() {
    const isShown = drawing.childElementCount > 0;
    toggle.textContent = isShown ? "Show as a chart" : "Hide the chart";
    drawing.replaceChildren(...(isShown ? [] : [chart(columns, rows)]));
  }

  const part = row_count > rows.length ? ` The first ${count(rows.length)} are shown; the CSV file has all.` : "";
  const summary = h("p", { class: "soft" }, `${plural(row_count, "row")}, from the tables as of `, when(as_of), `.${part}`);
  return [h("div", { class: "panel-head" }, summary, hasChart && toggle), drawing, rows.length > 0 ? table(columns, rows) : h("p", {}, "No rows: no record matches the statement.")];
}
