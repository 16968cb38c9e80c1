// The assistant writes a statement for a question. Its proposal is a difference from what the editor shows; a person
// accepts it, and a person runs it.

import { call } from "../../../account/client.js";
import { h } from "../../../account/dom.js";
import { problemText } from "../../ui/problem.js";
import { diff } from "./diff.js";

/** `text()` and `accept(sql)` are the editor's. Gives { node, repair(sql, error), redraw() }. */
export function ask({ text, accept }) {
  const input = h("input", { name: "question", "aria-label": "Question for the assistant", placeholder: "Which customers paid more this month than last month?", maxlength: "4000", autocomplete: "off" });
  const button = h("button", {}, "Write SQL");
  const status = h("p", { role: "status", class: "soft" }, "The assistant receives your question and the names of the tables and columns; to repair a statement, also that statement. It never receives rows.");
  const place = h("div", {});
  const node = h("section", { class: "panel ask" }, h("form", { onsubmit: submitted }, h("label", {}, h("span", {}, "Ask in your words"), input), button), status, place);
  let proposal = null;

  function submitted(event) {
    event.preventDefault();
    const question = input.value.trim();
    if (question === "") return input.focus();
    send({ question });
  }

  async function send(body) {
    button.disabled = true;
    proposal = null;
    place.replaceChildren();
    status.textContent = "The assistant is writing …";
    try {
      proposal = await call("POST", "/admin/ai/ask", body);
      status.textContent = "";
      redraw();
      place.querySelector("h3").focus();
    } catch (problem) {
      status.replaceChildren(...(problem.code === "ai_not_configured" ? setUp() : [h("span", { class: "error" }, problemText(problem))]));
    }
    button.disabled = false;
  }

  /** How the assistant is set up. */
  function setUp() {
    return ["The assistant is not configured. Set ", h("code", {}, "GROQ_API_KEY"), " (or the key of another endpoint that speaks OpenAI's chat completions) in the configuration of this service and restart it. Reports work without it."];
  }

  function close() {
    proposal = null;
    place.replaceChildren();
    input.focus();
  }

  function redraw() {
    if (proposal === null) return;
    const { sql, explanation, assumptions, cannot } = proposal;
    const heading = h("h3", { tabindex: "-1" }, sql === null ? "The assistant cannot answer this" : "Proposal");
    if (sql === null) return place.replaceChildren(heading, h("p", {}, cannot ?? explanation));
    const words = { "+": "added", "-": "removed" };
    const lines = diff(text(), sql).map(([sign, content]) => h("div", { class: words[sign] ?? "same" }, h("span", { "aria-hidden": "true" }, `${sign} `), words[sign] && h("span", { class: "hidden" }, `${words[sign]}: `), content));
    place.replaceChildren(
      ...[
        heading,
        explanation && h("p", { dir: "auto" }, explanation),
        cannot && h("p", {}, cannot),
        assumptions?.length > 0 && h("ul", {}, ...assumptions.map((assumption) => h("li", {}, assumption))),
        h("pre", { class: "diff", tabindex: "0", role: "region", "aria-label": "Difference from the statement in the editor" }, ...lines),
        h("div", { class: "row" }, h("button", { type: "button", onclick: () => ((proposal = null), place.replaceChildren(), accept(sql)) }, "Accept"), h("button", { type: "button", class: "quiet", onclick: close }, "Reject"), h("span", { class: "soft" }, "Nothing runs until you press Run.")),
      ].filter(Boolean),
    );
  }

  const repair = (sql, error) => send({ question: input.value.trim() || "Repair this statement.", sql, error: error.slice(0, 4000) });
  return { node, repair, redraw };
}
