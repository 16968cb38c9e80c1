// The last filters that were used on the list of users, kept in this browser.

import { h } from "../../../account/dom.js";
import { browserStorage } from "../../../account/storage.js";

const NAME = "user-filters";
const MAX = 15;

function stored() {
  try {
    const given = JSON.parse(browserStorage.get(NAME) ?? "[]");
    return Array.isArray(given) ? given.filter((text) => typeof text === "string").slice(0, MAX) : [];
  } catch {
    return [];
  }
}

const store = (all) => browserStorage.set(NAME, JSON.stringify(all));

/** Whether `former` is an earlier state of the same input as `text`. */
function continues(text, former) {
  const [now, before] = [new URLSearchParams(text), new URLSearchParams(former)];
  const [q, typed] = [now.get("q"), before.get("q")];
  now.delete("q");
  before.delete("q");
  return q !== null && typed !== null && now.toString() === before.toString() && (q.startsWith(typed) || typed.startsWith(q));
}

/** The menu of them; `remember(values)` adds those that are used now. `fields` are those of the form of filters. */
export function recentFilters(fields) {
  const items = h("ul", {});
  const clear = h("button", { type: "button", class: "plain small", onclick: forget }, "Clear the list");
  const node = h("details", { class: "recent" }, h("summary", {}, "Recent filters"), h("div", { class: "menu-box" }, items, clear));
  let latest = null;

  function words(text) {
    const given = new URLSearchParams(text);
    const used = fields.filter(({ name }) => given.has(name));
    return used.map(({ name, options }) => options?.find(([value]) => value === given.get(name))?.[1] ?? `“${given.get(name)}”`).join(" · ");
  }

  function show() {
    const all = stored();
    node.hidden = all.length === 0;
    items.replaceChildren(...all.map((text) => h("li", {}, h("a", { href: `/dashboard/users?${text}`, dir: "auto" }, words(text)))));
  }

  function forget() {
    store([]);
    node.open = false;
    show();
  }

  function remember(values) {
    const text = new URLSearchParams(values).toString();
    if (text !== "") {
      const others = stored().filter((former) => former !== text && !(former === latest && continues(text, former)));
      store([text, ...others].slice(0, MAX));
      latest = text;
    }
    show();
  }

  node.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape" || !node.open) return;
    node.open = false;
    node.querySelector("summary").focus();
  });
  show();
  return { node, remember };
}
