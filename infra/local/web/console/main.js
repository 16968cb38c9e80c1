// Which view is shown: the fragment of the address names it, `#inbox/ID?q=ann`.

import { brand } from "/account/brand.js";
import { h } from "/account/dom.js";
import { badge, pageHead } from "/dashboard/ui/parts.js";
import { read } from "./api.js";
import { CHANGED } from "./forms.js";
import * as clock from "./views/clock.js";
import * as faults from "./views/faults.js";
import * as inbox from "./views/inbox.js";
import * as log from "./views/log.js";
import * as people from "./views/people.js";
import * as queues from "./views/queues.js";
import * as schedules from "./views/schedules.js";
import * as stripe from "./views/stripe.js";
import * as tables from "./views/tables.js";

const views = { inbox, clock, stripe, people, schedules, queues, tables, faults, log };
const POLL_MS = 4000;

const place = document.getElementById("view");
const toggle = document.getElementById("toggle");
const links = new Map();
/** Counts the requests for a view: an answer that arrives after a later request is not shown. */
let latest = 0;
let mailsSent = null;

/** The view of the address, the parts behind its name, and its query. */
function address() {
  const [path, query = ""] = location.hash.slice(1).split("?");
  const [name, ...rest] = path.split("/");
  return { name: name in views ? name : "inbox", rest: rest.map(decodeURIComponent), query: new URLSearchParams(query) };
}

async function show({ focus = false } = {}) {
  latest += 1;
  const own = latest;
  const { name, rest, query } = address();
  for (const [key, link] of links) {
    if (key === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${views[name].title} · Dev console · ${brand.name}`;
  place.setAttribute("aria-busy", "true");
  let content;
  try {
    content = await views[name].view({ rest, query });
  } catch (problem) {
    content = [pageHead(views[name].title), h("div", { class: "panel problem", role: "alert" }, h("p", {}, problem.message), h("p", {}, h("button", { type: "button", class: "quiet small", onclick: () => show() }, "Try again")))];
    if (problem.status === undefined) console.error(problem);
  }
  if (own !== latest) return;
  const scrolled = place.querySelector(".mails")?.scrollTop;
  place.removeAttribute("aria-busy");
  place.replaceChildren(...content.filter(Boolean));
  if (scrolled) place.querySelector(".mails")?.scrollTo(0, scrolled);
  if (focus) place.focus({ preventScroll: true });
  poll();
}

function openMenu(isOpen) {
  toggle.setAttribute("aria-expanded", String(isOpen));
  document.getElementById("menu").classList.toggle("open", isOpen);
}

/** The time, and what needs attention, beside the names of the views. */
function mark(state) {
  const now = new Date(state.now).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  document.getElementById("now").replaceChildren("The clock says ", h("strong", {}, h("time", { datetime: state.now }, now)), state.ahead ? `${state.ahead} ahead` : "");
  const notes = {
    queues: state.dead_letters > 0 && badge(`${state.dead_letters} dead`, "bad"),
    faults: state.faults > 0 && badge(`${state.faults} on`, "warn"),
    stripe: state.delivery_mode && state.delivery_mode !== "normal" && badge(state.delivery_mode, "warn"),
  };
  for (const [key, link] of links) {
    link.querySelector(".badge")?.remove();
    if (notes[key]) link.append(notes[key]);
  }
}

let polling = false;

async function poll() {
  if (polling || document.hidden) return;
  polling = true;
  try {
    const state = await read("console");
    mark(state);
    const isNew = mailsSent !== null && mailsSent !== state.mails_sent;
    mailsSent = state.mails_sent;
    const { name, rest } = address();
    if (isNew && name === "inbox" && rest.length === 0 && !place.contains(document.activeElement)) show();
  } catch {
    document.getElementById("now").textContent = "The local stack does not answer.";
  } finally {
    polling = false;
  }
}

document.getElementById("pages").append(
  ...Object.entries(views).map(([name, { title }]) => {
    links.set(name, h("a", { href: `#${name}` }, title));
    return h("li", {}, links.get(name));
  }),
);
toggle.addEventListener("click", () => openMenu(toggle.getAttribute("aria-expanded") === "false"));
document.querySelector(".side").addEventListener("keydown", ({ key }) => {
  if (key !== "Escape" || toggle.getAttribute("aria-expanded") === "false") return;
  openMenu(false);
  toggle.focus();
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  place.focus();
});
addEventListener("hashchange", () => {
  openMenu(false);
  show({ focus: true });
});
addEventListener(CHANGED, () => show());
document.addEventListener("visibilitychange", poll);
setInterval(poll, POLL_MS);
await show();
