// An entry of the audit log as a sentence: `auditSentence(entry, names)` returns text and links for h().

import { date, h, money, price } from "../account/dom.js";
import { reference } from "./names.js";
import { plural } from "./ui/parts.js";

const methods = { password: "a password", code: "a mailed code", registration: "the code of the registration", google: "Google", github: "GitHub" };
const providers = { google: "Google", github: "GitHub", local: "an e-mail address" };
const reasons = {
  invalid_credentials: "wrong password",
  invalid_code: "wrong code",
  account_disabled: "the account is disabled",
  email_not_verified: "the address is not verified",
};

const ended = (number) => (number > 0 ? ` and ended ${plural(number, "session")}` : "");

/** The parts of a sentence. On the page of one user, `about` is that user, who is not named in each sentence. */
function partsOf({ actor_id, target_id, before, after }, names, about) {
  const owner = names.get(`owner ${target_id}`);
  const link = (id) => (id ? reference(id, names) : "a record");
  return {
    before: before ?? {},
    after: after ?? {},
    actor: actor_id ? link(actor_id) : "The system",
    // For a subscription, its current plan; in the list of one user a link would lead to that user again.
    target: about && target_id?.startsWith("sub_") ? h("bdi", {}, names.get(target_id) ?? "a plan") : link(target_id),
    owner: owner && owner !== about ? [" of ", link(owner)] : [],
    isOwn: actor_id !== null && actor_id === target_id,
    isSystem: actor_id === null,
    link,
  };
}

/** A field of a subscription or a plan that changed, in words. */
function change(name, from, to, { before, after, link }) {
  const amount = (cents) => (after.currency ?? before.currency ? money(cents, after.currency ?? before.currency) : (cents / 100).toFixed(2));
  switch (name) {
    case "plan_id": return to ? ["the plan is now ", link(to)] : ["the price belongs to no plan"];
    case "scheduled_plan_id": return to ? ["a change to ", link(to), " is scheduled"] : ["the scheduled change was withdrawn"];
    case "status": return [`status ${(from ?? "new").replaceAll("_", " ")} → ${to.replaceAll("_", " ")}`];
    case "price_cents": return [`price ${amount(from)} → ${amount(to)}`];
    case "current_period_end": return ["the period now ends on ", date(to)];
    case "cancel_at_period_end": return [to ? "it will end with the period" : "it will renew"];
    case "collection_paused": return [to ? "collection was paused" : "collection resumed"];
    case "is_end_refused": return to ? ["Stripe refused to end it"] : [];
    case "is_surplus": return to ? ["it is a duplicate and will be refunded"] : [];
    case "payment_id": return [];
    // The currency of a payment is shown with its amounts.
    case "currency": return after.payment_id ? [] : [`currency ${from ?? "none"} → ${to ?? "none"}`];
    case "is_disputed": return [to ? "it is disputed" : "the dispute is over"];
    case "is_refund_refused": return to ? ["Stripe refused the refund"] : [];
    case "refunded_cents": case "amount_cents": return [`${name.replace("_cents", "")} ${amount(from ?? 0)} → ${amount(to)}`];
    case "features": case "description": return [`${name} changed`];
    default: return [`${name.replaceAll("_", " ")} ${from ?? "none"} → ${to ?? "none"}`];
  }
}

/** All changed fields, after `lead`. */
function changes(parts, lead) {
  const fields = Object.keys(parts.after).map((name) => change(name, parts.before[name], parts.after[name], parts));
  const clauses = fields.filter((words) => words.length > 0);
  return clauses.length === 0 ? [] : [lead, ...clauses.flatMap((words, index) => (index > 0 ? ["; ", ...words] : words))];
}

const self = (own, others) => (parts) => (parts.isOwn ? [parts.actor, ...own(parts)] : [parts.actor, ...others(parts)]);
/** For what happens at Stripe: the target is a subscription. */
const subscription = (words) => (parts) => ["The subscription to ", parts.target, ...parts.owner, ...words(parts)];
const payment = (words) => (parts) => ["A payment for ", parts.target, ...parts.owner, ...words(parts)];

/** How a subscription started. */
function beginning({ after }) {
  const amount = after.price_cents === undefined ? "" : ` at ${price(after.price_cents, after.currency, after.billing_period)}`;
  return [after.status ? ` (${after.status.replace("_", " ")})` : "", amount];
}

const sentences = {
  "user.registered": ({ target, after, isSystem }) =>
    isSystem ? [target, " was created as the first admin"] : [target, ` registered with ${providers[after.provider] ?? "an account"}`],
  "user.signed_in": ({ target, after }) => [target, ` signed in with ${methods[after.method] ?? after.method ?? "an account"}`, ...(after.ended?.length > 0 ? [`; ${plural(after.ended.length, "older session")} ended`] : [])],
  "user.sign_in_failed": ({ target, after }, entry) => [
    ...(entry.target_id ? ["A sign-in as ", target, " failed"] : ["A sign-in with an unknown address failed"]),
    entry.target_id && after.reason ? `: ${reasons[after.reason] ?? after.reason.replaceAll("_", " ")}` : "",
  ],
  "user.verified": self(() => [" verified the e-mail address"], ({ target, after }) => [" marked the address of ", target, " as verified", after.has_password === false ? "; a password set before became invalid" : ""]),
  "user.enabled": ({ actor, target }) => [actor, " enabled ", target],
  "user.disabled": ({ actor, target, after }) => [actor, " disabled ", target, ended(after.sessions_ended)],
  "user.deactivated": ({ target, after }) => [target, " deactivated the account", ended(after.sessions_ended)],
  "user.deleted": (parts) => {
    if (parts.isSystem) return ["The unverified account ", parts.target, " expired and was deleted"];
    return parts.isOwn ? [parts.actor, " deleted the account"] : [parts.actor, " deleted the account of ", parts.target];
  },
  "user.role_changed": ({ actor, target, after }) => [actor, after.is_admin ? " made " : " removed the admin role of ", target, after.is_admin ? " an admin" : ""],
  "user.password_changed": ({ target, after }) => [target, after.method === "reset" ? " set a new password by mail" : " changed the password", ended(after.sessions_ended)],
  "user.email_change_requested": ({ target, after }) => [target, " requested a change of address", after.email ? ` to ${after.email}` : ""],
  "user.email_changed": ({ target, before, after }) => [target, " changed the address", before.email && after.email ? ` from ${before.email} to ${after.email}` : ""],
  "user.linked": ({ target, after }) => [target, ` linked ${providers[after.provider] ?? "a provider"}`],
  "user.unlinked": ({ target, before }) => [target, ` unlinked ${providers[before.provider] ?? "a provider"}`],
  "session.revoked": (parts) => {
    const { actor, target, before, after, isOwn } = parts;
    const many = after.sessions ?? before.sessions;
    if (after.reason === "refresh_token_reused") return ["A session of ", target, " was ended: an old refresh token was used again"];
    if (after.reason === "logout") return [target, " signed out"];
    return [actor, ` ended ${many ? plural(many, "session") : "a session"}`, ...(isOwn ? [] : [" of ", target])];
  },
  "plan.created": ({ actor, target, after }) => [actor, " created the plan ", target, after.price_cents === undefined ? "" : ` at ${price(after.price_cents, after.currency, after.billing_period)}`],
  "plan.changed": (parts) => [parts.actor, " changed the plan ", parts.target, ...changes(parts, ": ")],
  "plan.archived": ({ actor, target }) => [actor, " archived the plan ", target],
  "subscription.created": (parts) => [...subscription(() => [" started"])({ ...parts, target: parts.after.plan_id ? parts.link(parts.after.plan_id) : parts.target }), ...beginning(parts)],
  "subscription.changed": subscription((parts) => [" changed", ...changes(parts, ": ")]),
  "subscription.ended": subscription(() => [" ended"]),
  "subscription.repaired": subscription((parts) => [" was corrected to Stripe's state", ...changes(parts, ": ")]),
  "subscription.end_refused": subscription(() => [": Stripe refused to end it"]),
  "payment.repaired": payment((parts) => [" was corrected to Stripe's state", ...changes(parts, ": ")]),
  "payment.refunded": payment(({ after }) => [` was refunded${after.status === "refunded" ? " in full" : " in part"}`]),
  "payment.refund_refused": payment(() => [" was not refunded: Stripe refused"]),
  "payment.disputed": payment(() => [" is disputed"]),
  "service_credential.created": ({ actor, after }) => [actor, ` created the service credential “${after.name}”`],
  "service_credential.deleted": ({ actor, before }) => [actor, ` deleted the service credential “${before.name}”`],
  "invitation.created": ({ actor }) => [actor, " invited an address"],
  "invitation.revoked": ({ actor }) => [actor, " revoked an invitation"],
  "invitation.accepted": ({ actor }) => [actor, " accepted an invitation"],
  "report.requested": ({ actor, target, after }) => [actor, ` ran the report `, target, after.format === "csv" ? " as CSV" : ""],
  "operator.command": ({ after }, entry) => [`${after.operator ?? "An operator"} ran tollgate-ops ${entry.target_id}`],
};

/**
 * The entry as a sentence: text and links, for h("p", {}, ...auditSentence(entry, names)). `names` has texts by id, as
 * namesOf(entries) of names.js reads them; on the page of a user, `about` is that user's id.
 */
export function auditSentence(entry, names, about) {
  const parts = partsOf(entry, names, about);
  const words = sentences[entry.action]?.(parts, entry) ?? [parts.actor, `: ${entry.action} of `, parts.target];
  return [...words.filter((word) => word !== ""), "."];
}

/** The actions of the contract, for a filter. */
export const actions = Object.keys(sentences);
