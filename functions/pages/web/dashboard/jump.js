// Ctrl-K: jumps to a user, a plan, a report or a page by a few letters, by keyboard alone.

import { call } from "../account/client.js";
import { h } from "../account/dom.js";
import { hasPage } from "../account/offer.js";
import { allPlans, keepNames } from "./names.js";
import { go } from "./router.js";
import { openDialog } from "./ui/dialog.js";
import { problemText } from "./ui/problem.js";

const TYPING_MS = 150;
const MAX_OF_KIND = 6;

/** The pages of the navigation, each with its icon. */
export const pages = [
  ["Overview", "/dashboard", "overview"],
  ["Users", "/dashboard/users", "users"],
  ["Subscriptions", "/dashboard/subscriptions", "subscriptions"],
  ["Payments", "/dashboard/payments", "payments"],
  ["Plans", "/dashboard/plans", "plans"],
  ["Audit log", "/dashboard/audit", "audit"],
  ["Reports", "/dashboard/reports", "reports"],
  ["System", "/dashboard/system", "system"],
];
const account = ["Your account", "/account"];

let gallery = null;

function reports() {
  gallery ??= call("GET", "/admin/reports/gallery").then(({ items }) => items);
  gallery.catch(() => {
    gallery = null;
  });
  return gallery;
}

/** Whether each word of `text` begins a word of `name`, or is a longer part of it. */
function matches(name, text) {
  const words = name.toLowerCase().split(/[^\p{L}\p{N}]+/u);
  return text.toLowerCase().split(/\s+/).filter(Boolean).every((part) => words.some((word) => word.startsWith(part)) || (part.length > 2 && name.toLowerCase().includes(part)));
}

async function users(text) {
  if (text === "") return [];
  const { items } = await call("GET", `/admin/users?${new URLSearchParams({ q: text, limit: MAX_OF_KIND })}`);
  keepNames(items);
  return items.map(({ id, email, username }) => ({ kind: "User", name: email, more: username, path: `/dashboard/users/${id}` }));
}

/** Results without a request: pages, and plans and reports that were read once. */
async function others(text) {
  const [plans, questions] = await Promise.all([allPlans().catch(() => []), reports().catch(() => [])]);
  const pick = (all) => all.slice(0, MAX_OF_KIND);
  return [
    ...pick([...pages, account].filter(([name, path]) => hasPage(path) && matches(name, text)).map(([name, path]) => ({ kind: "Page", name, path }))),
    ...(text === "" ? [] : pick(plans.filter(({ id, name, code }) => id === text || matches(`${name} ${code}`, text)).map(({ id, name, code }) => ({ kind: "Plan", name, more: code, path: `/dashboard/plans?id=${id}` })))),
    ...(text === "" ? [] : pick(questions.filter((report) => matches(report.title, text)).map((report) => ({ kind: "Report", name: report.title, path: `/dashboard/reports?sql=${encodeURIComponent(report.sql)}` })))),
  ];
}

/** Opens the dialog. */
function openJump() {
  if (document.querySelector("dialog[open]")) return;
  const status = h("p", { role: "status", class: "soft" });
  const input = h("input", { type: "text", role: "combobox", "aria-label": "Jump to a user, plan, report or page", "aria-expanded": "true", "aria-controls": "jump-options", "aria-autocomplete": "list", placeholder: "User, plan, report or page …", autocomplete: "off", spellcheck: "false", autocapitalize: "none" });
  const { options, show, choose, step } = results({ input, status, onChoose: leave });
  const hint = h("p", { class: "jump-hint soft" }, h("kbd", {}, "↑"), " ", h("kbd", {}, "↓"), " to choose, ", h("kbd", {}, "Enter"), " to open, ", h("kbd", {}, "Esc"), " to close");
  const dialog = h("dialog", { class: "dialog jump", "aria-label": "Jump" }, input, status, options, hint);
  let turn = 0;
  let timer = null;

  async function search() {
    turn += 1;
    const own = turn;
    const text = input.value.trim();
    const near = others(text);
    const far = users(text);
    far.catch(() => null);
    const first = await near;
    if (own === turn) show(first, text === "");
    try {
      const people = await far;
      // A typed address, name or id means a user; a page with that name stays first.
      const isPerson = /[@\d_]/.test(text);
      if (own === turn) show(isPerson ? [...people, ...first] : [...first, ...people], true);
    } catch (problem) {
      if (own === turn) status.textContent = problemText(problem);
    }
    return own === turn;
  }

  function leave(path) {
    dialog.close();
    if (path.startsWith("/dashboard")) go(path);
    else location.assign(path);
  }

  async function enter() {
    // The most recent input is searched first.
    if (timer !== null) {
      clearTimeout(timer);
      timer = null;
      if (!(await search())) return;
    }
    choose();
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = null;
      search();
    }, TYPING_MS);
  });
  input.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Enter") enter();
    else if (!by || !step(by)) return;
    event.preventDefault();
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  openDialog(dialog, () => {
    clearTimeout(timer);
    turn += 1;
  });
  input.focus();
  search();
}

/** The results below the input, of which one is marked. `onChoose(path)` is called with the path of the chosen one. */
function results({ input, status, onChoose }) {
  const options = h("ul", { id: "jump-options", role: "listbox", "aria-label": "Results" });
  let found = [];
  let active = 0;

  function mark(at) {
    active = at;
    [...options.children].forEach((option, index) => option.setAttribute("aria-selected", String(index === at)));
    const chosen = options.children[at];
    if (!chosen) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", chosen.id);
    chosen.scrollIntoView({ block: "nearest" });
  }

  function show(items, isDone) {
    found = items;
    options.replaceChildren(
      ...items.map(({ kind, name, more }, at) =>
        h("li", { id: `jump-${at}`, role: "option", onclick: () => choose(at), onpointermove: () => active !== at && mark(at) }, h("span", { class: "jump-kind" }, kind), h("span", { class: "jump-name" }, h("bdi", {}, name), more && h("span", { class: "soft", dir: "auto" }, ` ${more}`))),
      ),
    );
    options.hidden = items.length === 0;
    mark(0);
    if (isDone) status.textContent = items.length === 0 ? "Nothing found. Users are found by the beginning of an address, domain or name, or by a complete ID." : "";
  }

  /** Marks the result that is `by` further; false if there are none. */
  function step(by) {
    if (found.length === 0) return false;
    mark((active + by + found.length) % found.length);
    return true;
  }

  /** Opens a result: the marked one, unless `at` says which. */
  function choose(at = active) {
    if (found[at]) onChoose(found[at].path);
  }

  return { options, show, choose, step };
}

/** Listens for Ctrl-K (⌘K). Call it once, when an admin is signed in. */
export function enableJump() {
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    event.preventDefault();
    openJump();
  });
}

/** The button that opens it. */
export function jumpButton() {
  const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
  return h("button", { type: "button", class: "quiet small jump-button", onclick: openJump, "aria-keyshortcuts": "Control+K Meta+K" }, h("span", {}, "Jump to …"), h("kbd", {}, isMac ? "⌘K" : "Ctrl K"));
}
