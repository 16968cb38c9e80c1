// The user's data as a file.

import { call } from "../client.js";
import { h } from "../dom.js";

/** The browser has to have read the file by then. */
const RELEASE_MS = 60_000;

/** Downloads everything that the service stores about the user. `confirmation` has the password, if one is required. */
export async function download(confirmation) {
  const data = confirmation.password ? await call("POST", "/me/export", confirmation) : await call("GET", "/me/export");
  const file = URL.createObjectURL(new Blob([JSON.stringify(data, null, 2)], { type: "application/json" }));
  h("a", { href: file, download: `${data.user.username}.json` }).click();
  setTimeout(() => URL.revokeObjectURL(file), RELEASE_MS);
}
