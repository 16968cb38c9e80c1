// One mail: its code, its links, its HTML in a frame without scripts, its text and headers.

import { h } from "/account/dom.js";
import { copyable, facts, when } from "/dashboard/ui/parts.js";
import { read } from "../api.js";
import { json, nothing, to } from "../parts.js";

/** The widths at which a mail can be viewed. */
const widths = [["full", "Full width"], ["medium", "600 px"], ["narrow", "320 px"]];

function frame(id, subject) {
  const element = h("iframe", { src: `/_local/inbox/${id}/html`, title: `HTML of “${subject}”`, sandbox: "allow-popups allow-popups-to-escape-sandbox" });
  const buttons = widths.map(([name, label]) => {
    const button = h("button", { type: "button", class: "quiet small", "aria-pressed": String(name === "full") }, label);
    button.addEventListener("click", () => {
      element.className = name;
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
    });
    return button;
  });
  const own = h("a", { class: "button quiet small", href: `/_local/inbox/${id}/html`, target: "_blank" }, "Open in a new tab");
  return h("div", {}, h("div", { class: "buttons" }, ...buttons, own), h("p", {}), element);
}

/** The mail with this id, or a message that it is not there. */
export async function mail(id, q) {
  const back = h("a", { class: "back", href: to("inbox", { q }) }, "Back to the list");
  let found;
  try {
    found = await read(`inbox/${encodeURIComponent(id)}`);
  } catch (problem) {
    if (problem.status !== 404) throw problem;
    return h("article", { class: "mail" }, back, nothing("This mail is not there any more", "It was deleted, or newer mails took its place."));
  }
  const { to: address, subject, kind, text, headers, links, code, created_at } = found;
  return h(
    "article",
    { class: "mail panel" },
    back,
    h("h2", {}, subject),
    facts([["To", copyable(address)], ["Kind", h("code", {}, kind)], ["Sent", when(created_at)]]),
    code && h("div", { class: "code-row" }, h("span", {}, "Code"), copyable(code)),
    links.length > 0 && h("h3", {}, links.length === 1 ? "Link" : "Links"),
    links.length > 0 && h("ul", { class: "links" }, ...links.map((link) => h("li", {}, h("a", { href: link, target: "_blank", rel: "noopener" }, link)))),
    frame(id, subject),
    h("p", {}),
    h("details", {}, h("summary", {}, "Text part"), h("pre", { tabindex: "0" }, text)),
    json("Headers", headers),
  );
}
