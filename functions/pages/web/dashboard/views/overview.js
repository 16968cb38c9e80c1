// The numbers of the business at a glance.

import { call } from "../../account/client.js";
import { h } from "../../account/dom.js";
import { offers } from "../../account/offer.js";
import { allPlans } from "../names.js";
import { pageHead, when } from "../ui/parts.js";
import * as charts from "./overview/charts.js";
import { currenciesOf, load } from "./overview/numbers.js";
import { tiles } from "./overview/tiles.js";

export const title = "Overview";

const RANGES = [7, 30, 90, 365];
const DEFAULT_RANGE = 30;

/** A choice of which each option is an address. */
function choice(label, options) {
  const links = options.map(({ name, href, isOn }) => h("a", { href, "aria-current": isOn && "true" }, name));
  return h("div", { class: "segments", role: "group", "aria-label": label }, ...links);
}

function addressOf({ range, currency }) {
  const given = new URLSearchParams({ ...(range !== DEFAULT_RANGE && { range }), ...(currency && { currency }) }).toString();
  return given ? `/dashboard?${given}` : "/dashboard";
}

export async function view({ query }) {
  const asked = Number(query.get("range"));
  const range = RANGES.includes(asked) ? asked : DEFAULT_RANGE;
  const [data, plans, atRisk] = await Promise.all([
    load(range),
    allPlans().catch(() => []),
    call("GET", "/admin/payments?status=failed&limit=100").catch(() => null),
  ]);
  const currencies = currenciesOf(data);
  const chosen = currencies.includes(query.get("currency")) ? query.get("currency") : null;
  const currency = chosen ?? currencies[0] ?? "usd";
  const ranges = RANGES.map((days) => ({ name: days === 365 ? "1 year" : `${days} days`, href: addressOf({ range: days, currency: chosen }), isOn: days === range }));
  const moneys = currencies.map((code) => ({ name: code.toUpperCase(), href: addressOf({ range, currency: code }), isOn: code === currency }));
  const all = !offers("billing") ? [charts.signUps(data)] : [
    charts.revenue(data, currency),
    charts.recurring(data, currency),
    charts.moved(data, currency),
    charts.signUps(data),
    [charts.byStatus(data), charts.funnel(data)],
    [charts.failed(data, atRisk), charts.byPlan(data, plans, currency)],
  ];
  const asOf = data.stats.as_of && h("span", {}, "As of ", when(data.stats.as_of), ". Days are in UTC; the striped bar is not over yet.");
  return [
    pageHead(title, { text: asOf, actions: [currencies.length > 1 && choice("Currency", moneys), choice("Period", ranges)].filter(Boolean) }),
    tiles(data, currency, range),
    h("div", { class: "panels charts" }, ...all.filter(Boolean).map((chart) => h("section", { class: "panel" }, ...[chart].flat().filter(Boolean)))),
  ];
}
