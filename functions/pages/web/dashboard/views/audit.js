// This page shows its heading until its content is written.

import { pageHead } from "../ui/parts.js";

export const title = "Audit log";

export async function view() {
  return [pageHead(title)];
}
