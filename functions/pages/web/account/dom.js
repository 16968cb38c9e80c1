// Elements, dates and amounts. Text is always set as text, never as HTML.

import { format, locale } from "./language.js";
import { messageOf } from "./problems.js";

/** An element: h("p", {class: "soft"}, "text", child …). Attributes such as `onclick` add listeners. */
export const h = (name, attributes, ...children) => complete(document.createElement(name), attributes, children);

/** Gives an element its attributes and children, without those that are undefined, null or false. */
export function complete(element, attributes, children) {
  const isGiven = (value) => value !== undefined && value !== null && value !== false;
  for (const [key, value] of Object.entries(attributes ?? {}).filter(([, value]) => isGiven(value))) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter(isGiven));
  return element;
}

/** What to tell a person about a problem. */
export const sentence = (problem) => messageOf(problem);

export function time(text) {
  const label = new Date(text).toLocaleString(locale, { dateStyle: "medium", timeStyle: "short" });
  return h("time", { datetime: text }, label);
}

export function date(text) {
  return h("time", { datetime: text }, new Date(text).toLocaleDateString(locale, { dateStyle: "medium" }));
}

/** The currencies that Stripe counts in whole units, and in thousandths. The decimals that browsers use differ. */
const WHOLE = ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"];
const THOUSANDTHS = ["bhd", "iqd", "jod", "kwd", "lyd", "omr", "tnd"];

/** How many decimals Stripe counts a currency in. */
export function decimals(currency) {
  if (WHOLE.includes(currency)) return 0;
  return THOUSANDTHS.includes(currency) ? 3 : 2;
}

/** An amount in minor units, formatted in its currency. */
export function money(amount, currency) {
  const digits = decimals(currency);
  const amounts = new Intl.NumberFormat(locale, { style: "currency", currency, minimumFractionDigits: digits, maximumFractionDigits: digits });
  return amounts.format(amount / 10 ** digits);
}

/** "$19.00 a month", or "Free". */
export function price(cents, currency, period) {
  return cents === 0 ? t.free : format(period === "year" ? t.price_year : t.price_month, { amount: money(cents, currency) });
}
