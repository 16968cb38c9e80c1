// The list of users: filters in the address, keys, and one action on many users.

import { h } from "../../account/dom.js";
import { offers } from "../../account/offer.js";
import { exportLink } from "../export-links.js";
import { keepNames } from "../names.js";
import { filters } from "../ui/filters.js";
import { badge, day, pageHead, plural } from "../ui/parts.js";
import { list, pages } from "../ui/table.js";
import { bulkBar } from "./users/bulk.js";
import { showInvitations } from "./users/invitations.js";
import { listKeys, showKeys } from "./users/keys.js";
import { recentFilters } from "./users/recent.js";

export const title = "Users";

/** How users register. */
export const providers = { local: "E-mail", google: "Google", github: "GitHub" };

const fields = [
  { name: "q", label: "Search", kind: "text", placeholder: "Address, domain, name or ID" },
  { name: "is_active", label: "Status", kind: "select", options: [["true", "Active"], ["false", "Disabled"]] },
  { name: "email_verified", label: "Address", kind: "select", options: [["true", "Verified"], ["false", "Not verified"]] },
  { name: "is_admin", label: "Role", kind: "select", options: [["true", "Admins"], ["false", "Not admins"]] },
];

/** What is unusual about a user, in words. */
export function states({ is_active, email_verified, is_admin }) {
  return [
    !is_active && badge("Disabled", "bad"),
    !email_verified && badge("Not verified", "warn"),
    is_admin && badge("Admin", "info"),
    is_active && email_verified && badge("Active", "good"),
  ].filter(Boolean);
}

export async function view() {
  const selection = new Map();
  const recent = recentFilters(fields);
  const exporting = h("a", { class: "button quiet" }, "Export");
  const form = filters({ fields, onChange: changed });

  function changed() {
    selection.clear();
    // Without a limit of its own, the report has all rows, not only those that are shown.
    exporting.href = exportLink("users", form.values());
    rows.reload();
  }

  function select(user, isSelected) {
    if (isSelected) selection.set(user.id, user);
    else selection.delete(user.id);
    bar.show();
  }

  const rows = list({
    label: "users",
    columns: [
      {
        name: "Select",
        kind: "select",
        cell: (user) => h("input", { type: "checkbox", "aria-label": `Select ${user.email}`, checked: selection.has(user.id), onchange: ({ target }) => select(user, target.checked) }),
      },
      { name: "Address", kind: "main", cell: (user) => [h("span", { dir: "auto" }, user.email)] },
      { name: "User name", cell: (user) => h("span", { dir: "auto" }, user.username) },
      { name: "State", cell: (user) => h("span", { class: "badges" }, ...states(user)) },
      { name: "Signed up with", cell: (user) => providers[user.provider] ?? user.provider },
      { name: "Registered", kind: "tight", cell: (user) => day(user.created_at) },
    ],
    load: pages("/admin/users", form.values),
    href: ({ id }) => `/dashboard/users/${id}`,
    empty: () =>
      Object.keys(form.values()).length > 0
        ? { title: "No users match", text: "Search finds the beginning of an address, of its domain or of a user name, or a complete ID." }
        : { title: "No users yet", text: "They appear here when they register." },
    footer: (items) => h("p", { class: "soft" }, `${plural(items.length, "user")} shown`),
    onChange: (items) => {
      keepNames(items);
      recent.remember(form.values());
      bar.show();
    },
  });

  const bar = bulkBar({
    selection,
    update: rows.update,
    selectAll: () => {
      for (const user of rows.items()) selection.set(user.id, user);
    },
    redraw: () => rows.node.querySelectorAll("tr[data-id] input[type=checkbox]").forEach((box) => {
      box.checked = selection.has(box.closest("tr").dataset.id);
    }),
  });
  exporting.href = exportLink("users", form.values());
  const help = h("button", { type: "button", class: "quiet small", onclick: showKeys }, "Keys ", h("kbd", {}, "?"));
  const content = h("div", { class: "users" }, form.node, recent.node, bar.node, rows.node);
  listKeys(content, { rows: () => [...rows.node.querySelectorAll("tr[data-id]")], search: form.node.querySelector("[name=q]") });
  const invite = offers("invitations") ? [h("button", { type: "button", class: "quiet small", onclick: showInvitations }, "Invite")] : [];
  return [pageHead(title, { actions: [...invite, help, exporting] }), content];
}
