// A user's sessions; an admin ends one session or all.

import { call } from "../../../account/client.js";
import { h } from "../../../account/dom.js";
import { deviceName } from "../../../account/user-agent.js";
import { confirmAction } from "../../ui/confirm.js";
import { plural, when } from "../../ui/parts.js";
import { problemText } from "../../ui/problem.js";
import { toast } from "../../ui/toast.js";
import { section } from "./section.js";

/** The list under the user's `path`; `onChange` is called after sessions ended. */
export function sessions(path, onChange) {
  const alert = h("p", { role: "alert", class: "error" });
  const every = h("button", { type: "button", class: "plain small", hidden: true, onclick: endAll }, "End all");

  async function act(button, url, done) {
    alert.textContent = "";
    button.disabled = true;
    try {
      await call("DELETE", url);
      toast(done);
    } catch (problem) {
      button.disabled = false;
      if (problem.code !== "not_found") {
        alert.textContent = problemText(problem);
        return;
      }
      toast("This session had already ended.", { tone: "info" });
    }
    button.disabled = false;
    await onChange();
    (every.hidden ? document.getElementById("view") : every).focus({ preventScroll: true });
  }

  async function endAll() {
    const sure = await confirmAction({ title: "End all sessions?", text: "The user is signed out everywhere at once and can sign in again.", button: "End all sessions", danger: true });
    if (sure) await act(every, `${path}/sessions`, "All sessions were ended.");
  }

  function row(session) {
    const name = deviceName(session.user_agent);
    const end = h("button", { type: "button", class: "quiet small", "aria-label": `End the session of ${name}`, onclick: () => act(end, `${path}/sessions/${session.id}`, `The session of ${name} was ended.`) }, "End");
    return h(
      "li",
      {},
      h("div", {}, h("span", { title: session.user_agent ?? "" }, name), session.current && h("strong", {}, " (this session)"), h("small", {}, session.ip ?? "", session.ip ? " · " : "", "used ", when(session.last_used_at))),
      end,
    );
  }

  return section(
    "Sessions",
    async () => {
      const { items } = await call("GET", `${path}/sessions?limit=50`);
      every.hidden = items.length === 0;
      if (items.length === 0) return [h("p", { class: "soft" }, "Not signed in anywhere."), alert];
      return [h("ul", { class: "session-rows", "aria-label": plural(items.length, "session") }, ...items.map(row)), alert];
    },
    { actions: [every] },
  );
}
