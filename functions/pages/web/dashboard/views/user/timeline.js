// The actions on and by a user, from the audit log.

import { h } from "../../../account/dom.js";
import { namesOf } from "../../names.js";
import { auditSentence } from "../../sentences.js";
import { when } from "../../ui/parts.js";
import { pages } from "../../ui/table.js";
import { toastProblem } from "../../ui/toast.js";
import { section } from "./section.js";

export function timeline(id) {
  const load = pages("/admin/audit-logs", () => ({ user_id: id }), 20);

  async function page(cursor) {
    const { items, next_cursor } = await load(cursor);
    const names = await namesOf(items);
    const entry = (one) =>
      h("li", {}, h("p", {}, ...auditSentence(one, names, id)), h("small", {}, when(one.created_at), one.ip ? ` · ${one.ip}` : ""));
    return { rows: items.map(entry), next_cursor };
  }

  return section(
    "Timeline",
    async () => {
      let { rows, next_cursor } = await page(null);
      if (rows.length === 0) return [h("p", { class: "soft" }, "No entries.")];
      const lines = h("ol", { class: "timeline" }, ...rows);
      const more = h("button", { type: "button", class: "quiet small", hidden: next_cursor === null, onclick: next }, "Show more");
      async function next() {
        more.disabled = true;
        try {
          ({ rows, next_cursor } = await page(next_cursor));
          lines.append(...rows);
          more.hidden = next_cursor === null;
        } catch (problem) {
          toastProblem(problem);
        }
        more.disabled = false;
      }
      return [lines, more];
    },
    { actions: [h("a", { href: `/dashboard/audit?user_id=${encodeURIComponent(id)}` }, "Open in the audit log")] },
  );
}
