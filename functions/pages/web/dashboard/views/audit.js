// The audit log: each change with its actor and target, newest first.

import { h } from "../../account/dom.js";
import { namesOf } from "../names.js";
import { actions, auditSentence } from "../sentences.js";
import { filters } from "../ui/filters.js";
import { copyable, pageHead, when } from "../ui/parts.js";
import { list, pages } from "../ui/table.js";
import { soon, withIds } from "./lists.js";

export const title = "Audit log";

const shown = (value) => {
  if (value === null || value === undefined) return "none";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
};

/** The fields before and after, each that differs as a removed and an added value. */
function diff(before, after) {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  const row = (name) => {
    const [from, to] = [before?.[name], after?.[name]];
    const isNew = before === null || !Object.hasOwn(before, name);
    const isGone = after === null || !Object.hasOwn(after, name);
    const parts = [!isNew && h("del", { dir: "auto" }, shown(from)), !isNew && !isGone && " → ", !isGone && h("ins", { dir: "auto" }, shown(to))];
    return [h("dt", {}, h("code", {}, name)), h("dd", {}, ...parts.filter(Boolean))];
  };
  return names.length > 0 && h("dl", { class: "facts changed" }, ...names.flatMap(row));
}

/** Links to the entries about the same objects. */
function related({ actor_id, target_id }) {
  const link = (text, query) => h("a", { href: `/dashboard/audit?${new URLSearchParams(query)}` }, text);
  const links = [
    actor_id && link("By this actor", { actor_id }),
    target_id && target_id !== actor_id && link("About this target", { target_id }),
    (target_id ?? "").startsWith("usr_") && link("Everything about this user", { user_id: target_id }),
  ].filter(Boolean);
  return links.length > 0 && h("p", { class: "row" }, ...links);
}

function entryCell(entry, names) {
  const { action, before, after, request_id } = entry;
  return [
    h("p", { class: "sentence" }, ...auditSentence(entry, names)),
    h(
      "details",
      { class: "entry" },
      h("summary", {}, h("code", {}, action)),
      diff(before, after),
      related(entry),
      h("p", { class: "soft" }, "Entry ", copyable(entry.id), request_id && " · request ", request_id && copyable(request_id)),
    ),
  ];
}

/** The days of the form as the times of the contract: whole days, in UTC. */
function asTimes({ from, to, ...rest }) {
  return { ...rest, ...(from && { from: `${from}T00:00:00Z` }), ...(to && { to: `${to}T23:59:59.999Z` }) };
}

export async function view() {
  // The known names; reading adds to them.
  const names = await namesOf([]);
  const form = filters({
    fields: [
      { name: "action", label: "Action", kind: "select", options: [...actions].sort().map((action) => [action, action]) },
      { name: "user_id", label: "About user", kind: "text", placeholder: "Address or usr_…" },
      { name: "actor_id", label: "Actor", kind: "text", placeholder: "Address or usr_…" },
      { name: "target_id", label: "Target", kind: "text", placeholder: "Address or any id" },
      { name: "from", label: "From (UTC)", kind: "day" },
      { name: "to", label: "To (UTC)", kind: "day" },
    ],
    onChange: () => rows.reload(),
  });
  const page = pages("/admin/audit-logs", () => withIds(asTimes(form.values()), "user_id", "actor_id", "target_id"), 25);
  const rows = list({
    label: "entries",
    columns: [
      { name: "Time", cell: ({ created_at }) => when(created_at), kind: "tight" },
      { name: "What happened", cell: (entry) => entryCell(entry, names), kind: "main" },
      { name: "IP address", cell: ({ ip }) => ip ?? h("span", { class: "soft" }, "–"), kind: "tight" },
    ],
    load: async (cursor) => {
      const found = await page(cursor);
      const read = namesOf(found.items);
      // Entries that were shown before their names were read are shown again.
      if (!(await soon(read))) read.then(() => found.items.forEach(rows.update));
      return found;
    },
    empty: () =>
      Object.keys(form.values()).length > 0
        ? { title: "No entry matches", text: "Change or clear the filters. A user is found by the whole address or id." }
        : { title: "No entries yet", text: "Each change that a user, an admin or Stripe makes is written here." },
  });
  return [pageHead(title, { text: "Every change, with who made it and what it was before. Entries are written once." }), form.node, rows.node];
}
