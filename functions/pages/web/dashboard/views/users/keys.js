// The keys of the list of users.

import { h } from "../../../account/dom.js";
import { openDialog } from "../../ui/dialog.js";
import { whileShown } from "../user/section.js";

const keys = [
  ["/", "Search"],
  ["j", "Next user (or ↓)"],
  ["k", "Previous user (or ↑)"],
  ["Enter", "Open the user"],
  ["x", "Select or deselect the user"],
  ["?", "Show these keys"],
  ["Ctrl K", "Jump to any user, plan, report or page"],
];

/** Lists the keys in a dialog. */
export function showKeys() {
  const rows = keys.flatMap(([key, text]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, text)]);
  const close = h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Close");
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "keys-title" }, h("h2", { id: "keys-title" }, "Keyboard shortcuts"), h("dl", { class: "keys" }, ...rows), h("div", { class: "dialog-actions" }, close));
  openDialog(dialog);
}

const isTyping = (element) => element?.matches?.("input:not([type=checkbox]), textarea, select, [contenteditable]");

/** Listens as long as `root` is shown. `rows` gives the rows of the list, `search` is the field of the search. */
export function listKeys(root, { rows, search }) {
  function move(step) {
    const all = rows();
    const at = all.findIndex((row) => row.contains(document.activeElement));
    const next = all[at === -1 ? (step > 0 ? 0 : all.length - 1) : at + step];
    next?.querySelector("a")?.focus();
    next?.scrollIntoView({ block: "nearest" });
  }

  function act(event) {
    const { key } = event;
    if (key === "/") search.focus();
    else if (key === "?") showKeys();
    else if (key === "j" || key === "ArrowDown") move(1);
    else if (key === "k" || key === "ArrowUp") move(-1);
    else if (key === "x") {
      const row = rows().find((one) => one.contains(document.activeElement));
      row?.querySelector("input[type=checkbox]")?.click();
      if (!row) return;
    } else return;
    event.preventDefault();
  }

  function listen(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    const { target, key } = event;
    if (target === search && key === "ArrowDown") {
      move(1);
      event.preventDefault();
    }
    if (isTyping(target) || target.closest?.("details") || (key.startsWith("Arrow") && target.matches?.("a, button") && !target.closest("tr"))) return;
    act(event);
  }

  whileShown(root, document, "keydown", listen);
}
