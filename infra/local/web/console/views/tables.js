// The tables as DynamoDB holds them: a list, and the items of one.

import { h } from "/account/dom.js";
import { count, pageHead } from "/dashboard/ui/parts.js";
import { read } from "../api.js";
import { searchForm } from "../forms.js";
import { goTo, nothing, table, to } from "../parts.js";

export const title = "Tables";

/** The value of an attribute without its DynamoDB type. */
function plain(attribute) {
  const [[type, value]] = Object.entries(attribute);
  if (type === "N") return Number(value);
  if (type === "NULL") return null;
  if (type === "M") return plainItem(value);
  if (type === "L") return value.map(plain);
  return value;
}

const plainItem = (item) => Object.fromEntries(Object.entries(item).map(([name, attribute]) => [name, plain(attribute)]));

function itemOf(raw, keys) {
  const item = plainItem(raw);
  const key = keys.filter(Boolean).map((name) => item[name]).join("  ");
  const text = (value) => h("pre", { tabindex: "0" }, JSON.stringify(value, null, 2));
  return h("details", { class: "panel" }, h("summary", {}, h("code", {}, key)), text(item), h("details", {}, h("summary", {}, "With DynamoDB's types"), text(raw)));
}

async function one(name, query) {
  const contains = query.get("q") ?? "";
  const after = query.get("after") ?? "";
  const { items, next, keys } = await read(`tables/${encodeURIComponent(name)}/page?${new URLSearchParams({ contains, after })}`);
  const search = searchForm("Items that contain", contains, (text) => goTo(`tables/${name}`, { q: text }), "usr_…, an address, a status");
  const empty = contains ? nothing("No item contains this text", "Upper and lower case count. ", h("a", { href: to(`tables/${name}`) }, "Show all items")) : nothing("This table is empty", "Items appear when the functions write them.");
  const more = next && h("p", {}, h("a", { class: "button quiet", href: to(`tables/${name}`, { q: contains, after: next }) }, "Next items"));
  const raw = h("a", { class: "button quiet small", href: `/_local/tables/${name}`, target: "_blank" }, "All items as JSON");
  return [
    pageHead(`Table ${name}`, { text: h("a", { href: "#tables" }, "All tables"), actions: [raw] }),
    search,
    h("p", {}),
    ...(items.length > 0 ? items.map((item) => itemOf(item, keys)) : [empty]),
    more,
  ];
}

const columns = [
  ["Table", ({ name }) => h("a", { href: to(`tables/${name}`) }, name), "main"],
  ["Items", ({ items }) => count(items ?? 0), "number"],
];

export async function view({ rest: [name], query }) {
  if (name) return one(name, query);
  const { items } = await read("tables");
  return [pageHead(title, { text: "What DynamoDB holds. Open a table to read its items." }), table("Tables", columns, items)];
}
