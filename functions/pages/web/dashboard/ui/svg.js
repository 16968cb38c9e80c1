// Elements of SVG. Their namespace is that of the icons in index.html.

import { complete } from "../../account/dom.js";

const sprite = document.getElementById("icons");

/** An element of SVG: s("rect", { width: 3 }, child …). */
export const s = (name, attributes, ...children) => complete(document.createElementNS(sprite.namespaceURI, name), attributes, children);

/** An icon of index.html, as a decoration. */
export function icon(name) {
  return s("svg", { class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true" }, s("use", { href: `#icon-${name}` }));
}
