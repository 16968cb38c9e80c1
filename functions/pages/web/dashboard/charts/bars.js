// Bars: stacked, upwards and downwards.

import { s } from "../ui/svg.js";
import { seriesFigure } from "./figure.js";

function box(x, width, from, to, attributes) {
  return s("rect", { x, width, y: Math.min(from, to), height: Math.max(Math.abs(to - from), 0.5), rx: Math.min(2, width / 3), ...attributes });
}

/** Stripes over the bars of the current day. */
function hatch(id) {
  return s("pattern", { id: `${id}-hatch`, width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, s("rect", { class: "hatch", width: 2.5, height: 5 }));
}

/**
 * title, summary, note: of figure()
 * labels   what stands below each position; full: (index) => the name of a position in full
 * series   [{ name, color, values }]: values below 0 go downwards
 * format   (value) => text; axis: the same, shorter, for the axis; whole: whether there are no fractions
 * partial  the index of a position that is not complete; optional
 * heading  what the positions are, for the table of the data: "Day"
 */
export function bars(chart) {
  const stack = chart.labels.map((_, at) => {
    let [up, down] = [0, 0];
    return chart.series.map(({ values }) => (values[at] < 0 ? [down, (down += values[at])] : [up, (up += values[at])]));
  });

  function draw({ left, step, y, id }) {
    const gap = step > 6 ? Math.min(step * 0.28, 18) : step * 0.15;
    const shapes = stack.flatMap((parts, at) =>
      parts.flatMap(([from, to], of) => {
        if (from === to) return [];
        const place = [left + at * step + gap / 2, step - gap, y(from), y(to)];
        const bar = box(...place, { class: `bar series-${chart.series[of].color}` });
        return at === chart.partial ? [bar, box(...place, { fill: `url(#${id}-hatch)` })] : [bar];
      }),
    );
    return [hatch(id), ...shapes];
  }

  return seriesFigure({ ...chart, edges: stack.flat(2), draw });
}
