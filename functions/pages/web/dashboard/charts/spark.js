// A line without axes beside a number.

import { s } from "../ui/svg.js";
import { linear } from "./scale.js";

const [WIDTH, HEIGHT] = [96, 28];

/** The course of `values`; `summary` says it in words. Nothing where there are fewer than two values. */
export function spark({ values, summary, color = 1 }) {
  if (values.length < 2) return null;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const y = low === high ? () => HEIGHT / 2 : linear([low, high], [HEIGHT - 2, 2]);
  const x = linear([0, values.length - 1], [1, WIDTH - 1]);
  const points = values.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  return s("svg", { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": summary }, s("polyline", { class: `line series-${color}`, points }));
}
