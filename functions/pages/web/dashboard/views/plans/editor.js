// One plan: create it, change it, archive it. Each effect on subscribers is shown before it happens.

import { call } from "../../../account/client.js";
import { h } from "../../../account/dom.js";
import { allPlans } from "../../names.js";
import { go } from "../../router.js";
import { confirmAction } from "../../ui/confirm.js";
import { plural } from "../../ui/parts.js";
import { problemText } from "../../ui/problem.js";
import { toast, toastProblem } from "../../ui/toast.js";
import { conflict } from "./conflict.js";
import { planFields } from "./form.js";
import { priceText } from "./money.js";

const LIST = "/dashboard/plans";
const priced = ["price_cents", "currency", "billing_period"];
const isSame = (one, other) => JSON.stringify(one ?? null) === JSON.stringify(other ?? null);

/** The fields of `body` that differ from those of `plan`. */
const changesOf = (body, plan) => Object.fromEntries(Object.entries(body).filter(([name, value]) => !isSame(value, plan[name])));

/** The text about what subscribers keep; `number` is null where it is not known. */
function kept(number, what) {
  if (number === 0) return "It has no subscribers at the moment.";
  return `${number === null ? "Its subscribers" : `Its ${plural(number, "subscriber")}`} keep ${what}`;
}

function form(fields, label, save) {
  const alert = h("p", { class: "error", role: "alert" });
  const notice = h("div", {});
  // Not disabled while it is busy: a dialog that opens meanwhile returns the focus to it.
  const button = h("button", {}, label);
  let isBusy = false;
  const node = h("form", { class: "plan-form", novalidate: true, onsubmit: submitted }, ...fields.nodes, notice, h("div", { class: "row" }, button, h("a", { class: "button quiet", href: LIST }, "Cancel")), alert);
  async function submitted(event) {
    event.preventDefault();
    if (isBusy) return;
    alert.textContent = "";
    const body = fields.read();
    if (body === null) return;
    isBusy = true;
    try {
      await save(body);
    } catch (problem) {
      const left = fields.blame(problem.errors ?? []);
      if (left.length > 0 || !(problem.errors?.length > 0)) alert.textContent = problemText(problem);
      if (problem.code === "plan_code_taken") fields.blame([{ field: "code", message: "Another plan has this code. An archived plan keeps its code." }]);
    } finally {
      isBusy = false;
    }
  }
  return { node, notice, alert };
}

/** The form of a new plan. */
export function createForm() {
  const fields = planFields({});
  // The same request twice creates one plan: a request with another body has another key.
  let sent = { text: null, key: null };
  const { node } = form(fields, "Create plan", async (body) => {
    const text = JSON.stringify(body);
    if (sent.text !== text) sent = { text, key: crypto.randomUUID() };
    const plan = await call("POST", "/billing/plans", body, { "idempotency-key": sent.key });
    await allPlans(true);
    toast(`The plan ${plan.name} was created.`);
    go(LIST);
  });
  return node;
}

/** The form of a plan. `subscribers` is their number, or null where it is not known. */
export function changeForm(plan, subscribers) {
  let base = plan;
  const fields = planFields(plan);
  const { node, notice, alert } = form(fields, "Save changes", save);

  async function save(body) {
    const changes = changesOf(body, base);
    if (Object.keys(changes).length === 0) {
      toast("Nothing was changed.");
      return;
    }
    if (priced.some((name) => name in changes) && !(await agreed({ ...base, ...body }))) return;
    try {
      const saved = await call("PATCH", `/billing/plans/${plan.id}`, { ...changes, updated_at: base.updated_at });
      await allPlans(true);
      toast(`The plan ${saved.name} was saved.`);
      go(LIST);
    } catch (problem) {
      if (problem.code !== "plan_changed") throw problem;
      await overtaken(body);
    }
  }

  function agreed(next) {
    const text = [kept(subscribers, `${priceText(base)} until they change their plan themselves.`)];
    if (next.price_cents > 0) text.push(`New subscribers pay ${priceText(next)}.${base.price_cents > 0 ? " Stripe gets a new price; the old one is archived." : " The plan is created at Stripe."}`);
    else text.push("New subscribers pay nothing. The old price is archived at Stripe.");
    return confirmAction({ title: `Change the price of ${base.name}?`, text, button: "Change the price" });
  }

  /** The plan was changed since it was loaded: the input stays, and the admin chooses. */
  async function overtaken(body) {
    const current = await call("GET", `/billing/plans/${plan.id}`);
    const mine = Object.keys(changesOf(body, base));
    const theirs = Object.keys(changesOf(Object.fromEntries(Object.keys(body).map((name) => [name, current[name]])), base));
    const close = () => notice.replaceChildren();
    const panel = conflict({
      base,
      current,
      body,
      mine,
      theirs,
      keep: () => {
        fields.set(current, theirs.filter((name) => !mine.includes(name)));
        base = current;
        close();
        alert.textContent = "Your changes are on top of the saved state now. Check them, then save.";
      },
      load: () => {
        fields.set(current);
        base = current;
        close();
      },
    });
    notice.replaceChildren(panel);
    panel.focus();
  }

  return node;
}

/** The effect of archiving, and its button. */
export function archiveRow(plan, subscribers) {
  const button = h("button", { type: "button", class: "danger", onclick: archive }, "Archive plan");
  async function archive() {
    const text = ["It can no longer be subscribed to, and this cannot be undone.", `${kept(subscribers, "their access and their price.")} An open checkout of it may still be paid.`, `The code ${plan.code} stays taken.`];
    if (!(await confirmAction({ title: `Archive ${plan.name}?`, text, button: "Archive plan", danger: true }))) return;
    button.disabled = true;
    try {
      await call("DELETE", `/billing/plans/${plan.id}`);
      await allPlans(true);
      toast(`The plan ${plan.name} was archived.`);
      go(LIST);
    } catch (problem) {
      button.disabled = false;
      toastProblem(problem);
    }
  }
  return h("ul", { class: "actions-list" }, h("li", {}, h("div", {}, h("strong", {}, "Archive"), h("div", { class: "soft" }, "Ends new subscriptions to this plan. Subscribers keep theirs.")), button));
}
