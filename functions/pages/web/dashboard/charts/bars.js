// Bars: stacked, upwards and downwards.

import { s } from "../ui/svg.js";
import { axisWidth, figure, grid } from "./figure.js";
import { labelled, linear, niceTicks } from "./scale.js";

const HEIGHT = 200;
const FOOT = 22;
const HEAD = 8;

/** A box that is rounded at the end away from zero. */
function box(x, width, from, to, attributes) {
  return s("rect", { x, width, y: Math.min(from, to), height: Math.max(Math.abs(to - from), 0.5), rx: Math.min(2, width / 3), ...attributes });
}

/** Stripes over the bars of a day that is not over. */
function hatch(id) {
  return s("pattern", { id: `${id}-hatch`, width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, s("rect", { class: "hatch", width: 2.5, height: 5 }));
}

/**
 * labels   what stands below each position; full: (index) => the name of a position in full
 * series   [{ name, color, values }]: values below 0 go downwards
 * format   (value) => text; axis: the same, shorter, for the axis
 * partial  the index of a position that is not complete; optional
 */
export function bars({ title, summary, note, labels, full, series, format, axis = format, partial = -1, whole = false, room = 64 }) {
  const positions = labels.map((_, at) => at);
  const stack = positions.map((at) => {
    let [up, down] = [0, 0];
    return series.map(({ values }) => {
      const value = values[at];
      if (value < 0) return [down, (down += value)];
      return [up, (up += value)];
    });
  });
  const edges = stack.flat(2);
  const ticks = niceTicks(Math.min(...edges, 0), Math.max(...edges, 0), 4, { whole });
  const read = (at) => `${full(at)}${at === partial ? " (not over yet)" : ""}: ${series.map(({ name, values }) => (series.length > 1 ? `${name} ${format(values[at])}` : format(values[at]))).join(", ")}`;

  function draw(width, id) {
    const left = axisWidth(ticks, axis);
    const y = linear([ticks[0], ticks.at(-1)], [HEIGHT - FOOT, HEAD]);
    const step = (width - left) / labels.length;
    const gap = step > 6 ? Math.min(step * 0.28, 18) : step * 0.15;
    const shapes = stack.flatMap((parts, at) =>
      parts.flatMap(([from, to], of) => {
        if (from === to) return [];
        const place = [left + at * step + gap / 2, step - gap, y(from), y(to)];
        const drawn = [box(...place, { class: `bar series-${series[of].color}` })];
        return at === partial ? [...drawn, box(...place, { fill: `url(#${id}-hatch)` })] : drawn;
      }),
    );
    const shown = labelled(labels.length, (width - left) / room);
    const names = shown.map((at) => {
      const isLast = at === labels.length - 1 && step < room;
      return s("text", { class: "tick", x: isLast ? width : left + (at + 0.5) * step, y: HEIGHT - 6, "text-anchor": isLast ? "end" : "middle" }, labels[at]);
    });
    return { nodes: [hatch(id), ...grid(ticks, y, { left, right: 0, width, format: axis }), ...shapes, ...names], left, right: 0 };
  }

  const rows = positions.map((at) => [full(at), ...series.map(({ values }) => format(values[at]))]);
  return figure({ title, summary, note, height: HEIGHT, count: labels.length, read, draw, legend: series.length > 1 ? series : [], head: ["From", ...series.map(({ name }) => name)], rows });
}
