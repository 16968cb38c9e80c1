// One action on the selected users, one request after the other, with the result of each.

import { call } from "../../../account/client.js";
import { h } from "../../../account/dom.js";
import { confirmAction } from "../../ui/confirm.js";
import { plural } from "../../ui/parts.js";
import { problemText } from "../../ui/problem.js";

const actions = {
  disable: { label: "Disable", is_active: false, done: "Disabled", already: "Already disabled", effect: "They can no longer sign in, and their sessions end at once. Their subscriptions continue." },
  enable: { label: "Enable", is_active: true, done: "Enabled", already: "Already enabled", effect: "They can sign in again." },
};

/** At most this many addresses are named in the question. */
const NAMED = 5;

/** Asks whether to do `name` to `users`. */
function agreed(name, users) {
  const { label, effect } = actions[name];
  const names = users.slice(0, NAMED).map(({ email }) => h("li", { dir: "auto" }, email));
  if (users.length > NAMED) names.push(h("li", {}, `and ${users.length - NAMED} more`));
  const title = users.length === 1 ? `${label} ${users[0].email}?` : `${label} ${plural(users.length, "user")}?`;
  return confirmAction({ title, text: [h("ul", {}, ...names), effect], button: `${label} ${plural(users.length, "user")}`, danger: name === "disable" });
}

/** Shows what became of the users of a run, and the buttons for what comes next. */
function showOutcome({ status, progress, stop, close, again }, counts, done, total) {
  const left = total - counts.done - counts.failed;
  status.textContent = [`${plural(counts.done, "user")} ${done.toLowerCase()}`, counts.failed > 0 && `${counts.failed} failed`, left > 0 && `${left} not tried`].filter(Boolean).join(", ");
  progress.hidden = true;
  stop.hidden = true;
  close.hidden = false;
  again.hidden = counts.failed === 0;
}

/**
 * The bar for `selection` (users by id): `show()` brings it up to date. `update(user)` shows a user's new state in the
 * list, `selectAll()` selects every row that is shown, `redraw()` sets the boxes of the rows.
 */
export function bulkBar({ selection, update, selectAll, redraw }) {
  const text = h("strong", {});
  const button = (name) => h("button", { type: "button", class: name === "disable" ? "danger small" : "quiet small", onclick: () => ask(name) }, actions[name].label);
  const all = h("button", { type: "button", class: "plain small", onclick: () => (selectAll(), redraw(), show()) }, "Select all shown");
  const clear = h("button", { type: "button", class: "plain small", onclick: () => (selection.clear(), redraw(), show()) }, "Clear selection");
  const bar = h("div", { class: "bulk-bar", role: "group", "aria-label": "Selected users" }, text, button("disable"), button("enable"), all, clear);
  const results = h("div", {});
  const node = h("div", { class: "bulk" }, bar, results);
  let isRunning = false;

  function show() {
    bar.hidden = selection.size === 0 || isRunning;
    text.textContent = `${plural(selection.size, "user")} selected`;
  }

  async function ask(name) {
    const users = [...selection.values()];
    if (await agreed(name, users)) await run(name, users);
  }

  async function run(name, users) {
    const { is_active, done, already } = actions[name];
    const counts = { done: 0, failed: 0 };
    let isStopped = false;
    isRunning = true;
    show();
    const status = h("p", { role: "status" });
    const progress = h("progress", { max: users.length, value: 0, "aria-label": "Progress" });
    const lines = h("ul", { class: "results" });
    const stop = h("button", { type: "button", class: "quiet small", onclick: () => (isStopped = true) }, "Stop");
    const close = h("button", { type: "button", class: "quiet small", hidden: true, onclick: () => results.replaceChildren() }, "Close");
    const again = h("button", { type: "button", class: "small", hidden: true }, "Try the failed ones again");
    results.replaceChildren(h("section", { class: "panel", "aria-label": `${actions[name].label} users` }, status, progress, lines, h("div", { class: "row" }, stop, again, close)));
    stop.focus();
    const failed = [];
    for (const [at, user] of users.entries()) {
      if (isStopped || !node.isConnected) break;
      status.textContent = `${at + 1} of ${users.length}: ${user.email}`;
      const line = (word, tone) => lines.append(h("li", { class: tone }, h("span", { dir: "auto" }, user.email), h("span", {}, word)));
      try {
        const path = `/admin/users/${user.id}`;
        // The list may be older than a change by another admin.
        const now = await call("GET", path);
        const changed = now.is_active === is_active ? now : await call("PATCH", `${path}/status`, { is_active });
        counts.done += 1;
        line(changed === now ? already : done, "good");
        selection.delete(user.id);
        update(changed);
      } catch (problem) {
        counts.failed += 1;
        failed.push(user);
        line(problem.code === "not_found" ? "Deleted in the meantime" : problemText(problem), "bad");
        // Without a session or the role, all others would fail too.
        if (problem.code === "unauthenticated" || problem.code === "forbidden") break;
      }
      progress.value = at + 1;
    }
    showOutcome({ status, progress, stop, close, again }, counts, done, users.length);
    again.addEventListener("click", () => run(name, failed));
    (again.hidden ? close : again).focus();
    isRunning = false;
    redraw();
    show();
  }

  show();
  return { node, show };
}
