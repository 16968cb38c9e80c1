// Google and GitHub: their buttons, and the result of a visit to them.

import { continueWith } from "../client.js";
import { h } from "../dom.js";
import { form } from "../forms.js";
import { format } from "../language.js";
import { offers } from "../offer.js";

export const providers = { google: "Google", github: "GitHub" };

const problems = {
  oauth_state_mismatch: t.oauth_state_mismatch,
  oauth_denied: t.oauth_denied,
  email_not_verified_by_provider: t.email_not_verified_by_provider,
  email_not_supported: t.email_not_supported,
  account_disabled: t.problem_account_disabled,
  account_exists: t.account_exists,
  not_enabled: t.sign_up_closed,
  invitation_required: t.invitation_required,
  already_linked: t.already_linked,
  oauth_provider_unavailable: t.oauth_provider_unavailable,
};

/** The provider's logo. The name beside it is its text. */
export const mark = (name) => h("img", { class: "mark", src: `/account/${name}.svg`, alt: "", width: "20", height: "20" });

/** Buttons to sign in or up, above the form of the page. The sign-in page continues to the page that was requested. */
export function providerButtons() {
  const offered = Object.entries(providers).filter(([name]) => offers(name));
  if (offered.length === 0) return [];
  const buttons = offered.map(([name, title]) => {
    const element = form([], format(t.continue_with, { provider: title }), () => continueWith(name, "/account/sign-in"), { kind: `provider ${name}` });
    element.querySelector("button").prepend(mark(name));
    return element;
  });
  return [h("div", { class: "providers" }, ...buttons), h("p", { class: "or" }, h("span", {}, t.or))];
}

/** The result that a provider's callback put into the address, as {notice} or {problem}. It is removed from the address. */
export function providerResult() {
  const query = new URLSearchParams(location.search);
  const [error, linked] = [query.get("error"), query.get("linked")];
  if (error === null && linked === null) return {};
  history.replaceState(history.state, "", location.pathname);
  if (error !== null) return { problem: problems[error] ?? t.sign_in_failed };
  return { notice: linked in providers ? format(t.provider_connected, { provider: providers[linked] }) : t.any_provider_connected };
}
