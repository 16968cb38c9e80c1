// Invitations: a form for an address, and the open ones.

import { call } from "../../../account/client.js";
import { h } from "../../../account/dom.js";
import { openDialog } from "../../ui/dialog.js";
import { when } from "../../ui/parts.js";
import { problemText } from "../../ui/problem.js";

const PATH = "/admin/invitations";

export function showInvitations() {
  const alert = h("p", { role: "alert", class: "error" });
  const rows = h("ul", { class: "session-rows" });
  const field = h("input", { name: "invited", type: "email", required: true });

  /** Makes a change, if one is given, and shows the list. Returns whether that succeeded. */
  async function update(...change) {
    alert.textContent = "";
    try {
      if (change.length > 0) await call(...change);
      const { items } = await call("GET", `${PATH}?limit=100`);
      rows.replaceChildren(...items.map(row));
      return true;
    } catch (problem) {
      alert.textContent = problemText(problem);
      return false;
    }
  }

  function row({ id, email, expires_at }) {
    const revoke = () => update("DELETE", `${PATH}/${id}`);
    const button = h("button", { type: "button", class: "quiet small", "aria-label": `Revoke the invitation of ${email}`, onclick: revoke }, "Revoke");
    return h("li", {}, h("div", {}, h("span", { dir: "auto" }, email), h("small", {}, "expires ", when(expires_at))), button);
  }

  async function send(event) {
    event.preventDefault();
    const email = field.value;
    // An address that is being typed meanwhile stays.
    if ((await update("POST", PATH, { email })) && field.value === email) field.value = "";
  }

  const close = h("form", { method: "dialog", class: "dialog-actions" }, h("button", { class: "quiet" }, "Close"));
  const form = h("form", { onsubmit: send }, h("label", {}, h("span", {}, "E-mail address"), field), h("button", {}, "Send invitation"));
  openDialog(h("dialog", { class: "dialog", "aria-labelledby": "invite" }, h("h2", { id: "invite" }, "Invitations"), form, alert, rows, close));
  update();
}
