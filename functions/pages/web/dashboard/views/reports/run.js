// Runs a statement: it is queued, then requested until there is a result.

import { call } from "../../../account/client.js";

const [FIRST_MS, LONGEST_MS] = [250, 2000];
/** The number of requests in a row that may fail while the report continues. */
const MAX_FAILURES = 4;

/** Waits for the report. `onStatus(report)` is called at each answer; null when `isStopped()` says so. */
export async function follow(id, onStatus, isStopped) {
  let failures = 0;
  for (let pause = FIRST_MS; !isStopped(); pause = Math.min(pause * 1.5, LONGEST_MS)) {
    try {
      const report = await call("GET", `/admin/reports/${encodeURIComponent(id)}`);
      failures = 0;
      if (report.status === "succeeded" || report.status === "failed") return report;
      onStatus(report);
    } catch (problem) {
      failures += 1;
      const isPassing = problem.status === 0 || problem.status >= 500;
      if (!isPassing || failures > MAX_FAILURES) throw problem;
    }
    await new Promise((done) => setTimeout(done, pause));
  }
  return null;
}

export async function run(body, onStatus, isStopped) {
  const queued = await call("POST", "/admin/reports", body, { "idempotency-key": crypto.randomUUID() });
  onStatus(queued);
  return follow(queued.id, onStatus, isStopped);
}
