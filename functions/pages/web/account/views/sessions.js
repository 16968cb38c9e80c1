// Where somebody is signed in, and ending it.

import { call, forget } from "../client.js";
import { h, sentence, time } from "../dom.js";
import { go } from "../go.js";

export const title = "Sessions";

export async function view() {
  const rows = h("ul", { class: "rows" });
  const alert = h("p", { role: "alert" });
  const more = h("button", { class: "quiet", onclick: () => load() }, "Show more");
  let cursor = null;

  async function end(session, row, button) {
    button.disabled = true;
    alert.textContent = "";
    try {
      await call("DELETE", `/sessions/${session.id}`);
    } catch (problem) {
      // One that is gone already is as good as ended.
      if (problem.code !== "not_found") {
        button.disabled = false;
        alert.textContent = sentence(problem);
        return;
      }
    }
    if (session.current) {
      forget();
      go("/account/sign-in");
    } else {
      row.remove();
    }
  }

  function show(session) {
    const row = h("li", {});
    const button = h("button", { class: "quiet", onclick: () => end(session, row, button) }, session.current ? "Sign out here" : "End it");
    row.append(
      h(
        "div",
        {},
        session.current ? h("strong", {}, "This session") : "",
        session.current ? h("br") : "",
        session.user_agent ?? "Unknown device",
        h("br"),
        h("small", {}, "Signed in ", time(session.created_at), ", last used ", time(session.last_used_at), session.ip ? `, from ${session.ip}` : ""),
      ),
      button,
    );
    return row;
  }

  async function load() {
    const page = await call("GET", cursor ? `/sessions?cursor=${encodeURIComponent(cursor)}` : "/sessions");
    rows.append(...page.items.map(show));
    cursor = page.next_cursor;
    more.hidden = cursor === null;
  }

  async function endOthers() {
    others.disabled = true;
    alert.textContent = "";
    try {
      await call("DELETE", "/sessions");
      rows.replaceChildren();
      cursor = null;
      await load();
    } catch (problem) {
      alert.textContent = sentence(problem);
    }
    others.disabled = false;
  }

  const others = h("button", { class: "quiet", onclick: endOthers }, "Sign out of all other sessions");
  await load();
  return [h("h1", {}, title), rows, more, others, alert];
}
