// Scales of charts: round numbers on an axis, and days in UTC, as the statistics count them.

import { locale } from "../../account/language.js";

/** Round numbers from below `min` to above `max`, about `wanted` of them; 0 is among them. */
export function niceTicks(min, max, wanted = 4, { whole = false } = {}) {
  const low = Math.min(0, min);
  const high = Math.max(0, max, low + (whole ? wanted : 1e-9));
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999 && (!whole || Number.isInteger(size))) ?? 10 * power;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, at) => (first + at) * step);
}

/** A function that maps `from` [low, high] to `to` [low, high]. */
export function linear([low, high], [start, end]) {
  const span = high - low || 1;
  return (value) => start + ((value - low) / span) * (end - start);
}

const format = (options) => new Intl.DateTimeFormat(locale, { timeZone: "UTC", ...options });
const shortDay = format({ month: "short", day: "numeric" });
const longDay = format({ dateStyle: "long" });
const utc = (date) => new Date(`${date}T00:00:00Z`);

/** "Nov 12" of "2026-11-12". */
export const dayLabel = (date) => shortDay.format(utc(date));

/** "November 12, 2026". */
export const dayText = (date) => longDay.format(utc(date));

/** Which of `total` positions get a label, so that `room` labels fit: the last one always does. */
export function labelled(total, room) {
  const step = Math.max(1, Math.ceil(total / Math.max(1, room)));
  return Array.from({ length: total }, (_, at) => at).filter((at) => (total - 1 - at) % step === 0);
}
