// What this service offers. The pages hide what it does not.

const offer = { billing: true, sign_up: true, invitations: true, passwords: true, google: true, github: true };

/** What it names in the addresses of the dashboard is part of billing. */
const BILLING = /^\/dashboard\/(subscriptions|payments|plans)\b/;

export const offers = (name) => offer[name];

/** Takes over what the service says. Until then everything is offered. */
export const setOffer = (said) => Object.assign(offer, said);

/** Whether the dashboard shows the page at this address. */
export const hasPage = (href) => offers("billing") || !BILLING.test(href);
