// The log lines of the functions, found by a request id or any other text.

import { h } from "/account/dom.js";
import { badge, pageHead, when } from "/dashboard/ui/parts.js";
import { read } from "../api.js";
import { action, refresh, searchForm } from "../forms.js";
import { goTo, json, nothing, table, to } from "../parts.js";

export const title = "Log";

const tones = { ERROR: "bad", WARN: "warn", INFO: "plain" };

/** "POST /login 401 invalid_credentials", or the message. */
function summary({ method, route, status, code, message, cause }) {
  const request = method && [method, route, status, code].filter(Boolean).join(" ");
  return [h("span", {}, request ?? message ?? ""), cause && h("div", { class: "note" }, cause)];
}

const columns = [
  ["Time", ({ timestamp }) => when(timestamp), "nowrap"],
  ["Level", ({ level }) => badge(level ?? "–", tones[level] ?? "plain")],
  ["What happened", summary, "main"],
  ["Request", ({ request_id }) => request_id && h("a", { href: to("log", { q: request_id }) }, h("code", {}, request_id))],
  ["Line", (line) => json("Show", line)],
];

export async function view({ query }) {
  const q = query.get("q") ?? "";
  const { items } = await read(`log?${new URLSearchParams({ contains: q })}`);
  const search = searchForm("Request id, path, code or any text", q, (text) => goTo("log", { q: text }), "req_…");
  const empty = q ? nothing("No line contains this text", "A request id is in the header x-request-id of each response, and in each error. ", h("a", { href: "#log" }, "Show all lines")) : nothing("No log line yet", "Each request of the API writes one. ", h("a", { href: "/account" }, "Open the account pages"), " to see the first.");
  const again = action("Refresh", async () => refresh(), "The log is up to date.", { keep: true });
  return [pageHead(title, { text: "The newest 5,000 lines of this process, newest first, without those about files of pages. The file log.jsonl in the data folder has them all.", actions: [again] }), search, h("p", {}), items.length > 0 ? table("Log lines", columns, items) : empty];
}
