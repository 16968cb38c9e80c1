// The editor: a text area with completion. Ctrl-Enter runs the statement, Tab leaves the editor.

import { h } from "../../../account/dom.js";
import { completions } from "./complete.js";

const [MIN_ROWS, MAX_ROWS] = [7, 24];

/** `views` returns the schema as far as it is loaded. Returns { node, text(), set(text), insert(text), focus() }. */
export function editor({ sql, views, onRun, onChange }) {
  const hint = h("p", { id: "sql-keys", class: "soft editor-hint" }, h("kbd", {}, "Ctrl Enter"), " runs the statement · ", h("kbd", {}, "↓"), " chooses a suggestion, ", h("kbd", {}, "Enter"), " inserts it");
  const area = h("textarea", { id: "sql", name: "sql", "aria-label": "SQL statement", "aria-describedby": "sql-keys", "aria-autocomplete": "list", "aria-controls": "sql-options", spellcheck: "false", autocapitalize: "none", autocomplete: "off", placeholder: "select status, count(*) from subscriptions group by status" });
  const { options, close, suggest, pressed } = suggestions({ area, views, insert, onRun });
  const node = h("div", { class: "editor" }, area, options, hint);
  area.value = sql;

  function fit() {
    area.rows = Math.min(Math.max(area.value.split("\n").length + 1, MIN_ROWS), MAX_ROWS);
  }

  /** Inserts in place of the selection, so that it can be undone. */
  function insert(text) {
    area.focus();
    // setRangeText clears the undo history; only the command keeps it.
    if (!document.execCommand("insertText", false, text)) {
      area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
      changed();
    }
  }

  function changed() {
    fit();
    onChange(area.value);
  }

  function set(text) {
    area.focus();
    area.select();
    insert(text);
    close();
  }

  area.addEventListener("input", () => {
    changed();
    suggest();
  });
  area.addEventListener("blur", close);
  area.addEventListener("keydown", pressed);
  fit();
  return { node, text: () => area.value, set, insert, focus: () => area.focus() };
}

/** The suggestions below the text area, and the keys that choose from them. `insert(text)` writes into the editor. */
function suggestions({ area, views, insert, onRun }) {
  const options = h("ul", { id: "sql-options", role: "listbox", "aria-label": "Suggestions", hidden: true });
  let offer = { start: 0, items: [] };
  let active = -1;

  function mark(at) {
    active = at;
    [...options.children].forEach((option, index) => option.setAttribute("aria-selected", String(index === at)));
    if (at === -1) area.removeAttribute("aria-activedescendant");
    else area.setAttribute("aria-activedescendant", `sql-option-${at}`);
  }

  function close() {
    offer = { start: 0, items: [] };
    options.hidden = true;
    options.replaceChildren();
    mark(-1);
  }

  function suggest() {
    if (area.selectionStart !== area.selectionEnd) return close();
    offer = completions(area.value, area.selectionStart, views());
    options.hidden = offer.items.length === 0;
    const option = ({ text, kind, more }, at) =>
      // The editor keeps the focus, and with it the caret.
      h("li", { id: `sql-option-${at}`, role: "option", title: more, onpointerdown: (event) => event.preventDefault(), onclick: () => choose(at) }, h("code", {}, text), h("span", { class: "soft" }, kind));
    options.replaceChildren(...offer.items.map(option));
    mark(-1);
  }

  function choose(at) {
    const { start, items } = offer;
    area.setSelectionRange(start, area.selectionStart);
    insert(items[at].text);
    close();
  }

  /** A key in the editor. The browser does what is not handled here. */
  function pressed(event) {
    const count = offer.items.length;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      close();
      onRun();
    } else if (event.key === " " && event.ctrlKey) suggest();
    else if (count === 0) return;
    else if (event.key === "ArrowDown") mark((active + 1) % count);
    else if (event.key === "ArrowUp" && active >= 0) mark(active - 1);
    else if (event.key === "Enter" && active >= 0) choose(active);
    else if (event.key === "Escape") close();
    else {
      if (event.key.startsWith("Arrow")) close();
      return;
    }
    event.preventDefault();
  }

  return { options, close, suggest, pressed };
}
