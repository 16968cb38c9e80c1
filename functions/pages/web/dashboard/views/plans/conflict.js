// A plan that another admin changed while it was edited: the differences, and the choice.

import { h } from "../../../account/dom.js";
import { toText } from "./money.js";

const names = { name: "Name", description: "Description", price_cents: "Price", currency: "Currency", billing_period: "Billing period", tier: "Tier", trial_days: "Trial", features: "Features" };

function text(plan, name) {
  const value = plan[name];
  if (name === "price_cents") return toText(value, plan.currency);
  if (value === null || value === undefined || value === "") return "none";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** mine and theirs: the names of the fields that were changed in this form, and by the other admin. */
export function conflict({ base, current, body, mine, theirs, keep, load }) {
  const fields = Object.keys(names).filter((name) => theirs.includes(name) || mine.includes(name));
  const row = (name) => h("tr", {}, h("th", { scope: "row" }, names[name]), h("td", {}, text(base, name)), h("td", {}, theirs.includes(name) ? h("strong", {}, text(current, name)) : "unchanged"), h("td", {}, mine.includes(name) ? h("strong", {}, text(body, name)) : "unchanged"));
  return h(
    "div",
    { class: "panel problem", role: "alert", tabindex: "-1" },
    h("h2", {}, "This plan was changed in the meantime"),
    h("p", {}, "Another admin saved it after you opened it. Nothing of yours was saved, and your form is as you left it."),
    h("div", { class: "data-frame" }, h("table", {}, h("thead", {}, h("tr", {}, ...["Field", "When you opened it", "Saved now", "Your form"].map((head) => h("th", { scope: "col" }, head)))), h("tbody", {}, ...fields.map(row)))),
    h("div", { class: "dialog-actions" }, h("button", { type: "button", class: "quiet", onclick: load }, "Load the saved state"), h("button", { type: "button", onclick: keep }, "Keep my changes on top of it")),
  );
}
