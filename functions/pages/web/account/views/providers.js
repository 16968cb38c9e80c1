// Google and GitHub: their buttons, and the result of a visit to them.

import { continueWith } from "../client.js";
import { h } from "../dom.js";
import { form } from "../forms.js";
import { offers } from "../offer.js";

export const providers = { google: "Google", github: "GitHub" };

const problems = {
  oauth_state_mismatch: "The sign-in took too long or was started in another browser. Try again.",
  oauth_denied: "The provider denied access. Try again, or use another sign-in method.",
  email_not_verified_by_provider: "Verify your e-mail address at the provider first, then try again.",
  email_not_supported: "The provider's e-mail address isn't supported. Create an account with another address.",
  account_disabled: "This account has been closed or disabled.",
  account_exists: "An account with this e-mail address already exists. Sign in to it, then connect the provider on the Security page.",
  not_enabled: "New accounts are not open. Ask the operator of this service for one.",
  invitation_required: "You need an invitation to create an account. Open the link in its mail.",
  already_linked: "This provider account is already connected to an account.",
  oauth_provider_unavailable: "The provider isn't responding. Try again in a moment.",
};

/** The provider's logo. The name beside it is its text. */
export const mark = (name) => h("img", { class: "mark", src: `/account/${name}.svg`, alt: "", width: "20", height: "20" });

/** Buttons to sign in or up, above the form of the page. The sign-in page continues to the page that was requested. */
export function providerButtons() {
  const offered = Object.entries(providers).filter(([name]) => offers(name));
  if (offered.length === 0) return [];
  const buttons = offered.map(([name, title]) => {
    const element = form([], `Continue with ${title}`, () => continueWith(name, "/account/sign-in"), { kind: `provider ${name}` });
    element.querySelector("button").prepend(mark(name));
    return element;
  });
  return [h("div", { class: "providers" }, ...buttons), h("p", { class: "or" }, h("span", {}, "or"))];
}

/** The result that a provider's callback put into the address, as {notice} or {problem}. It is removed from the address. */
export function providerResult() {
  const query = new URLSearchParams(location.search);
  const [error, linked] = [query.get("error"), query.get("linked")];
  if (error === null && linked === null) return {};
  history.replaceState(history.state, "", location.pathname);
  if (error !== null) return { problem: problems[error] ?? "The sign-in didn't work. Try again." };
  return { notice: `${providers[linked] ?? "The provider"} is now connected to your account.` };
}
