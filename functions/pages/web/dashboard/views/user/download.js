// A text as a file of the browser's downloads.

import { h } from "../../../account/dom.js";

const KEPT_MS = 60_000;

export function download(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  h("a", { href: url, download: name }).click();
  // The browser reads it after the click.
  setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
}
