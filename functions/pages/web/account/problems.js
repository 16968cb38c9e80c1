// Error messages by the code of the problem. In English, a code that is not listed shows the text of the service.

import { language, plural } from "./language.js";

const texts = {
  account_disabled: t.problem_account_disabled,
  already_canceling: t.problem_already_canceling,
  already_subscribed: t.problem_already_subscribed,
  idempotency_in_progress: t.problem_in_progress,
  invalid_code: t.problem_code,
  invalid_credentials: t.problem_credentials,
  invalid_token: t.problem_code,
  last_sign_in_method: t.problem_last_sign_in_method,
  payment_action_required: t.problem_action_required,
  payment_failed: t.problem_payment_failed,
  provider_not_configured: t.problem_provider_not_configured,
  reauthentication_required: t.problem_reauthentication,
  same_plan: t.problem_same_plan,
  stripe_not_configured: t.problem_payments_not_configured,
  stripe_unavailable: t.problem_payments_unavailable,
  username_taken: t.problem_username_taken,
  wrong_password: t.problem_wrong_password,
};

/** Adds texts of further codes: the account pages have one for each code, the dashboard shows the service's details. */
export const addTexts = (more) => Object.assign(texts, more);

/** What to tell a person about a problem. */
export function messageOf(problem) {
  if (problem.status === 429 && problem.retryAfter) return plural(t.problem_retry_after, Number(problem.retryAfter));
  if (problem.status === 429) return t.problem_rate_limited;
  const detail = problem.code && language === "en" ? problem.message : undefined;
  return texts[problem.code] ?? detail ?? t.problem_unknown;
}

/** What to tell about one field. An error of the page itself has a text and no code. */
export const fieldMessage = ({ code, message }) => (code ? messageOf({ code, message }) : message);
