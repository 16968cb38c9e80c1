// Whether the user may have a subscription. Most users of a free plan never had one: the request for it would fail with
// 404 on each visit. In doubt it is sent.

import { browserStorage } from "./storage.js";

const DAY_MS = 86_400_000;
const name = (user) => `no-subscription.${user.id}`;

/** The service answered that this user never had one. That is trusted for a day: it may start in another browser. */
export const subscriptionMissing = (user) => browserStorage.set(name(user), Date.now() + DAY_MS);

/** The user is about to start one in this browser. */
export const subscriptionRequested = (user) => browserStorage.set(name(user), 0);

/** Whether to ask for a subscription. A user without payments has none, and neither has a new user. */
export function mayHaveSubscription(user, payments) {
  if (user.tier > 0 || payments.length > 0 || new URLSearchParams(location.search).has("checkout")) return true;
  const trustedUntil = browserStorage.get(name(user)) ?? Date.parse(user.created_at) + DAY_MS;
  return Date.now() >= Number(trustedUntil);
}
