// EventBridge's schedules: when each ran, and a button that runs it now.

import { h } from "/account/dom.js";
import { pageHead, when } from "/dashboard/ui/parts.js";
import { read, send } from "../api.js";
import { action } from "../forms.js";
import { every, table } from "../parts.js";

export const title = "Schedules";

/** What each does. */
const about = {
  expiry: "Ends the access of subscriptions whose time is over",
  reconcile: "Compares every subscription with Stripe and corrects differences",
  reminders: "Sends the reminders of trials that end soon",
  outbox: "Sends messages that the relay missed",
  accounts: "Deletes unverified accounts and completes deletions",
  rollup: "Counts the statistics of the dashboard",
};

const columns = [
  ["Schedule", ({ name }) => h("code", {}, name), "main"],
  ["What it does", ({ name }) => about[name] ?? ""],
  ["Runs", ({ every_minutes }) => every(every_minutes)],
  ["Last run", ({ last_run_at }) => when(last_run_at)],
  ["Run it", ({ name }) => action("Run now", () => send(`schedules/${name}/run`), ({ handled }) => `${name} ran and handled ${handled ?? 0}.`, { name: `Run now: ${name}` }), "tight"],
];

export async function view() {
  const { items } = await read("schedules");
  return [pageHead(title, { text: "Each runs when it falls due by the clock, once however far the clock moves." }), table("Schedules", columns, items)];
}
