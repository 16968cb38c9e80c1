// The state of the service as far as the API shows it, and where to find the rest.

import { call } from "../../account/client.js";
import { h } from "../../account/dom.js";
import { badge, facts, pageHead, plural, when } from "../ui/parts.js";
import { problemPanel } from "../ui/problem.js";

export const title = "System";

/** Where each question about the running system is answered: docs/operations.md says how. */
const elsewhere = [
  ["Queues and dead letters", "In AWS: CloudWatch alarms and the SQS console. On one machine: the dev console at /_local.", "Redrive a dead-letter queue after its cause is fixed"],
  ["Last runs of the schedules", "The log group of each scheduled function. On one machine: the dev console at /_local.", "A schedule that did not run raises an alarm"],
  ["Stripe's events", "Developers › Webhooks in Stripe's dashboard shows each delivery and its answer.", "An event can be sent again from there: it has no effect twice"],
  ["A request that failed", "Search the logs for the request id that an error shows: req_…", "Every response has it as x-request-id"],
];

export async function view() {
  const [health, stats] = await Promise.allSettled([call("GET", "/healthz"), call("GET", "/admin/stats?days=7")]);
  return [
    pageHead(title, { text: "The state of this service as far as its API shows it." }),
    h(
      "div",
      { class: "panels" },
      h("section", { class: "panel" }, h("h2", {}, "Service"), ...service(health)),
      h("section", { class: "panel" }, h("h2", {}, "Statistics"), ...statistics(stats)),
    ),
    h(
      "section",
      { class: "panel" },
      h("h2", {}, "Where to look"),
      h("p", { class: "soft" }, "The API does not show queues, schedules or logs. The runbook, docs/operations.md, describes each alarm and what to do."),
      h("ul", { class: "actions-list" }, ...elsewhere.map(([name, text, note]) => h("li", {}, h("div", {}, h("strong", {}, name), h("div", {}, text), h("div", { class: "soft" }, `${note}.`))))),
    ),
  ];
}

function service({ status, value, reason }) {
  if (status === "rejected") return [problemPanel(reason)];
  return [
    facts([
      ["Status", badge(value.status === "ok" ? "Operational" : value.status, value.status === "ok" ? "good" : "warn")],
      ["Version", h("code", {}, value.version)],
      ["Address", h("code", {}, location.origin)],
      ["Contract", h("span", {}, h("a", { href: "/docs" }, "API reference"), " · ", h("a", { href: "/openapi.json" }, "OpenAPI document"))],
    ]),
  ];
}

function statistics({ status, value, reason }) {
  if (status === "rejected") return [problemPanel(reason)];
  const age = Math.max(0, Math.round((Date.now() - new Date(value.as_of)) / 60_000));
  return [
    facts([
      ["Counted", when(value.as_of)],
      ["Age", age <= 60 ? plural(age, "minute") : badge(`${plural(age, "minute")}: more than an hour`, "warn")],
      ["Users", plural(value.users?.total ?? 0, "user")],
    ]),
    h("p", { class: "soft" }, "The figures are at most an hour old."),
  ];
}
