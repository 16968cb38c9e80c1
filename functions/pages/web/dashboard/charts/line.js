// Lines over days, the first one with its area.

import { s } from "../ui/svg.js";
import { axisWidth, figure, grid } from "./figure.js";
import { labelled, linear, niceTicks } from "./scale.js";

const HEIGHT = 200;
const FOOT = 22;
const HEAD = 8;

/** labels, full, series, format, axis: as of bars(). Each further line has a pattern of its own beside its colour. */
export function line({ title, summary, note, labels, full, series, format, axis = format, whole = false, room = 64 }) {
  const all = series.flatMap(({ values }) => values);
  const ticks = niceTicks(Math.min(...all, 0), Math.max(...all, 0), 4, { whole });
  const read = (at) => `${full(at)}: ${series.map(({ name, values }) => (series.length > 1 ? `${name} ${format(values[at])}` : format(values[at]))).join(", ")}`;

  function draw(width) {
    const left = axisWidth(ticks, axis);
    const y = linear([ticks[0], ticks.at(-1)], [HEIGHT - FOOT, HEAD]);
    const step = (width - left) / labels.length;
    const x = (at) => left + (at + 0.5) * step;
    const lines = series.flatMap(({ values, color }, of) => {
      const points = values.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`);
      const area = of === 0 && s("polygon", { class: `area series-${color}`, points: `${x(0)},${y(0)} ${points.join(" ")} ${x(values.length - 1)},${y(0)}` });
      const stroke = s("polyline", { class: `line series-${color}`, points: points.join(" "), "stroke-dasharray": of > 0 && `${6 - of} ${2 + of}` });
      const end = s("circle", { class: `bar series-${color}`, cx: x(values.length - 1), cy: y(values.at(-1)), r: 3 });
      return [area, stroke, end].filter(Boolean);
    });
    const names = labelled(labels.length, (width - left) / room).map((at) => {
      const isLast = at === labels.length - 1 && step < room;
      return s("text", { class: "tick", x: isLast ? width : x(at), y: HEIGHT - 6, "text-anchor": isLast ? "end" : "middle" }, labels[at]);
    });
    return { nodes: [...grid(ticks, y, { left, right: 0, width, format: axis }), ...lines, ...names], left, right: 0 };
  }

  const rows = labels.map((_, at) => [full(at), ...series.map(({ values }) => format(values[at]))]);
  return figure({ title, summary, note, height: HEIGHT, count: labels.length, read, draw, legend: series.length > 1 ? series : [], head: ["Day", ...series.map(({ name }) => name)], rows });
}
