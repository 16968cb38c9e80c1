// The navigation: at the side of a desktop, behind a button on a phone.

import { h } from "../account/dom.js";
import { hasPage } from "../account/offer.js";
import { jumpButton, pages } from "./jump.js";
import { admin, leave } from "./session.js";
import { icon } from "./ui/svg.js";
import { toastProblem } from "./ui/toast.js";

const links = new Map();
const toggle = h("button", { type: "button", class: "menu-button", "aria-expanded": "false", "aria-controls": "menu", onclick: () => open(toggle.getAttribute("aria-expanded") === "false") }, icon("menu"), h("span", {}, "Menu"));

function open(isOpen) {
  toggle.setAttribute("aria-expanded", String(isOpen));
  document.getElementById("menu").classList.toggle("open", isOpen);
}

/** Shows the navigation in place of `element`. */
export function showSide(element) {
  const shown = pages.filter(([, href]) => hasPage(href));
  const items = shown.map(([name, href, picture]) => {
    const link = h("a", { href }, icon(picture), h("span", {}, name));
    links.set(href, link);
    return h("li", {}, link);
  });
  const { email } = admin();
  const out = () => leave().catch(toastProblem);
  const side = h(
    "header",
    { class: "side" },
    h("div", { class: "side-head" }, h("a", { class: "brand", href: "/dashboard" }, h("img", { src: document.querySelector("link[rel=icon]").href, alt: "", width: "22", height: "22" }), "Tollgate"), toggle),
    h(
      "div",
      { id: "menu", class: "menu" },
      jumpButton(),
      h("nav", { "aria-label": "Dashboard" }, h("ul", {}, ...items)),
      h(
        "div",
        { class: "side-foot" },
        h("p", { class: "who", title: email, dir: "auto" }, email),
        h("ul", {}, h("li", {}, h("a", { href: "/account" }, "Your account")), h("li", {}, h("a", { href: "/docs" }, "API reference"))),
        h("button", { type: "button", class: "plain small", onclick: out }, "Sign out"),
      ),
    ),
  );
  side.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape" || toggle.getAttribute("aria-expanded") === "false") return;
    open(false);
    toggle.focus();
  });
  element.replaceWith(side);
}

/** Marks the page that is shown, and closes the menu of a phone. */
export function markPage(path) {
  for (const [href, link] of links) {
    const isHere = href === path || (href !== "/dashboard" && path.startsWith(`${href}/`));
    if (isHere) link.setAttribute("aria-current", href === path ? "page" : "true");
    else link.removeAttribute("aria-current");
  }
  if (links.size > 0) open(false);
}
