// Elements of SVG. Their namespace is that of the icons in index.html.

const sprite = document.getElementById("icons");

/** An element of SVG: s("rect", { width: 3 }, child …). */
export function s(name, attributes, ...children) {
  const element = document.createElementNS(sprite.namespaceURI, name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value !== undefined && value !== null && value !== false) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

/** An icon of index.html, as a decoration. */
export function icon(name) {
  return s("svg", { class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true" }, s("use", { href: `#icon-${name}` }));
}
