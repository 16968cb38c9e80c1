// The six numbers at the top of the overview, each with its change and a link to the report that counts it.

import { h, money } from "../../../account/dom.js";
import { offers } from "../../../account/offer.js";
import { spark } from "../../charts/spark.js";
import { count } from "../../ui/parts.js";
import { amount, series, sums } from "./numbers.js";
import { reportOf } from "./questions.js";

/** "▲ 12% vs. the previous 30 days"; `isGood` says whether more is better. */
function change(now, before, range, isGood = true) {
  if (before === null || before === undefined) return h("p", { class: "soft" }, "Nothing to compare with yet");
  const against = h("span", { class: "soft" }, ` vs. previous ${range} days`);
  if (now === before) return h("p", { class: "soft" }, "No change", against);
  const isUp = now > before;
  const size = before > 0 ? `${Math.round((Math.abs(now - before) / before) * 100)}%` : `from ${count(before)}`;
  return h("p", {}, h("span", { class: isUp === isGood ? "up" : "down" }, isUp ? "▲ " : "▼ ", h("span", { class: "hidden" }, isUp ? "up " : "down "), size), against);
}

function tile({ name, value, note, line, href }) {
  return h(
    "li",
    { class: "panel tile" },
    h("h2", {}, h("a", { href }, name)),
    h("div", { class: "tile-value" }, h("strong", {}, value), line),
    note,
  );
}

/** A number of customers, or a rate. */
const rate = (value) => (value > 0 && value < 1 ? `${(value * 100).toFixed(1)}%` : count(value ?? 0));

function lost(revenue, currency) {
  if (revenue === undefined || revenue === null) return "";
  if (typeof revenue === "number") return revenue > 0 && revenue < 1 ? ` · ${rate(revenue)} of revenue` : "";
  return ` · ${money(amount(revenue, currency), currency)} of MRR`;
}

export function tiles(data, currency, range) {
  const { stats, days, before } = data;
  const first = days[0]?.date ?? "1970-01-01";
  const now = sums(days, currency) ?? { signUps: 0, net: 0, failed: 0 };
  const previous = sums(before, currency);
  const course = series(days, currency);
  const start = before.at(-1);
  const mrr = amount(stats.mrr_cents, currency);
  const paying = (stats.subscriptions?.active ?? 0) + (stats.subscriptions?.past_due ?? 0);
  const { total = 0, verified = 0 } = stats.users ?? {};
  const all = [
    {
      name: "MRR",
      value: money(mrr, currency),
      line: spark({ values: course.mrr, summary: "MRR by day" }),
      note: change(mrr, start?.mrr_cents && amount(start.mrr_cents, currency), range),
      href: reportOf("mrr", first),
    },
    {
      name: "Paying subscriptions",
      value: count(paying),
      line: spark({ values: course.subscriptions, summary: "Subscriptions by day", color: 2 }),
      note: change(paying, start?.subscriptions === undefined ? null : series([start], currency).subscriptions[0], range),
      href: reportOf("paying", first),
    },
    {
      name: "Net revenue",
      value: money(now.net, currency),
      line: spark({ values: course.revenue, summary: "Revenue by day" }),
      note: change(now.net, previous?.net, range),
      href: reportOf("revenue", first),
    },
    {
      name: "Sign-ups",
      value: count(now.signUps),
      line: spark({ values: course.signUps, summary: "Sign-ups by day", color: 2 }),
      note: [change(now.signUps, previous?.signUps, range), h("p", { class: "soft" }, `${count(total)} users, ${count(verified)} verified`)],
      href: reportOf("signUps", first),
    },
    {
      name: "Failed payments",
      value: count(now.failed),
      line: spark({ values: course.failed, summary: "Failed payments by day", color: 5 }),
      note: change(now.failed, previous?.failed, range, false),
      href: reportOf("failed", first),
    },
    {
      name: "Churned customers",
      value: stats.churn ? rate(stats.churn.customers) : "–",
      note: h("p", { class: "soft" }, `Last 30 days${lost(stats.churn?.revenue, currency)}`),
      href: reportOf("churn", first),
    },
  ];
  const shown = all.filter(({ name }) => offers("billing") || name === "Sign-ups");
  return h("ul", { class: "tiles", "aria-label": "Key figures" }, ...shown.map(({ note, ...rest }) => tile({ ...rest, note: h("div", { class: "tile-note" }, ...[note].flat()) })));
}
