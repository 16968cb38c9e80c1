// What every chart is made of: a figure with its title, a drawing that fits its width, a line that reads values, a legend
// and the data as a table.

import { h } from "../../account/dom.js";
import { s } from "../ui/svg.js";

const START_WIDTH = 560;
let figures = 0;

/** One redraw for all charts of a page whose width changed. */
const sizes = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) redraws.get(target)?.(contentRect.width);
});
const redraws = new WeakMap();

/**
 * title    a heading
 * summary  one sentence that says what the chart shows
 * height   of the drawing
 * count    how many positions can be read, from left to right; 0 for a drawing without positions
 * read     (index) => the values at a position as a sentence
 * draw     (width, id) => { nodes, left, right }: the drawing and the margins of its positions; `id` is unique
 * legend   [{ name, color, value?, href? }]
 * head     the names of the columns of the data; rows: its rows, numbers as texts
 * note     a node or text below the title; optional
 */
export function figure({ title, summary, height, count = 0, read, draw, legend = [], head, rows, note }) {
  figures += 1;
  const id = `chart-${figures}`;
  const reading = h("p", { class: "reading", "aria-live": "polite" });
  const plot = s("svg", { class: "plot", role: "img", "aria-label": summary, ...(count > 0 && { tabindex: 0, "aria-describedby": `${id}-keys` }) });
  const band = s("rect", { class: "band", y: 0, height, visibility: "hidden" });
  let margins = { left: 0, right: 0, width: START_WIDTH };
  let at = null;

  function redraw(width) {
    if (!(width > 0)) return;
    const { nodes, left = 0, right = 0 } = draw(width, id);
    margins = { left, right, width };
    plot.setAttribute("viewBox", `0 0 ${Math.round(width)} ${height}`);
    plot.replaceChildren(band, ...nodes);
    mark(at);
  }

  function mark(index) {
    at = index;
    band.setAttribute("visibility", index === null ? "hidden" : "visible");
    reading.textContent = index === null ? "" : read(index);
    if (index === null) return;
    const step = (margins.width - margins.left - margins.right) / count;
    band.setAttribute("x", margins.left + index * step);
    band.setAttribute("width", step);
  }

  function pointed({ clientX }) {
    const box = plot.getBoundingClientRect();
    const x = ((clientX - box.left) / box.width) * margins.width - margins.left;
    const index = Math.floor((x / (margins.width - margins.left - margins.right)) * count);
    mark(index >= 0 && index < count ? index : null);
  }

  function pressed(event) {
    const moves = { ArrowLeft: (at ?? count) - 1, ArrowRight: (at ?? -1) + 1, Home: 0, End: count - 1 };
    if (event.key === "Escape") return mark(null);
    if (!(event.key in moves)) return;
    event.preventDefault();
    mark(Math.min(count - 1, Math.max(0, moves[event.key])));
  }

  if (count > 0) {
    plot.addEventListener("pointermove", pointed);
    plot.addEventListener("pointerdown", pointed);
    plot.addEventListener("pointerleave", () => mark(null));
    plot.addEventListener("keydown", pressed);
    plot.addEventListener("blur", () => mark(null));
  }
  redraws.set(plot, redraw);
  redraw(START_WIDTH);
  sizes.observe(plot);
  return h(
    "figure",
    { class: "chart" },
    h("figcaption", {}, h("h2", {}, title), note && h("div", { class: "soft" }, note)),
    plot,
    count > 0 && h("p", { class: "hidden", id: `${id}-keys` }, "Use the arrow keys to read the values."),
    count > 0 && reading,
    count > 0 && h("p", { class: "reading idle", "aria-hidden": "true" }, summary),
    legend.length > 0 && h("ul", { class: "legend" }, ...legend.map(entry)),
    h("details", { class: "data" }, h("summary", {}, "Data", h("span", { class: "hidden" }, ` of ${title}`)), table(title, head, rows)),
  );
}

function entry({ name, color, value, href }) {
  const text = href ? h("a", { href }, name) : h("span", {}, name);
  return h("li", {}, h("span", { class: `swatch series-${color}` }), text, value !== undefined && h("strong", {}, value));
}

function table(title, head, rows) {
  const cells = (row) => row.map((text, at) => h(at === 0 ? "th" : "td", { scope: at === 0 && "row", class: at > 0 && "number" }, text));
  const heads = head.map((name, at) => h("th", { scope: "col", class: at > 0 && "number" }, name));
  return h(
    "div",
    { class: "data-frame", role: "region", "aria-label": `Data of ${title}`, tabindex: "0" },
    h("table", {}, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...rows.map((row) => h("tr", {}, ...cells(row))))),
  );
}

/** Lines across the drawing with their values, and the line of zero. */
export function grid(ticks, y, { left, right, width, format }) {
  return ticks.flatMap((tick) => [
    s("line", { class: tick === 0 ? "zero" : "gridline", x1: left, x2: width - right, y1: y(tick), y2: y(tick) }),
    s("text", { class: "tick", x: left - 8, y: y(tick) + 4, "text-anchor": "end" }, format(tick)),
  ]);
}

/** The room that the values of an axis take. */
export const axisWidth = (ticks, format) => 14 + Math.max(...ticks.map((tick) => format(tick).length)) * 6.6;
