// Buttons and small forms that send a command, say what happened, and show the view again.

import { h } from "/account/dom.js";
import { toast } from "/dashboard/ui/toast.js";

/** Event on `window`: something changed, and the view must be shown again. */
export const CHANGED = "console-changed";

export const refresh = () => dispatchEvent(new Event(CHANGED));

const showProblem = (problem) => toast(problem.message, { stay: true, tone: "bad" });

/** Runs a command once; `done` is the message, or makes it of the answer. The view is shown again unless `keep` is set. */
async function run(button, command, done, keep) {
  button.disabled = true;
  try {
    const answer = await command();
    toast(typeof done === "function" ? done(answer) : done);
    if (!keep) refresh();
    return true;
  } catch (problem) {
    showProblem(problem);
    return false;
  } finally {
    button.disabled = false;
  }
}

/** A button that runs a command. `ask` confirms it first: it resolves to true to go on. */
export function action(label, command, done, { kind = "quiet small", ask, keep, name } = {}) {
  const button = h("button", { type: "button", class: kind, "aria-label": name }, label);
  button.addEventListener("click", async () => {
    if (ask && !(await ask())) return;
    await run(button, command, done, keep);
  });
  return button;
}

/** A labelled input. */
export function input(label, name, attributes = {}) {
  return h("label", { class: attributes.wide ? "wide" : undefined }, h("span", {}, label), h("input", { name, autocomplete: "off", ...attributes, wide: undefined }));
}

/** A labelled choice of [value, text] pairs. */
export function choice(label, name, options, value) {
  const items = options.map(([key, text]) => h("option", { value: key, selected: key === value }, text));
  return h("label", {}, h("span", {}, label), h("select", { name }, ...items));
}

/** A form in one line. `command` gets its values by name; empty ones are left out. */
export function inlineForm(fields, label, command, done, { kind = "quiet", keep } = {}) {
  const button = h("button", { class: kind }, label);
  const form = h("form", { class: "inline" }, ...fields, button);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const values = Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ""));
    await run(button, () => command(values), done, keep);
  });
  return form;
}

/** A form whose values become the query of the view's address: a search. */
export function searchForm(label, value, onSearch, placeholder) {
  const field = h("input", { name: "q", type: "search", value, placeholder, autocomplete: "off" });
  const form = h("form", { class: "inline", role: "search" }, h("label", { class: "wide" }, h("span", {}, label), field), h("button", { class: "quiet" }, "Search"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    onSearch(field.value.trim());
  });
  return form;
}
