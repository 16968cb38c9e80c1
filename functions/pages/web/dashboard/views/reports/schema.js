// The tables that a statement may read, beside the editor: a click inserts a name.

import { call } from "../../../account/client.js";
import { h } from "../../../account/dom.js";
import { problemPanel } from "../../ui/problem.js";

/** `{ node, views() }`; `insert(text)` puts a name into the editor. */
export function schema(insert) {
  let views = [];
  const place = h("div", {}, h("span", { class: "bone" }));
  const node = h("aside", { class: "panel schema" }, h("h2", {}, "Tables"), place);
  const name = (text, title) => h("button", { type: "button", class: "plain small", title, onclick: () => insert(text) }, h("code", {}, text));

  async function load() {
    try {
      ({ views } = await call("GET", "/admin/reports/schema"));
    } catch (problem) {
      return place.replaceChildren(problemPanel(problem, load));
    }
    place.replaceChildren(
      ...views.map((view) =>
        h("details", {}, h("summary", {}, h("code", {}, view.name)), h("p", { class: "soft" }, `One row is ${view.description}. `, name(view.name, "Insert the name of the table")), h("ul", {}, ...view.columns.map((column) => h("li", {}, name(column.name, column.description), h("span", { class: "soft" }, column.type.toLowerCase()))))),
      ),
      h("p", { class: "soft" }, "SQLite's SQL, read only. Times are texts in UTC, booleans are 0 and 1, amounts are in minor units of their currency."),
    );
  }

  load();
  return { node, views: () => views };
}
