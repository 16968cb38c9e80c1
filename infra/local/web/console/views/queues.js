// The queues between the functions, and the messages that were given up.

import { h } from "/account/dom.js";
import { badge, pageHead, when } from "/dashboard/ui/parts.js";
import { read, send } from "../api.js";
import { action } from "../forms.js";
import { json, panel, table } from "../parts.js";

export const title = "Queues";

const columns = [
  ["Queue", ({ name }) => h("code", {}, name), "main"],
  ["Waiting", ({ depth }) => String(depth), "number"],
  ["In flight", ({ in_flight }) => String(in_flight), "number"],
  ["Dead letters", ({ dead }) => (dead > 0 ? badge(String(dead), "bad") : "0"), "number"],
];

/** The body of a message: JSON where it is JSON. */
function parsed(body) {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

function letter({ id, body, receives, sent_at }) {
  return h("li", {}, h("p", {}, "Message ", h("code", {}, id), `, received ${receives} times, sent `, when(sent_at)), json("Show the message", parsed(body)));
}

async function deadLetters({ name, dead }) {
  if (dead === 0) return null;
  const { items } = await read(`queues/${name}/dead`);
  const redrive = action("Send them again", () => send(`queues/${name}/redrive`), ({ redriven }) => `${redriven} messages are back in ${name}.`, { kind: "" });
  return panel(`Dead letters of ${name}`, h("p", {}, "A function failed to handle these messages too often. ", h("a", { href: "#log?q=ERROR" }, "The log"), " has the errors."), h("ul", { class: "rows" }, ...items.map(letter)), redrive);
}

export async function view() {
  const { items } = await read("queues");
  const dead = await Promise.all(items.map(deadLetters));
  const drain = action("Work until all queues are empty", () => send("drain"), ({ handled }) => `All queues are empty: ${handled} messages were handled.`, { kind: "quiet" });
  const none = dead.every((part) => part === null) && h("p", { class: "soft" }, "There are no dead letters. A message becomes one when its function failed too often: switch a fault on to see that.");
  return [pageHead(title, { text: "Messages between the functions: mails to send, reports to run, events of Stripe.", actions: [drain] }), table("Queues", columns, items), ...dead, none];
}
