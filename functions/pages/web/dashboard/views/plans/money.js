// Amounts as an admin types them, in the decimals that Stripe counts the currency in.

import { decimals, price } from "../../../account/dom.js";

export const isCurrency = (code) => /^[a-z]{3}$/.test(code);

/** 1900 of "usd" as "19.00". */
export function toText(cents, currency) {
  const count = decimals(currency);
  const text = String(cents).padStart(count + 1, "0");
  return count === 0 ? text : `${text.slice(0, -count)}.${text.slice(-count)}`;
}

/** "19", "19,5" or "19.50" as minor units; null for a text that is not an amount of the currency. */
export function toCents(text, currency) {
  const count = decimals(currency);
  const [, whole, part = ""] = /^(\d{1,10})(?:[.,](\d*))?$/.exec(text.trim()) ?? [];
  if (whole === undefined || part.length > count) return null;
  return Number(whole + part.padEnd(count, "0"));
}

/** "$19.00 a month", "Free". */
export const priceText = ({ price_cents, currency, billing_period }) => price(price_cents, currency, billing_period);
