// Small parts that all pages share.

import { h, money } from "../../account/dom.js";
import { locale } from "../../account/language.js";

/** The head of a page: its title, a line of text below, and buttons or links at the side. */
export function pageHead(title, { text, actions = [] } = {}) {
  const words = h("div", {}, h("h1", {}, title), text && h("p", { class: "lead" }, text));
  return h("header", { class: "page-head" }, words, actions.length > 0 && h("div", { class: "page-actions" }, ...actions));
}

/** A state as a word on a tone: "good", "warn", "bad", "info" or "plain". */
export function badge(text, tone = "plain") {
  return h("span", { class: `badge ${tone}` }, text);
}

const utc = { timeZone: "UTC", year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };

/** Both the local time with its zone and UTC, for the title of a time. */
function zones(date) {
  const local = date.toLocaleString(locale, { dateStyle: "medium", timeStyle: "long" });
  return `${local} · ${date.toLocaleString(locale, utc)} UTC`;
}

/** A time: day, hour and minute; the zone and the seconds on hover. "–" for null. */
export function when(text) {
  return stamp(text, { dateStyle: "medium", timeStyle: "short" });
}

/** The day of a time; the rest on hover. "–" for null. */
export function day(text) {
  return stamp(text, { dateStyle: "medium" });
}

function stamp(text, format) {
  if (!text) return h("span", { class: "soft" }, "–");
  const date = new Date(text);
  return h("time", { datetime: text, title: zones(date) }, date.toLocaleString(locale, format));
}

/** A whole number as people write it. */
export function count(number) {
  return new Intl.NumberFormat(locale).format(number);
}

/** "1 user", "1,200 users". */
export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** "$57.00 · €499.00": the sums by currency of [cents, currency]. */
export function amounts(all) {
  const sums = new Map();
  for (const [cents, currency] of all) sums.set(currency, (sums.get(currency) ?? 0) + cents);
  return [...sums].sort().map(([currency, cents]) => money(cents, currency)).join(" · ");
}

/** An id or code that can be copied by a click. */
export function copyable(text) {
  const button = h("button", { type: "button", class: "copy", title: "Copy", onclick: copy }, h("code", {}, text));
  async function copy() {
    await navigator.clipboard?.writeText(text);
    button.classList.add("copied");
    setTimeout(() => button.classList.remove("copied"), 1500);
  }
  return button;
}

/** Pairs of a name and a value as a description list; pairs without a value are left out. */
export function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h("dl", { class: "facts" }, ...shown.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, ...[value].flat())]));
}
