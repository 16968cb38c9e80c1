// The names for ids, as text and as links. Names are cached while the page is open.

import { call } from "../account/client.js";
import { h } from "../account/dom.js";
import { offers } from "../account/offer.js";

const names = new Map();
let plans = null;

/** All plans, archived ones too. `fresh` reads them again. */
export function allPlans(fresh = false) {
  if (!offers("billing")) return Promise.resolve([]);
  if (fresh || plans === null) {
    plans = call("GET", "/billing/plans?archived=true").then(({ items }) => {
      for (const plan of items) names.set(plan.id, plan.name);
      return items;
    });
    plans.catch(() => {
      plans = null;
    });
  }
  return plans;
}

/** Keeps the names of users that a list has shown. */
export function keepNames(users) {
  for (const user of users) names.set(user.id, user.email);
}

async function load(id) {
  try {
    if (id.startsWith("usr_")) keepNames([await call("GET", `/admin/users/${id}`)]);
    if (id.startsWith("sub_")) {
      const { plan, user_id } = await call("GET", `/admin/subscriptions/${id}`);
      names.set(id, plan?.name ?? "a price of no plan");
      names.set(`owner ${id}`, user_id);
      await loadName(user_id);
    }
  } catch (problem) {
    // A deleted user has no name any more.
    if (problem.code === "not_found") names.set(id, id.startsWith("usr_") ? "a deleted user" : id);
  }
}

const loadName = async (id) => names.has(id) || load(id);

/** The ids in an audit entry. */
const idsOf = ({ actor_id, target_id, before, after }) =>
  [actor_id, target_id, before?.plan_id, after?.plan_id, after?.scheduled_plan_id].filter((id) => typeof id === "string");

/** Reads the names of the objects of `entries` of the audit log, six at a time, and returns all known names. */
export async function namesOf(entries) {
  const ids = [...new Set(entries.flatMap(idsOf))].filter((id) => !names.has(id));
  // Without plans their ids are shown.
  if (ids.some((id) => id.startsWith("plan_") || id.startsWith("sub_"))) await allPlans().catch(() => null);
  const queue = ids.filter((id) => id.startsWith("usr_") || id.startsWith("sub_"));
  const worker = async () => {
    while (queue.length > 0) await loadName(queue.shift());
  };
  await Promise.all([worker(), worker(), worker(), worker(), worker(), worker()]);
  return names;
}

/** The page about an id; a subscription and a payment are on the page of their user. */
function pageOf(id) {
  const [kind] = id.split("_");
  const known = { usr: `/dashboard/users/${id}`, plan: `/dashboard/plans?id=${id}`, rep: `/dashboard/reports/${id}` };
  return known[kind] ?? `/dashboard/users?q=${id}`;
}

/** The first and the last characters of an id: enough to distinguish two. */
export const short = (id) => (id.length > 16 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id);

/** A link to the object of an id, with its name. */
export function reference(id, known = names) {
  const name = known.get(id);
  return h("a", { href: pageOf(id), title: id, dir: "auto" }, name ?? short(id));
}
