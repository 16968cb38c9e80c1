// How a problem is shown: as a line of text, or as a panel in place of content that could not be loaded.

import { h, sentence } from "../../account/dom.js";

/** The text about a problem, with its request id if it has one. */
export function problemText(problem) {
  if (problem.status === undefined) console.error(problem);
  const id = problem.requestId ? ` (request ${problem.requestId})` : "";
  return `${describe(problem)}${id}`;
}

function describe(problem) {
  if (problem.code === "unauthenticated") return "Your session ended. Sign in again in another tab, then try again.";
  if (problem.code === "forbidden") return "Your account is not an administrator, or not any more. Ask another administrator.";
  if (problem.code === "offline") return "The service cannot be reached. Check your connection, then try again.";
  if (problem.status === undefined) return "This page has an error. Reload it.";
  return sentence(problem);
}

/** A panel that says what went wrong; `retry` is called by its button "Try again". */
export function problemPanel(problem, retry) {
  return h(
    "div",
    { class: "panel problem", role: "alert" },
    h("p", {}, problemText(problem)),
    retry && h("p", {}, h("button", { type: "button", class: "quiet small", onclick: retry }, "Try again")),
  );
}
