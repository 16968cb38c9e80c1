// One user.

import { call } from "../../account/client.js";
import { h } from "../../account/dom.js";

export const title = "User";

export async function view({ params }) {
  const { email } = await call("GET", `/admin/users/${encodeURIComponent(params.id)}`);
  return [h("h1", {}, email)];
}
