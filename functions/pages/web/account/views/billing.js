// Plan and payments: what is asked of the service, put together, and the return from a checkout.

import { call, resume } from "../client.js";
import { h, sentence } from "../dom.js";
import { payments } from "./payments.js";
import { plans } from "./plans.js";
import { isLive, subscription } from "./subscription.js";

/** How often it is looked, a second apart, whether Stripe has told of a payment. */
const LOOKS = 15;

/** The caller's subscription; null for somebody who never had one. */
async function mine() {
  try {
    return await call("GET", "/billing/subscriptions/me");
  } catch (problem) {
    if (problem.code === "no_subscription") return null;
    throw problem;
  }
}

async function parts(isAwaited, onChange) {
  const [{ items }, held, paid] = await Promise.all([call("GET", "/billing/plans"), mine(), call("GET", "/billing/payments/me")]);
  const content = [h("h2", {}, "Plan"), subscription(held, paid.items, onChange), plans(items, held, isAwaited, onChange), ...payments(paid)].filter(Boolean);
  return { held, content };
}

/** What the address says of a checkout; it is taken out of the address. */
function returned() {
  const query = new URLSearchParams(location.search);
  const checkout = query.get("checkout");
  if (checkout !== null) history.replaceState(history.state, "", location.pathname);
  return checkout;
}

/** The section of the page. Where billing does not answer it says so, and the rest of the page goes on. */
export async function billing() {
  const checkout = returned();
  const status = h("p", { role: "status", tabindex: "-1" });
  const place = h("div", {});
  const section = h("section", { "aria-label": "Plan and payments" }, status, place);
  // What was pressed is gone then: the focus goes to what came of it.
  const again = async (...told) => {
    place.replaceChildren(...(await parts(false, again)).content);
    status.replaceChildren(...told);
    if (told.length > 0) status.focus();
  };
  let held;
  try {
    const loaded = await parts(checkout === "success", again);
    held = loaded.held;
    place.append(...loaded.content);
  } catch (problem) {
    if (problem.code === "unauthenticated") throw problem;
    place.append(h("h2", {}, "Plan"), h("p", { role: "alert" }, sentence(problem)));
  }
  if (checkout === "canceled") status.textContent = "You left the checkout. Nothing was charged.";
  if (checkout === "success") {
    status.textContent = "Thank you. We wait for the payment to be confirmed …";
    settle(status, place, held, again);
  }
  return section;
}

/** Looks until the subscription gives access, then shows it; the token is renewed, for its `tier` to follow. */
async function settle(status, place, held, again) {
  let current = held;
  for (let look = 0; !current?.has_access && look < LOOKS; look += 1) {
    await new Promise((done) => setTimeout(done, 1000));
    if (!place.isConnected) return;
    // One look that fails is followed by another.
    current = await mine().catch(() => null);
  }
  if (!current?.has_access) {
    status.textContent = isLive(current)
      ? "The payment is not through yet. What is to be done stands below."
      : "The payment is not confirmed yet. That can take some minutes: come back to this page then.";
    return;
  }
  try {
    await resume();
    await again();
  } catch {
    // shown with the next visit
  }
  status.textContent = `Thank you. Your plan is ${current.plan.name} now.`;
}
