// Shares of a whole as one bar, and steps of which each is a part of the previous one.

import { s } from "../ui/svg.js";
import { figure } from "./figure.js";

const BAR = 18;
const ROW = 44;

const percent = (part, whole) => (whole > 0 ? `${Math.round((part / whole) * 100)}%` : "–");

/** parts: [{ name, value, color, href? }]; format: (value) => text. The legend names each part with its value. */
export function share({ title, summary, note, parts, format }) {
  const shown = parts.filter(({ value }) => value > 0);
  const whole = shown.reduce((sum, { value }) => sum + value, 0);

  function draw(width) {
    let x = 0;
    const boxes = shown.map(({ value, color, name }) => {
      const size = (value / whole) * width;
      const box = s("rect", { class: `bar series-${color}`, x, width: Math.max(size - 2, 1), y: 2, height: BAR, rx: 3 }, s("title", {}, `${name}: ${format(value)}`));
      x += size;
      return box;
    });
    return { nodes: boxes.length > 0 ? boxes : [s("rect", { class: "empty-bar", x: 0, width, y: 2, height: BAR, rx: 3 })] };
  }

  const legend = parts.map(({ name, value, color, href }) => ({ name, color, href, value: format(value) }));
  const rows = parts.map(({ name, value }) => [name, format(value), percent(value, whole)]);
  return figure({ title, summary, note, height: BAR + 4, draw, legend, head: ["Name", "Number", "Share"], rows });
}

/**
 * One bar below the other: parts: [{ name, value, color, text? }], where `text` stands for the value. In a funnel each
 * is a part of the first.
 */
export function steps({ title, summary, note, parts, format, isFunnel = true }) {
  const first = isFunnel ? parts[0].value : Math.max(...parts.map(({ value }) => value), 0);

  function draw(width) {
    const nodes = parts.flatMap(({ name, value, color, text = format(value) }, at) => {
      const top = at * ROW;
      const size = first > 0 ? (value / first) * width : 0;
      const share = isFunnel && at > 0 ? ` · ${percent(value, first)}` : "";
      return [
        s("text", { class: "label", x: 0, y: top + 14 }, name),
        s("text", { class: "label strong", x: width, y: top + 14, "text-anchor": "end" }, `${text}${share}`),
        s("rect", { class: "empty-bar", x: 0, y: top + 21, width, height: 10, rx: 3 }),
        s("rect", { class: `bar series-${color}`, x: 0, y: top + 21, width: Math.max(size, value > 0 ? 2 : 0), height: 10, rx: 3 }),
      ];
    });
    return { nodes };
  }

  const rows = parts.map(({ name, value, text = format(value) }) => [name, text, ...(isFunnel ? [percent(value, first)] : [])]);
  return figure({ title, summary, note, height: parts.length * ROW - 8, draw, head: ["Name", "Number", ...(isFunnel ? [`Of ${parts[0].name.toLowerCase()}`] : [])], rows });
}
