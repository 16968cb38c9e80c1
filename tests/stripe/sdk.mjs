// Stripe's own SDK for Node drives the fake through the whole life of a customer.
// sdk.mjs BASE: the address of a running stack.

import assert from 'node:assert/strict';
import Stripe from 'stripe';

const base = process.argv[2];

/** A call of the dev console. */
async function control(method, path, body) {
  const headers = { 'content-type': 'application/json', accept: 'application/json' };
  const answer = await fetch(`${base}/_local/${path}`, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, `${path}: ${answer.status}`);
  return answer.json();
}

/** Submits Stripe's page and returns the status. */
async function pay(url, card) {
  const answer = await fetch(url, { method: 'POST', redirect: 'manual', body: new URLSearchParams({ card }) });
  return answer.status;
}

const about = await control('GET', 'stripe');
const { hostname, port } = new URL(base);
// The SDK knows no path before `/v1`.
const below = (url, init) => fetch(String(url).replace(/:\d+\//, (match) => `${match}_stripe/`), init);
const options = { host: hostname, port, protocol: 'http', httpClient: Stripe.createFetchHttpClient(below) };
const stripe = new Stripe(about.secret_key, options);
assert.equal(Stripe.API_VERSION ?? stripe.getApiField('version'), about.api_version);

const product = await stripe.products.create({ name: 'Pro', default_price_data: { currency: 'usd', unit_amount: 1900, recurring: { interval: 'month' } } });
const pro = product.default_price;
const team = await stripe.prices.create({ product: product.id, currency: 'usd', unit_amount: 4900, recurring: { interval: 'month' } });
const addOn = await stripe.prices.create({ product: product.id, currency: 'usd', unit_amount: 500, recurring: { interval: 'month' } });

const customer = await stripe.customers.create({ email: 'ann@example.com' }, { idempotencyKey: 'node-ann' });
const again = await stripe.customers.create({ email: 'ann@example.com' }, { idempotencyKey: 'node-ann' });
assert.equal(again.id, customer.id);
await assert.rejects(stripe.customers.create({ name: 'Bob' }, { idempotencyKey: 'node-ann' }), { type: 'StripeIdempotencyError' });
await assert.rejects(stripe.customers.create({ email: 'a b@example.com' }), { type: 'StripeInvalidRequestError', code: 'email_invalid' });
await assert.rejects(new Stripe('sk_test_stranger', options).customers.list(), { type: 'StripeAuthenticationError' });

const opened = await stripe.checkout.sessions.create({
  mode: 'subscription',
  customer: customer.id,
  line_items: [{ price: pro, quantity: 1 }, { price: addOn.id, quantity: 3 }],
  success_url: 'https://app.example/paid?session={CHECKOUT_SESSION_ID}',
});
assert.equal(opened.amount_total, 3400);
assert.equal(await pay(opened.url, '4000000000000002'), 402);
assert.equal(await pay(opened.url, '4242424242424242'), 303);
const session = await stripe.checkout.sessions.retrieve(opened.id, { expand: ['subscription.default_payment_method', 'invoice'] });
const subscription = session.subscription;
assert.deepEqual([session.payment_status, subscription.status, session.invoice.amount_paid], ['paid', 'active', 3400]);
assert.equal(subscription.default_payment_method.card.brand, 'visa');

const completed = await stripe.events.list({ type: 'checkout.session.completed', limit: 1 });
const delivery = await control('GET', `stripe/events/${completed.data[0].id}/delivery`);
const event = stripe.webhooks.constructEvent(delivery.body, delivery.signature, about.webhook_secret);
assert.equal(event.data.object.id, opened.id);
assert.throws(() => stripe.webhooks.constructEvent(delivery.body, delivery.signature, 'whsec_other'), { type: 'StripeSignatureVerificationError' });

const item = subscription.items.data.find((item) => item.price.id === pro);
const change = { items: [{ id: item.id, price: team.id }], proration_behavior: 'always_invoice' };
const preview = await stripe.invoices.createPreview({ subscription: subscription.id, subscription_details: change });
const changed = await stripe.subscriptions.update(subscription.id, { ...change, payment_behavior: 'pending_if_incomplete', expand: ['latest_invoice'] });
assert.equal(changed.latest_invoice.total, preview.total);
assert.equal(changed.items.data.length, 2);

const schedule = await stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
const [present] = schedule.phases;
const items = present.items.map(({ price, quantity }) => ({ price, quantity }));
assert.deepEqual(items.map(({ quantity }) => quantity), [1, 3]);
const two = await stripe.subscriptionSchedules.update(schedule.id, {
  proration_behavior: 'none',
  phases: [
    { items, start_date: present.start_date, end_date: present.end_date, default_payment_method: present.default_payment_method },
    { items: [{ price: pro, quantity: 1 }], duration: { interval: 'month' } },
  ],
});
assert.equal(two.phases.length, 2);
const kept = await stripe.subscriptions.retrieve(subscription.id);
assert.deepEqual([kept.schedule, kept.default_payment_method], [schedule.id, subscription.default_payment_method.id]);
await stripe.subscriptionSchedules.release(schedule.id);

const payments = await stripe.invoicePayments.list({ invoice: session.invoice.id, expand: ['data.payment.payment_intent'] });
const intent = payments.data[0].payment.payment_intent;
const refund = await stripe.refunds.create({ payment_intent: intent.id, amount: 400 });
assert.deepEqual([refund.amount, refund.charge], [400, intent.latest_charge]);
const dispute = await control('POST', `stripe/invoices/${changed.latest_invoice.id}/dispute`, {});
assert.equal((await stripe.disputes.retrieve(dispute.id)).status, 'needs_response');
await control('POST', `stripe/disputes/${dispute.id}/close`, { status: 'lost' });
assert.equal((await stripe.charges.retrieve(dispute.charge)).disputed, true);

const portal = await stripe.billingPortal.sessions.create({ customer: customer.id });
assert.ok(portal.url.startsWith(base));
const ending = await stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true });
assert.equal(ending.cancel_at_period_end, true);
assert.equal((await stripe.subscriptions.cancel(subscription.id)).status, 'canceled');

for (const name of ['a', 'b', 'c', 'd', 'e']) await stripe.customers.create({ name });
const names = [];
for await (const { name } of stripe.customers.list({ limit: 2 })) names.push(name);
assert.deepEqual(names.slice(0, 5), ['e', 'd', 'c', 'b', 'a']);
const invoices = await stripe.invoices.list({ customer: customer.id, limit: 1 }).autoPagingToArray({ limit: 100 });
assert.deepEqual(invoices.map(({ status }) => status), ['paid', 'paid']);
console.log(`stripe ${Stripe.PACKAGE_VERSION} for Node: a whole life`);
