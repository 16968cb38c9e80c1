// Where the user is signed in.

import { call, forget } from "../client.js";
import { h, sentence, time } from "../dom.js";
import { go } from "../go.js";
import { format, parts } from "../language.js";
import { panel } from "../panel.js";
import { deviceName } from "../user-agent.js";

/** The row of a session. Its button runs `end` on it inside `act`. */
function sessionRow(session, act, end) {
  const name = deviceName(session.user_agent);
  const row = h("li", {});
  const label = session.current ? t.sign_out_here : t.end_session;
  const button = h("button", { type: "button", class: "quiet", "aria-label": `${label}: ${name}`, onclick: () => act(button, () => end(session, row)) }, label);
  const facts = [...parts(t.session_times, { start: time(session.created_at), last: time(session.last_used_at) }), session.ip ? ` · ${format(t.ip_address, { ip: session.ip })}` : ""];
  row.append(
    h(
      "div",
      {},
      h("p", { class: "device" }, h("strong", { title: session.user_agent }, name), session.current && h("span", { class: "badge good" }, t.this_session)),
      h("small", {}, ...facts),
    ),
    button,
  );
  return row;
}

async function load() {
  const rows = h("ul", { class: "rows" });
  const alert = h("p", { role: "alert" });
  const status = h("p", { role: "status", tabindex: "-1" });
  const more = h("button", { type: "button", class: "quiet", onclick: () => act(more, loadPage) }, t.show_more);
  const others = h("button", { type: "button", class: "quiet", onclick: () => act(others, endOthers) }, t.end_others);
  let cursor = null;

  /**
   * Disables the button while `action` runs, and shows its error. Both buttons below the list change it as a whole: a page
   * that arrives after all others were signed out would list them again.
   */
  async function act(button, action) {
    const disabled = button === more || button === others ? [more, others] : [button];
    for (const each of disabled) each.disabled = true;
    alert.textContent = "";
    status.textContent = "";
    try {
      await action();
    } catch (problem) {
      alert.textContent = sentence(problem);
    }
    for (const each of disabled) each.disabled = false;
    if (document.activeElement === document.body && button.isConnected) button.focus();
  }

  async function loadPage() {
    const page = await call("GET", cursor ? `/sessions?cursor=${encodeURIComponent(cursor)}` : "/sessions");
    rows.append(...page.items.map((session) => sessionRow(session, act, end)));
    cursor = page.next_cursor;
    more.hidden = cursor === null;
    others.hidden = rows.children.length < 2;
  }

  async function end(session, row) {
    try {
      await call("DELETE", `/sessions/${session.id}`);
    } catch (problem) {
      // It has ended already.
      if (problem.code !== "not_found") throw problem;
    }
    if (session.current) {
      forget();
      return go("/account/sign-in", { notice: t.signed_out });
    }
    row.remove();
    others.hidden = rows.children.length < 2;
    status.textContent = t.session_ended;
    status.focus();
  }

  async function endOthers() {
    await call("DELETE", "/sessions");
    rows.replaceChildren();
    cursor = null;
    await loadPage();
    status.textContent = t.others_ended;
    status.focus();
  }

  await loadPage();
  return [rows, status, alert, h("div", { class: "actions" }, more, others)];
}

export const sessionsPanel = () => panel("sessions", t.sessions, 3, load, t.sessions_text);
