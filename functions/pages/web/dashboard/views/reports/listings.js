// The gallery of questions, and the reports that admins have run.

import { call } from "../../../account/client.js";
import { h } from "../../../account/dom.js";
import { namesOf, reference } from "../../names.js";
import { badge, count, when } from "../../ui/parts.js";
import { problemPanel } from "../../ui/problem.js";
import { list, pages } from "../../ui/table.js";

const statuses = { queued: ["Queued", "info"], running: ["Running", "info"], succeeded: ["Succeeded", "good"], failed: ["Failed", "bad"] };

/** The beginning of a statement in one line, without comments. */
const firstWords = (sql) => sql.replace(/--[^\n]*/g, "").replace(/\s+/g, " ").trim().slice(0, 140) || sql;

/** Questions that every product has; each opens in the editor. */
export function gallery() {
  const place = h("ul", { class: "gallery" });
  async function load() {
    try {
      const { items } = await call("GET", "/admin/reports/gallery");
      place.replaceChildren(...items.map(({ title, description, sql }) => h("li", {}, h("h3", {}, h("a", { href: `/dashboard/reports?sql=${encodeURIComponent(sql)}` }, title)), h("p", { class: "soft" }, description))));
    } catch (problem) {
      place.replaceChildren(h("li", {}, problemPanel(problem, load)));
    }
  }
  load();
  return place;
}

/** The list of the last day's reports; `reload()` shows new ones. */
export function pastReports() {
  const load = pages("/admin/reports", () => ({}), 10);
  return list({
    label: "reports",
    columns: [
      { name: "Statement", kind: "main", cell: ({ sql }) => h("code", { class: "one-line" }, firstWords(sql)) },
      { name: "By", kind: "tight", cell: ({ requested_by }) => reference(requested_by) },
      { name: "Status", kind: "tight", cell: ({ status, format }) => [badge(...(statuses[status] ?? [status])), format === "csv" ? " CSV" : ""] },
      { name: "Rows", kind: "number", cell: ({ row_count }) => (row_count === null ? "–" : count(row_count)) },
      { name: "When", kind: "tight", cell: ({ created_at }) => when(created_at) },
    ],
    load: async (cursor) => {
      const page = await load(cursor);
      await namesOf(page.items.map(({ requested_by }) => ({ actor_id: requested_by })));
      return page;
    },
    href: ({ id }) => `/dashboard/reports/${id}`,
    empty: { title: "No reports in the last day", text: "Write a statement above, or open one from the gallery." },
  });
}
