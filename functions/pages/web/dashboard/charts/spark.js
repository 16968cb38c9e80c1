// A line without axes beside a number.

import { s } from "../ui/svg.js";
import { linear } from "./scale.js";

const [WIDTH, HEIGHT] = [96, 28];
const MOST_POINTS = 48;

/** Averages of neighbours, where there are more values than a small line can show. */
function averages(values) {
  const size = Math.ceil(values.length / MOST_POINTS);
  const chunks = Array.from({ length: Math.ceil(values.length / size) }, (_, at) => values.slice(at * size, (at + 1) * size));
  return chunks.map((chunk) => chunk.reduce((sum, value) => sum + value, 0) / chunk.length);
}

/** The course of `values`, named by `summary`; nothing where they are all the same. */
export function spark({ values, summary, color = 1 }) {
  const shown = averages(values);
  const [low, high] = [Math.min(...shown), Math.max(...shown)];
  if (shown.length < 2 || low === high) return null;
  const y = linear([low, high], [HEIGHT - 2, 2]);
  const x = linear([0, shown.length - 1], [1, WIDTH - 1]);
  const points = shown.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  return s("svg", { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": summary }, s("polyline", { class: `line series-${color}`, points }));
}
