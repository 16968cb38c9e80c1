// Error messages by the code of the problem. A code that is not listed shows the text of the service.

const texts = {
  account_disabled: "This account has been closed or disabled.",
  already_canceling: "Your subscription is already set to cancel.",
  already_subscribed: "You already have a subscription.",
  idempotency_in_progress: "This request is already being processed. Wait a moment, then reload the page.",
  invalid_code: "This code is incorrect or has expired.",
  invalid_credentials: "Incorrect e-mail address or password. If you've just signed up, verify your e-mail address first.",
  invalid_token: "This code is incorrect or has expired.",
  last_sign_in_method: "This is your only way to sign in. Set a password first.",
  payment_action_required: "Your bank asks you to confirm this payment.",
  payment_failed: "Your payment was declined.",
  provider_not_configured: "This sign-in method isn't available.",
  reauthentication_required: "For your security, sign in again to continue.",
  same_plan: "You're already on this plan, or a change to it is scheduled.",
  stripe_not_configured: "Payments aren't available yet.",
  stripe_unavailable: "Payments are temporarily unavailable. Try again in a moment.",
  username_taken: "This user name is taken.",
  wrong_password: "Incorrect password.",
};

/** What to tell a person about a problem. */
export function messageOf(problem) {
  if (problem.status === 429 && problem.retryAfter) return `Too many attempts. Try again in ${problem.retryAfter} seconds.`;
  if (problem.status === 429) return "Too many attempts. Try again in a moment.";
  return texts[problem.code] ?? problem.message ?? "Something went wrong. Try again in a moment.";
}
