// The charts of the overview.

import { h, money } from "../../../account/dom.js";
import { bars } from "../../charts/bars.js";
import { line } from "../../charts/line.js";
import { dayLabel, dayText } from "../../charts/scale.js";
import { share, steps } from "../../charts/share.js";
import { amounts, count, plural } from "../../ui/parts.js";
import { statuses } from "../subscriptions.js";
import { amount, movements, series, sum, weeks } from "./numbers.js";

const DAYS_MOST = 100;
const colors = { active: 1, trialing: 2, past_due: 3, unpaid: 5, paused: 4, incomplete: 6, incomplete_expired: 6, canceled: 6 };

/** The positions of a chart over time: days, or weeks where there are too many. */
function positions(days) {
  const groups = days.length > DAYS_MOST ? weeks(days) : days.map((day) => [day]);
  const isWeeks = groups.length < days.length;
  return {
    groups,
    heading: isWeeks ? "Week" : "Day",
    labels: groups.map(([{ date }]) => dayLabel(date)),
    full: (at) => (isWeeks ? `week from ${dayText(groups[at][0].date)}` : dayText(groups[at][0].date)),
    partial: groups.length - 1,
    sums: (pick, currency) => groups.map((group) => sum(pick(series(group, currency)))),
  };
}

/** Amounts without ".00": an axis has round numbers. */
const short = (currency) => (value) => money(value, currency).replace(/[.,]0+(?=\D*$)/, "");

/** "The highest: 8, December 3, 2026." */
function highest(values, full, format) {
  const most = Math.max(...values);
  return most > 0 ? ` The highest: ${format(most)}, ${full(values.indexOf(most))}.` : "";
}

export function signUps({ days }) {
  const { sums, ...place } = positions(days);
  const values = sums(({ signUps }) => signUps);
  const summary = `${plural(sum(values), "sign-up")} in ${days.length} days.${highest(values, place.full, count)}`;
  return bars({ title: "Sign-ups", summary, ...place, series: [{ name: "Sign-ups", color: 2, values }], format: count, whole: true });
}

export function revenue({ days }, currency) {
  const { sums, ...place } = positions(days);
  const paid = sums((all) => all.revenue, currency);
  const refunded = sums((all) => all.refunded, currency).map((value) => (value === 0 ? 0 : -value));
  const format = (value) => money(value, currency);
  const summary = `${format(sum(paid))} paid and ${format(Math.abs(sum(refunded)))} refunded in ${days.length} days.${highest(paid, place.full, format)}`;
  return bars({ title: "Revenue and refunds", summary, ...place, series: [{ name: "Paid", color: 1, values: paid }, { name: "Refunded", color: 5, values: refunded }], format, axis: short(currency), whole: true });
}

export function recurring({ days }, currency) {
  const values = series(days, currency).mrr;
  if (days.length < 2 || days.every(({ mrr_cents }) => mrr_cents === undefined)) return null;
  const format = (value) => money(value, currency);
  const summary = `MRR went from ${format(values[0])} to ${format(values.at(-1))} in ${days.length} days.`;
  return line({ title: "MRR", summary, heading: "Day", labels: days.map(({ date }) => dayLabel(date)), full: (at) => dayText(days[at].date), series: [{ name: "MRR", color: 1, values }], format, axis: short(currency), whole: true });
}

const names = { new: "New", expansion: "Expansion", reactivation: "Reactivation", contraction: "Contraction", churn: "Churn" };

/** The movements from the MRR at the start to the MRR at the end. */
export function moved(data, currency) {
  const found = movements(data, currency);
  if (!found) return null;
  const { start, signed, end } = found;
  const format = (value) => money(value, currency);
  const plus = (value) => `${value > 0 ? "+" : ""}${format(value)}`;
  const parts = Object.entries(signed).map(([name, value]) => ({ name: names[name], value: Math.abs(value), text: plus(value), color: value < 0 ? 5 : 1 }));
  const changes = Object.entries(signed).filter(([, value]) => value !== 0).map(([name, value]) => `${names[name].toLowerCase()} ${plus(value)}`);
  const summary = `MRR went from ${format(start)} to ${format(end)}${changes.length > 0 ? `: ${changes.join(", ")}` : ""}.`;
  const note = `${format(start)} at the start, ${plus(end - start)}, ${format(end)} at the end`;
  return steps({ title: "MRR movements", summary, note, parts, format, isFunnel: false });
}

export function byStatus({ stats }) {
  const counts = stats.subscriptions ?? {};
  const parts = Object.entries(statuses).map(([status, [name]]) => ({ name, value: counts[status] ?? 0, color: colors[status], href: `/dashboard/subscriptions?status=${status}` })).filter(({ value }) => value > 0);
  const all = sum(parts.map(({ value }) => value));
  const summary = all > 0 ? `${plural(all, "subscription")}: ${parts.map(({ name, value }) => `${count(value)} ${name.toLowerCase()}`).join(", ")}.` : "No subscriptions yet.";
  return share({ title: "Subscriptions by status", summary, parts, format: count });
}

export function byPlan({ stats }, plans, currency) {
  if (!stats.by_plan) return null;
  const nameOf = (id) => plans.find((plan) => plan.id === id)?.name ?? "No plan";
  const parts = stats.by_plan
    .map(({ plan_id, subscriptions, mrr_cents }) => ({ name: nameOf(plan_id), value: subscriptions, cents: amount(mrr_cents, currency), color: 1 }))
    .sort((one, other) => other.value - one.value)
    .slice(0, 8);
  if (parts.length === 0) return null;
  const shown = parts.map((part) => ({ ...part, name: part.name.length > 32 ? `${[...part.name].slice(0, 30).join("")}…` : part.name }));
  const summary = `Most subscriptions are to ${parts[0].name}: ${count(parts[0].value)}.`;
  return steps({ title: "Subscriptions by plan", summary, parts: shown, format: count, isFunnel: false });
}

export function funnel({ stats }) {
  if (!stats.funnel) return null;
  const { registered = 0, verified = 0, trialing = 0, paying = 0 } = stats.funnel;
  const parts = [
    { name: "Registered", value: registered, color: 2 },
    { name: "Verified", value: verified, color: 2 },
    { name: "Trialing", value: trialing, color: 4 },
    { name: "Paying", value: paying, color: 1 },
  ];
  const summary = `Of ${plural(registered, "registered user")}, ${count(verified)} are verified, ${count(trialing)} in a trial, and ${count(paying)} pay.`;
  return steps({ title: "From sign-up to payment", summary, parts, format: count });
}

/** `atRisk`: the failed payments that are still open, [{ amount_cents, currency }], or null if they could not be read. */
export function failed({ days }, atRisk) {
  const { sums, ...place } = positions(days);
  const values = sums((all) => all.failed);
  const open = atRisk && atRisk.items.length > 0 && `${atRisk.next_cursor ? "More than " : ""}${plural(atRisk.items.length, "failed payment")} not paid yet: ${amounts(atRisk.items.map(({ amount_cents, currency }) => [amount_cents, currency]))}`;
  const note = open ? h("a", { href: "/dashboard/payments?status=failed" }, open) : atRisk && "No failed payment is open.";
  const summary = `${plural(sum(values), "failed payment")} in ${days.length} days.${open ? ` ${open}.` : ""}`;
  return bars({ title: "Failed payments at risk", summary, note, ...place, series: [{ name: "Failed payments", color: 5, values }], format: count, whole: true });
}
