// A question before an action that cannot be undone at once.

import { h } from "../../account/dom.js";
import { openDialog } from "./dialog.js";

/**
 * Asks, and resolves to true if the person confirms.
 *
 * title   the question, with the name of the person or thing: "Disable ann@example.com?"
 * text    the effect: a string, or an array of strings and nodes (each a paragraph, or a node such as a choice)
 * button  what the button does: "Disable account"
 * danger  true for actions that remove something
 * typed   a text that must be typed before the button works, such as the address of the account to delete
 */
export function confirmAction({ title, text, button, danger = false, typed }) {
  const paragraphs = [text].flat().map((part) => (typeof part === "string" ? h("p", {}, part) : part));
  const field = typed && h("input", { name: "typed", autocomplete: "off", spellcheck: "false" });
  const act = h("button", { value: "confirm", class: danger ? "danger solid" : "", disabled: Boolean(typed) }, button);
  const cancel = h("button", { value: "", class: "quiet", formnovalidate: true, autofocus: !typed }, "Cancel");
  field?.addEventListener("input", () => {
    act.disabled = field.value !== typed;
  });
  const dialog = h(
    "dialog",
    { class: "dialog", role: "alertdialog", "aria-labelledby": "confirm-title", "aria-describedby": "confirm-text" },
    h(
      "form",
      { method: "dialog" },
      h("h2", { id: "confirm-title" }, title),
      h("div", { id: "confirm-text" }, ...paragraphs),
      field && h("label", {}, h("span", {}, "Type ", h("strong", {}, typed), " to confirm"), field),
      h("div", { class: "dialog-actions" }, cancel, act),
    ),
  );
  return new Promise((resolve) => {
    // Enter in the field presses the form's first button, which is Cancel.
    field?.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      if (!act.disabled) dialog.close("confirm");
    });
    openDialog(dialog, () => resolve(dialog.returnValue === "confirm"));
    (field ?? cancel).focus();
  });
}
