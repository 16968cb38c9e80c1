// The statistics of GET /admin/stats as the overview shows them: a period, the one before it, one currency.

import { call } from "../../../account/client.js";

const MOST_DAYS = 365;

/** A field of a day: a number, or one number per currency or status. */
export function amount(field, key) {
  if (typeof field === "number") return field;
  return field?.[key] ?? 0;
}

/** The same over all currencies or statuses. */
const total = (field) => (typeof field === "number" ? field : sum(Object.values(field ?? {})));

export const sum = (values) => values.reduce((all, value) => all + value, 0);

/** The statistics of the last `range` days, and the days of the previous period, if they are stored. */
export async function load(range) {
  const [stats, longer] = await Promise.all([
    call("GET", `/admin/stats?days=${range}`),
    range * 2 <= MOST_DAYS ? call("GET", `/admin/stats?days=${range * 2}`) : { days: [] },
  ]);
  const days = (stats.days ?? []).slice(-range);
  const before = (longer.days ?? []).filter(({ date }) => days.length > 0 && date < days[0].date).slice(-range);
  return { stats, days, before: before.length === range ? before : [] };
}

/** All currencies of the figures, that with the highest recurring revenue first. */
export function currenciesOf({ stats, days }) {
  const mrr = stats.mrr_cents ?? {};
  const names = new Set([...Object.keys(mrr), ...days.flatMap(({ revenue_cents }) => Object.keys(revenue_cents ?? {}))]);
  return [...names].sort((one, other) => (mrr[other] ?? 0) - (mrr[one] ?? 0) || one.localeCompare(other));
}

/** The values of each day in the charts. */
export function series(days, currency) {
  return {
    signUps: days.map(({ sign_ups }) => sign_ups ?? 0),
    revenue: days.map(({ revenue_cents }) => amount(revenue_cents, currency)),
    refunded: days.map(({ refunded_cents }) => amount(refunded_cents, currency)),
    mrr: days.map(({ mrr_cents }) => amount(mrr_cents, currency)),
    failed: days.map(({ failed_payments }) => total(failed_payments)),
    subscriptions: days.map(({ subscriptions }) => total(subscriptions)),
  };
}

/** The sums over a period; null for a period that is not kept. */
export function sums(days, currency) {
  if (days.length === 0) return null;
  const { signUps, revenue, refunded, failed } = series(days, currency);
  return { signUps: sum(signUps), net: sum(revenue) - sum(refunded), failed: sum(failed) };
}

/** MRR at the start, its movements as signed amounts, and MRR at the end: null where the API does not give movements. */
export function movements({ stats }, currency) {
  const found = stats.mrr_movements?.[currency];
  if (!found) return null;
  const signed = { new: found.new ?? 0, expansion: found.expansion ?? 0, reactivation: found.reactivation ?? 0, contraction: 0 - (found.contraction ?? 0), churn: 0 - (found.churn ?? 0) };
  const end = amount(stats.mrr_cents, currency);
  return { start: end - sum(Object.values(signed)), signed, end };
}

/** Days put together to weeks, so that a year fits: [{ date (the first day), days }]. The last week ends today. */
export function weeks(days) {
  const first = days.length % 7;
  const starts = Array.from({ length: Math.ceil(days.length / 7) }, (_, at) => (first === 0 ? at * 7 : Math.max(0, first + (at - 1) * 7)));
  return starts.map((start, at) => days.slice(start, starts[at + 1] ?? days.length));
}
