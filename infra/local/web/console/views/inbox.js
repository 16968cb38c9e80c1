// The mails that the fake SES received: a list, and the one that is open beside it.

import { h } from "/account/dom.js";
import { confirmAction } from "/dashboard/ui/confirm.js";
import { badge, pageHead, when } from "/dashboard/ui/parts.js";
import { read, remove } from "../api.js";
import { action, searchForm } from "../forms.js";
import { goTo, nothing, to } from "../parts.js";
import { mail } from "./mail.js";

export const title = "Inbox";

/** A kind of mail in words: `password_changed` is "password changed". */
const kindText = (kind) => kind.replaceAll("_", " ");

function row({ id, to: address, subject, kind, created_at }, open, q) {
  return h(
    "li",
    {},
    h(
      "a",
      { href: to(`inbox/${id}`, { q }), "aria-current": id === open ? "true" : undefined },
      h("span", { class: "subject" }, subject, " ", badge(kindText(kind))),
      h("span", { class: "to" }, h("span", { dir: "auto" }, address), when(created_at)),
    ),
  );
}

function empty(q) {
  if (q) return nothing("No mail matches", "Search by a part of the recipient's address or of the subject. ", h("a", { href: "#inbox" }, "Show all mails"));
  return nothing("No mail yet", h("a", { href: "/account/register" }, "Create an account"), " to get the first one: the verification mail.");
}

function emptyInbox() {
  const ask = () => confirmAction({ title: "Empty the inbox?", text: "All mails are deleted, with their links and codes. This cannot be undone.", button: "Empty the inbox", danger: true });
  return action("Empty the inbox", () => remove("emails").then(() => goTo("inbox")), "The inbox is empty.", { ask });
}

export async function view({ rest: [id], query }) {
  const q = query.get("q") ?? "";
  const { items, kept } = await read(`inbox?${new URLSearchParams({ q })}`);
  const opened = id ? await mail(id, q) : null;
  const search = searchForm("Recipient or subject", q, (text) => goTo("inbox", { q: text }), "ann@example.com");
  const actions = items.length > 0 ? [emptyInbox()] : [];
  const head = pageHead(title, { text: `Mails to every address arrive here. The newest ${kept.toLocaleString()} are kept, the newest 100 are listed.`, actions });
  if (items.length === 0 && !opened) return [head, q && search, q && h("p", {}), empty(q)];
  const list = h("ul", { class: "mails", "aria-label": "Mails" }, ...items.map((item) => row(item, id, q)));
  const beside = opened ?? h("div", { class: "mail" }, nothing("Select a mail", "Its HTML, its text, its links and its code are shown here."));
  return [head, search, h("p", {}), h("div", { class: `inbox${opened ? " open" : ""}` }, list, beside)];
}
