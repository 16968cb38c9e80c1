// One user: the state in words, the reason for access or its absence, and all that belongs to the user.

import { call } from "../../account/client.js";
import { h } from "../../account/dom.js";
import { offers } from "../../account/offer.js";
import { keepNames } from "../names.js";
import { copyable, day, facts, pageHead } from "../ui/parts.js";
import { toast } from "../ui/toast.js";
import { accessOf } from "./user/access.js";
import { actionRows } from "./user/actions.js";
import { payments, subscriptionCard } from "./user/billing.js";
import { section, whileShown } from "./user/section.js";
import { sessions } from "./user/sessions.js";
import { timeline } from "./user/timeline.js";
import { providers, states } from "./users.js";

export const title = "User";

/** An id without a user. Payments and audit entries of a deleted user stay under the id. */
async function missing(id, path) {
  const wasUser = await call("GET", `${path}/payments?limit=1`).then(() => true, () => false);
  const search = h("p", {}, h("a", { href: "/dashboard/users" }, "Search the users"));
  if (!wasUser) return [pageHead("No such user"), h("p", {}, "No user has the ID ", h("code", {}, id), "."), search];
  return [
    pageHead("Deleted user", { text: id }),
    h("p", {}, "This account was deleted. Payments and audit entries are kept under its ID; name and address are erased within a day."),
    payments(path),
    timeline(id).node,
    search,
  ];
}

function head(user) {
  const names = h("p", { class: "user-names" }, h("bdi", {}, user.username), copyable(user.id));
  return h("header", { class: "user-head" }, h("h1", { dir: "auto" }, user.email), h("p", { class: "badges" }, ...states(user)), names);
}

function accessBox(...given) {
  const { state, words } = accessOf(...given);
  return h("p", { class: `access ${state}`, role: "status" }, ...words.map((word) => (word.date ? day(word.date) : word.name ? h("bdi", {}, word.name) : word)));
}

function profile(user) {
  const linked = user.linked_providers.map((name) => providers[name] ?? name).join(", ");
  return facts([
    ["Registered", day(user.created_at)],
    ["Signed up with", providers[user.provider] ?? user.provider],
    ["Linked", linked || "No provider"],
    ["Tier now", String(user.tier)],
    ["Access until", user.access_until && day(user.access_until)],
  ]);
}

/** The parts of the page in their order, with `billing` where it is offered. */
function layout({ path, top, access, about, actions, billing, signedIn, entries }) {
  return [
    h("p", { class: "crumb" }, h("a", { href: "/dashboard/users" }, "Users")),
    top,
    access,
    h(
      "div",
      { class: "columns" },
      h("div", {}, ...(billing ? [billing.node, payments(path)] : []), actions),
      h("aside", {}, h("section", { class: "panel" }, h("h2", {}, "Profile"), about), signedIn.node),
    ),
    entries.node,
  ];
}

export async function view({ params }) {
  const { id } = params;
  const path = `/admin/users/${encodeURIComponent(id)}`;
  let user;
  try {
    user = await call("GET", path);
  } catch (problem) {
    if (problem.code !== "not_found") throw problem;
    return missing(id, path);
  }
  document.title = `${user.email} · Tollgate`;
  const place = h("div", { class: "user" });
  const top = h("div", {});
  const about = h("div", {});
  const actions = h("div", {});
  const billing = offers("billing") && section("Subscription", async () => {
    const [{ items }, paid] = await Promise.all([call("GET", `${path}/subscriptions?limit=100`), call("GET", `${path}/payments?limit=1`)]);
    access.replaceChildren(accessBox(user, items, paid.items[0]));
    return subscriptionCard(items);
  });
  const access = h("div", { class: "access-place" });
  const entries = timeline(id);
  const signedIn = sessions(path, () => refresh());

  function show() {
    keepNames([user]);
    top.replaceChildren(head(user));
    about.replaceChildren(profile(user));
    actions.replaceChildren(...actionRows(user, path, { refresh, gone }));
  }

  /** Reads everything again: after an action, and after a change by another admin. */
  async function refresh() {
    try {
      user = await call("GET", path);
    } catch (problem) {
      if (problem.code === "not_found") return gone();
      throw problem;
    }
    show();
    await Promise.all([billing && billing.load(), signedIn.load(), entries.load()]);
  }

  async function gone() {
    toast("This user was deleted.", { stay: true, tone: "warn" });
    place.replaceChildren(...(await missing(id, path)));
  }

  /** When the page is visible again, shows what changed while it was in the background. */
  async function check() {
    if (document.visibilityState !== "visible") return;
    try {
      const now = await call("GET", path);
      if (JSON.stringify(now) === JSON.stringify(user)) return;
      toast("This user has changed in the meantime. The page now shows the current state.", { tone: "info" });
      await refresh();
    } catch (problem) {
      if (problem.code === "not_found") await gone();
    }
  }

  whileShown(place, document, "visibilitychange", check);
  show();
  place.append(...layout({ path, top, access, about, actions, billing, signedIn, entries }));
  return [place];
}
