// The parts of every chart: a figure with its title, a drawing that fits its width, a line that reads values, a legend
// and the data as a table.

import { h } from "../../account/dom.js";
import { s } from "../ui/svg.js";
import { labelled, linear, niceTicks } from "./scale.js";

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
 * draw     (width, id) => { nodes, left }: the drawing and the margin before its positions; `id` is unique
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
  let [left, size] = [0, START_WIDTH];
  let at = null;

  function redraw(width) {
    if (!(width > 0)) return;
    const drawn = draw(width, id);
    [left, size] = [drawn.left ?? 0, width];
    plot.setAttribute("viewBox", `0 0 ${Math.round(width)} ${height}`);
    plot.replaceChildren(band, ...drawn.nodes);
    mark(at);
  }

  function mark(index) {
    at = index;
    band.setAttribute("visibility", index === null ? "hidden" : "visible");
    reading.textContent = index === null ? "" : read(index);
    if (index === null) return;
    const step = (size - left) / count;
    band.setAttribute("x", left + index * step);
    band.setAttribute("width", step);
  }

  function pointed({ clientX }) {
    const box = plot.getBoundingClientRect();
    const x = ((clientX - box.left) / box.width) * size - left;
    const index = Math.floor((x / (size - left)) * count);
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

const HEIGHT = 200;
const FOOT = 22;
const HEAD = 8;
/** The width of one character of an axis. */
const CHARACTER = 6.6;

/** A chart of series over the positions `labels`: their axes, what is read of them, and their table. See bars(). */
export function seriesFigure({ title, summary, note, labels, full, series, format, axis = format, partial = -1, heading = "Name", edges, whole, draw }) {
  const ticks = niceTicks(Math.min(...edges, 0), Math.max(...edges, 0), 4, { whole });
  const left = 14 + Math.max(...ticks.map((tick) => axis(tick).length)) * CHARACTER;
  const y = linear([ticks[0], ticks.at(-1)], [HEIGHT - FOOT, HEAD]);
  const room = Math.max(...labels.map(({ length }) => length)) * CHARACTER + 20;
  const texts = (at) => series.map(({ values }) => format(values[at]));

  function drawAll(width, id) {
    const step = (width - left) / labels.length;
    const lines = ticks.flatMap((tick) => [
      s("line", { class: tick === 0 ? "zero" : "gridline", x1: left, x2: width, y1: y(tick), y2: y(tick) }),
      s("text", { class: "tick", x: left - 8, y: y(tick) + 4, "text-anchor": "end" }, axis(tick)),
    ]);
    const last = labels.length - 1;
    // The last label ends at the edge, where the one before it may have no room.
    const hasRoom = (at) => at === last || left + (at + 0.5) * step + (labels[at].length / 2 + labels[last].length + 1) * CHARACTER < width;
    const names = labelled(labels.length, (width - left) / room).filter(hasRoom).map((at) => {
      const isLast = at === last && step < room;
      return s("text", { class: "tick", x: isLast ? width : left + (at + 0.5) * step, y: HEIGHT - 6, "text-anchor": isLast ? "end" : "middle" }, labels[at]);
    });
    return { nodes: [...lines, ...draw({ left, step, y, id }), ...names], left };
  }

  const read = (at) => `${full(at)}${at === partial ? " (not over yet)" : ""}: ${texts(at).map((text, of) => (series.length > 1 ? `${series[of].name} ${text}` : text)).join(", ")}`;
  const rows = labels.map((_, at) => [full(at), ...texts(at)]);
  return figure({ title, summary, note, height: HEIGHT, count: labels.length, read, draw: drawAll, legend: series.length > 1 ? series : [], head: [heading, ...series.map(({ name }) => name)], rows });
}
