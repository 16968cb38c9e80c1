// This page shows its heading until its content is written.

import { pageHead } from "../ui/parts.js";

export const title = "Overview";

export async function view() {
  return [pageHead(title)];
}
