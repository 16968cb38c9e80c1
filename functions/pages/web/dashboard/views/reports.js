// Reports: questions in SQL and their answers.

import { call } from "../../account/client.js";
import { h } from "../../account/dom.js";

export const title = "Reports";

export async function view() {
  const { items } = await call("GET", "/admin/reports/gallery");
  return [h("h1", {}, title), h("ul", {}, ...items.map((report) => h("li", {}, report.title)))];
}
