// A list that loads itself page by page: a table on wide screens, cards on a phone.

import { call } from "../../account/client.js";
import { h } from "../../account/dom.js";
import { go } from "../router.js";
import { problemPanel } from "./problem.js";

/** Empty pages in a row that are skipped: a filtered page may be empty although there are more. */
const MAX_EMPTY_PAGES = 5;

/**
 * The `load` of a list over a route of the contract: pages("/admin/users", () => ({ is_active: "true" })). `filters` is
 * asked at each request, and may be async; empty values are left out. `limit` is at most 100.
 */
export function pages(path, filters = () => ({}), limit = 50) {
  return async (cursor) => {
    const given = Object.entries({ ...(await filters()), limit: Math.min(limit, 100), cursor }).filter(([, value]) => value !== "" && value != null);
    return call("GET", `${path}?${new URLSearchParams(given)}`);
  };
}

/**
 * A list. `node` is shown at once, with a skeleton until the first rows are there.
 *
 * label    what the rows are, in the plural: "users"
 * columns  [{ name, cell: (item) => string | node | array, kind? }]; kind "main" is the column that names the row (its
 *          content becomes the link to `href`), "number" is set to the right, "tight" takes no more room than it needs,
 *          "nowrap" is one line, "extra" is left out on a tablet, "select" has no visible name
 * load     (cursor or null) => Promise<{ items, next_cursor }>, such as pages(…)
 * href     (item) => the address that the row opens; optional
 * empty    { title, text, action? } shown when there are no rows: say what to do; action is a node. Or a function of it
 * footer   (items) => node or null, below the rows: totals of what is shown; optional
 * onChange (items) => called after rows were added or replaced; optional
 *
 * Gives { node, reload(), items(), update(item), rowOf(id) }; each row has data-id, so that keys can move through them.
 */
export function list({ label, columns, load, href, empty, footer, onChange }) {
  let items = [];
  let cursor = null;
  let turn = 0;

  const parts = partsOf(label, columns, () => next());
  const { body, table, below, status, more, frame, node } = parts;
  const row = (item) => rowFor(item, columns, href?.(item));

  /** One page with rows, or the last one, of the rows after `start`; `after` is the cursor of the next page. */
  async function fetchPage(start) {
    for (let tries = 0, after = start; ; tries += 1) {
      const page = await load(after);
      after = page.next_cursor ?? null;
      if (page.items.length > 0 || after === null || tries === MAX_EMPTY_PAGES) return { added: page.items, after };
    }
  }

  async function next() {
    const own = turn;
    more.disabled = true;
    try {
      const { added, after } = await fetchPage(cursor);
      // An answer that is late, because the list was loaded anew meanwhile, changes nothing.
      if (own !== turn) return;
      if (cursor === null) body.replaceChildren();
      cursor = after;
      items = [...items, ...added];
      const rows = added.map(row);
      body.append(...rows);
      const hadFocus = document.activeElement === more;
      end(parts, { label, items, isLast: cursor === null, empty, footer });
      onChange?.(items);
      if (hadFocus) (rows[0]?.querySelector("a, button, input") ?? more).focus();
    } catch (problem) {
      if (own !== turn) return;
      table.removeAttribute("aria-busy");
      status.textContent = "";
      frame.hidden = items.length === 0;
      if (items.length === 0) body.replaceChildren();
      below.replaceChildren(problemPanel(problem, () => (items.length === 0 ? reload() : next())));
    } finally {
      if (own === turn) more.disabled = false;
    }
  }

  function reload() {
    turn += 1;
    items = [];
    cursor = null;
    skeleton(parts, label, columns);
    return next();
  }

  const rowOf = (id) => [...body.children].find((element) => element.dataset.id === id) ?? null;

  /** Shows one item in its new state. */
  function update(item) {
    items = items.map((shown) => (shown.id === item.id ? item : shown));
    rowOf(item.id)?.replaceWith(row(item));
    onChange?.(items);
  }

  reload();
  return { node, reload, update, rowOf, items: () => items };
}

/** The elements of a list, without rows; `onMore` is called by the button below them. */
function partsOf(label, columns, onMore) {
  const body = h("tbody", { role: "rowgroup" });
  const heads = columns.map(({ name, kind }) => h("th", { scope: "col", role: "columnheader", class: kind }, kind === "select" ? h("span", { class: "hidden" }, name) : name));
  const table = h("table", { role: "table", "aria-label": label }, h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ...heads)), body);
  const below = h("div", { class: "list-foot" });
  const status = h("p", { class: "hidden", role: "status" });
  const more = h("button", { type: "button", class: "quiet small", onclick: onMore }, "Show more");
  const frame = h("div", { class: "table-frame" }, table);
  const node = h("section", { class: "list", "aria-label": label }, frame, below, status);
  return { body, table, below, status, more, frame, node };
}

/** The row of an item; `path` is the address that it opens, if any. */
function rowFor(item, columns, path) {
  const cells = columns.map(({ name, kind, cell }) => {
    const content = [cell(item)].flat();
    const shown = path && kind === "main" ? [h("a", { href: path }, ...content)] : content;
    return h("td", { role: "cell", class: kind, "data-name": name }, h("div", {}, ...shown));
  });
  const element = h("tr", { role: "row", "data-id": item.id, class: path && "opens" }, ...cells);
  if (path) element.addEventListener("click", (event) => opens(event) && go(path));
  return element;
}

/** Whether a click on a row means the row, and neither a control in it nor a selection of text. */
function opens(event) {
  const isControl = event.target.closest("a, button, input, label, summary, td.select");
  return !isControl && !event.metaKey && !event.ctrlKey && !event.shiftKey && String(getSelection()) === "";
}

/** Shows bones in place of rows, while the first page loads. */
function skeleton({ body, table, below, status, frame }, label, columns) {
  const bones = () => h("tr", { role: "row", "aria-hidden": "true", class: "bones" }, ...columns.map(({ kind }) => h("td", { role: "cell", class: kind }, h("span", { class: "bone" }))));
  body.replaceChildren(...Array.from({ length: 6 }, bones));
  below.replaceChildren();
  status.textContent = `Loading ${label}`;
  frame.hidden = false;
  table.setAttribute("aria-busy", "true");
}

/** Shows what is below the rows, after a page was added. */
function end({ table, below, status, more, frame }, { label, items, isLast, empty, footer }) {
  table.removeAttribute("aria-busy");
  status.textContent = items.length === 0 ? `No ${label}` : `${items.length} ${label} shown`;
  const isEmpty = items.length === 0 && isLast;
  frame.hidden = items.length === 0;
  more.hidden = isLast;
  more.textContent = items.length === 0 ? "No match so far. Search on" : "Show more";
  const total = items.length > 0 && footer?.(items);
  below.replaceChildren(...[isEmpty && nothing(typeof empty === "function" ? empty() : empty), total, more].filter(Boolean));
}

/** The content in place of rows: it says what to do, and not only that there are none. */
export function nothing({ title, text, action } = {}) {
  return h("div", { class: "nothing" }, h("p", { class: "nothing-title" }, title ?? "Nothing here"), text && h("p", { class: "soft" }, text), action);
}
