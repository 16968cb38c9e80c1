// Faults: calls of the functions to a service that fail on purpose.

import { h } from "/account/dom.js";
import { badge, pageHead } from "/dashboard/ui/parts.js";
import { read, remove, send } from "../api.js";
import { action, choice, inlineForm, input } from "../forms.js";
import { nothing, panel, table } from "../parts.js";

export const title = "Faults";

const names = { dynamodb: "DynamoDB", sqs: "SQS", ses: "SES (mail)", secrets: "Secrets Manager", google: "Google", github: "GitHub", stripe: "Stripe", s3: "S3 (files)", ai: "Chat model" };
const kinds = [
  ["error", "500, before any work"],
  ["throttle", "Throttling error, before any work"],
  ["hang", "No answer until the caller gives up"],
  ["lost_response", "Does the work, the answer is lost"],
];
const kindText = Object.fromEntries(kinds);

function off({ service, operation, kind }) {
  const query = new URLSearchParams({ service, kind, ...(operation && { operation }) });
  return action("Switch off", () => remove(`faults?${query}`), "The fault is off.", { name: `Switch off: ${kindText[kind]} of ${names[service]}` });
}

const columns = [
  ["Service", ({ service }) => names[service] ?? service, "main"],
  ["Operation", ({ operation }) => (operation ? h("code", {}, operation) : "every operation")],
  ["Fails with", ({ kind }) => badge(kindText[kind] ?? kind, "warn")],
  ["After", ({ after }) => (after === 0 ? "at once" : `${after} calls`)],
  ["Times left", ({ times }) => String(times), "number"],
  ["Switch off", off, "tight"],
];

function addForm(services) {
  const options = services.map(({ service }) => [service, names[service] ?? service]);
  const operation = choice("Operation", "operation", []);
  const service = choice("Service", "service", options);
  const fill = () => {
    const { operations } = services.find((one) => one.service === service.querySelector("select").value);
    operation.querySelector("select").replaceChildren(h("option", { value: "" }, "every operation"), ...operations.map((name) => h("option", { value: name }, name)));
  };
  service.addEventListener("change", fill);
  fill();
  const fields = [service, operation, choice("Fails with", "kind", kinds), input("Calls that succeed first", "after", { type: "number", min: 0, value: 0 }), input("Calls that fail", "times", { type: "number", min: 1, value: 1 })];
  const add = ({ after = 0, times = 1, ...fault }) => send("faults", { ...fault, after: Number(after), times: Number(times) });
  return inlineForm(fields, "Switch on", add, "The fault is on.", { kind: "" });
}

export async function view() {
  const { items, services } = await read("faults");
  const all = action("Switch off all", () => remove("faults"), "All faults are off.");
  const list = items.length > 0 ? table("Faults", columns, items) : nothing("No fault is on", "Switch one on below, then use the account pages: retries, queues and dead letters show how the service copes.");
  return [
    pageHead(title, { text: "Calls of the functions to a service fail on purpose. The fakes' own pages and this console are not affected.", actions: items.length > 1 ? [all] : [] }),
    list,
    h("p", {}),
    panel("Switch a fault on", addForm(services)),
  ];
}
