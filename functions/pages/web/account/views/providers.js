// Google and GitHub: their buttons, and what to tell a person who comes back from them.

import { leaveFor } from "../client.js";
import { form } from "../dom.js";
import { destination } from "../go.js";

export const providers = { google: "Google", github: "GitHub" };

const problems = {
  oauth_state_mismatch: "This sign-in was not begun in this browser, or took too long. Try again.",
  oauth_denied: "The provider did not let you in.",
  email_not_verified_by_provider: "Prove your address at the provider first, then come again.",
  email_not_supported: "Mail cannot reach the address that the provider has. Register with another one.",
  account_disabled: "This account is closed.",
  account_exists: "There is an account with this address. Sign in to it, then link the provider on your profile.",
  already_linked: "That is linked to an account already.",
  oauth_provider_unavailable: "The provider does not answer. Try again in a moment.",
};

export const buttons = () =>
  Object.entries(providers).map(([name, title]) => form([], `Continue with ${title}`, () => leaveFor(name, destination()), { kind: "quiet" }));

/** What the address says of a way to a provider, as {notice} or {problem}; it is taken out of the address. */
export function returned() {
  const query = new URLSearchParams(location.search);
  const [error, linked] = [query.get("error"), query.get("linked")];
  if (error === null && linked === null) return {};
  history.replaceState(history.state, "", location.pathname);
  if (error !== null) return { problem: problems[error] ?? "That did not work. Try again." };
  return { notice: `${providers[linked] ?? "The provider"} is linked to your account.` };
}
