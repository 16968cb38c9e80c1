// Reports: a statement in the editor, the assistant, the result, the gallery and the history. The address has the statement.

import { call } from "../../account/client.js";
import { h } from "../../account/dom.js";
import { pageHead, plural } from "../ui/parts.js";
import { problemText } from "../ui/problem.js";
import { ask } from "./reports/ask.js";
import { editor } from "./reports/editor.js";
import { gallery, pastReports } from "./reports/listings.js";
import { result } from "./reports/result.js";
import { follow, run } from "./reports/run.js";
import { schema } from "./reports/schema.js";

export const title = "Reports";

const TYPING_MS = 400;
/** Gateways refuse a longer address: then the statement is after "#", which is not sent. */
const MAX_QUERY = 6000;

function addressOf(sql) {
  const text = encodeURIComponent(sql);
  if (text === "") return "/dashboard/reports";
  return text.length > MAX_QUERY ? `/dashboard/reports#sql=${text}` : `/dashboard/reports?sql=${text}`;
}

const statementOf = (query) => query.get("sql") ?? new URLSearchParams(location.hash.slice(1)).get("sql") ?? "";

/** A report by its id; null if it has expired. */
async function stored(id) {
  try {
    return await call("GET", `/admin/reports/${encodeURIComponent(id)}`);
  } catch (problem) {
    if (problem.code === "not_found") return null;
    throw problem;
  }
}

export async function view({ params, query }) {
  const report = params.id ? await stored(params.id) : null;
  let typing = null;

  const status = h("p", { role: "status", class: "run-status" });
  const place = h("div", { class: "result" });
  const runButton = h("button", { type: "button", onclick: () => start("preview") }, "Run");
  const csvButton = h("button", { type: "button", class: "quiet", onclick: () => start("csv") }, "Download CSV");
  const stop = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => stopped() }, "Stop waiting");
  const fresh = h("input", { type: "checkbox", name: "fresh" });
  const bom = h("input", { type: "checkbox", name: "bom" });
  const delimiter = h("select", { name: "delimiter" }, h("option", { value: "," }, "Comma"), h("option", { value: ";" }, "Semicolon"));
  const option = (input, text) => h("label", { class: "choice" }, input, h("span", {}, text));
  const options = h("details", { class: "run-options" }, h("summary", {}, "Options"), option(fresh, "Read current data (otherwise a copy up to 5 minutes old)"), option(bom, "CSV: add a byte order mark (for Excel)"), h("label", { class: "choice" }, h("span", {}, "CSV: delimiter"), delimiter));

  const area = editor({ sql: report?.sql ?? statementOf(query), views: () => tables.views(), onRun: () => start("preview"), onChange: changed });
  const tables = schema(area.insert);
  const assistant = ask({ text: area.text, accept: area.set });
  const past = pastReports();
  const { show, stopped } = showing({ runButton, csvButton, stop, status, place, area, assistant, past });

  /** The input is kept in the address, so that a reload loses nothing. */
  function changed(sql) {
    clearTimeout(typing);
    typing = setTimeout(() => area.node.isConnected && history.replaceState(history.state, "", addressOf(sql)), TYPING_MS);
    assistant.redraw();
  }

  async function start(format) {
    const sql = area.text();
    if (runButton.disabled) return;
    if (sql.trim() === "") {
      status.textContent = "Write a statement first, or open one from the gallery.";
      return area.focus();
    }
    clearTimeout(typing);
    // The statement that ran is an entry of the history of the browser.
    if (addressOf(sql) !== location.pathname + location.search + location.hash) history.pushState(null, "", addressOf(sql));
    const csv = format === "csv" ? { csv: { bom: bom.checked, delimiter: delimiter.value } } : {};
    await show(format, sql, true, (onStatus, isStopped) => run({ sql, format, fresh: fresh.checked, ...csv }, onStatus, isStopped));
  }

  if (report) show(report.format, report.sql, false, (onStatus, isStopped) => follow(report.id, onStatus, isStopped));
  else if (params.id) status.textContent = "This report has expired. Reports are kept for a day.";
  else if (area.text() !== "") status.textContent = "Press Run to see the rows, or download all of them as CSV.";

  return [
    pageHead(title, { text: "Query a read-only copy of the tables in SQL. Admins see each other's reports." }),
    assistant.node,
    h("div", { class: "columns reports" }, h("section", { class: "panel" }, area.node, h("div", { class: "row" }, runButton, csvButton, stop, options), status), tables.node, place),
    h("details", { class: "gallery-place", open: area.text() === "" }, h("summary", {}, h("h2", {}, "Gallery")), gallery()),
    h("section", {}, h("h2", {}, "History"), past.node),
  ];
}

/** Shows in `status` and `place` how the latest run is going and what it gave. Gives { show(…), stopped() }. */
function showing({ runButton, csvButton, stop, status, place, area, assistant, past }) {
  let turn = 0;

  function busy(isBusy) {
    runButton.disabled = isBusy;
    csvButton.disabled = isBusy;
    stop.hidden = !isBusy;
  }

  function stopped() {
    turn += 1;
    busy(false);
    status.textContent = "Stopped waiting. The report continues and appears below when it is done.";
    past.reload();
  }

  function failed(sql, error) {
    status.textContent = "";
    const repair = h("button", { type: "button", class: "quiet small", onclick: () => assistant.repair(sql, error) }, "Ask the assistant to repair it");
    place.replaceChildren(h("div", { class: "panel problem", role: "alert" }, h("p", {}, error), h("p", {}, repair)));
  }

  /** Shows the result of `wait`, unless another run has begun since; `isNew` if it was started here. */
  async function show(format, sql, isNew, wait) {
    turn += 1;
    const own = turn;
    const since = performance.now();
    const isOver = () => own !== turn;
    busy(true);
    const onStatus = (one) => isOver() || (status.textContent = one.status === "queued" ? "Queued …" : `Running for ${Math.round((performance.now() - since) / 1000)} s …`);
    try {
      const done = await wait(onStatus, () => isOver() || (performance.now() - since > 1000 && !area.node.isConnected));
      if (done !== null && !isOver()) arrived(format, sql, done, isNew);
    } catch (problem) {
      if (isOver()) return;
      if (problem.code === "sql_not_allowed") failed(sql, problem.message);
      else {
        status.textContent = "";
        place.replaceChildren(h("p", { class: "panel problem", role: "alert" }, problemText(problem)));
      }
    }
    if (!isOver()) busy(false);
  }

  function arrived(format, sql, done, isNew) {
    if (isNew) past.reload();
    if (done.status === "failed") return failed(sql, done.error ?? "The report failed.");
    status.textContent = `Done: ${plural(done.row_count, "row")}.`;
    if (format === "preview") return place.replaceChildren(...result(done));
    const link = h("a", { href: done.download_url, download: "" }, "Download the file");
    status.append(" ", link, " (the link works for 15 minutes)");
    if (isNew) link.click();
  }

  return { show, stopped };
}
