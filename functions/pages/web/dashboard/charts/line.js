// Lines over days, the first one with its area.

import { s } from "../ui/svg.js";
import { seriesFigure } from "./figure.js";

/** The fields are those of bars(). Each further line has a pattern of its own beside its colour. */
export function line(chart) {
  function draw({ left, step, y }) {
    const x = (at) => (left + (at + 0.5) * step).toFixed(1);
    return chart.series.flatMap(({ values, color }, of) => {
      const points = values.map((value, at) => `${x(at)},${y(value).toFixed(1)}`).join(" ");
      const last = values.length - 1;
      const area = of === 0 && s("polygon", { class: `area series-${color}`, points: `${x(0)},${y(0)} ${points} ${x(last)},${y(0)}` });
      const stroke = s("polyline", { class: `line series-${color}`, points, "stroke-dasharray": of > 0 && `${6 - of} ${2 + of}` });
      return [area, stroke, s("circle", { class: `bar series-${color}`, cx: x(last), cy: y(values[last]), r: 3 })].filter(Boolean);
    });
  }

  return seriesFigure({ ...chart, edges: chart.series.flatMap(({ values }) => values), draw });
}
