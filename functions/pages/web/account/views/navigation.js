// The way between the views of somebody who is signed in.

import { h } from "../dom.js";

const views = [
  ["/account", "Profile"],
  ["/account/email", "E-mail address"],
  ["/account/methods", "Sign-in"],
  ["/account/sessions", "Sessions"],
  ["/account/password", "Password"],
  ["/account/close", "Close account"],
];

export function navigation(path) {
  const items = views.map(([href, name]) => h("li", {}, h("a", { href, "aria-current": href === path ? "page" : undefined }, name)));
  return h("nav", { "aria-label": "Account" }, h("ul", {}, ...items));
}
