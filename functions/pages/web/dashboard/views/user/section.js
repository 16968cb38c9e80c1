// A part of a page that loads by itself, and that can fail and be retried by itself.

import { h } from "../../../account/dom.js";
import { problemPanel } from "../../ui/problem.js";

/** `read` gives the nodes of the part. `load()` reads it again; what is shown stays until then. */
export function section(title, read, { actions = [] } = {}) {
  const place = h("div", { "aria-busy": "true" }, h("span", { class: "bone" }), h("span", { class: "bone" }));
  const node = h("section", { class: "panel" }, h("div", { class: "panel-head" }, h("h2", {}, title), ...actions), place);
  let turn = 0;

  async function load() {
    turn += 1;
    const own = turn;
    let content;
    try {
      content = await read();
    } catch (problem) {
      content = [problemPanel(problem, load)];
    }
    if (own !== turn) return;
    place.removeAttribute("aria-busy");
    place.replaceChildren(...content.filter(Boolean));
  }

  load();
  return { node, load };
}

/** Listens on `target` as long as `root` is shown; it is shown a moment after its view was made. */
export function whileShown(root, target, event, listener) {
  const wrapped = (given) => (root.isConnected ? listener(given) : target.removeEventListener(event, wrapped));
  setTimeout(() => target.addEventListener(event, wrapped));
}
