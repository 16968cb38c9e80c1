// The list of users.

import { call } from "../../account/client.js";
import { h } from "../../account/dom.js";

export const title = "Users";

export async function view() {
  const { items } = await call("GET", "/admin/users");
  return [h("h1", {}, title), h("ul", {}, ...items.map(({ id, email }) => h("li", {}, h("a", { href: `/dashboard/users/${id}` }, email))))];
}
