"""Stripe's own SDK for Python drives the fake through the whole life of a customer.

sdk.py BASE: the address of a running stack."""

import json
import sys
import urllib.error
import urllib.parse
import urllib.request

import stripe
from stripe import StripeClient

base = sys.argv[1]
checks = 0


def check(is_true, what):
    global checks
    checks += 1
    if not is_true:
        sys.exit(f"sdk.py: {what}")


def control(method, path, body=None):
    """A call of the dev console."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json", "accept": "application/json"}
    request = urllib.request.Request(f"{base}/_local/{path}", data, headers, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def pay(url, card="4242424242424242"):
    """Fills in Stripe's page; where it leads to."""
    try:
        urllib.request.build_opener(Stay).open(url, urllib.parse.urlencode({"card": card}).encode())
    except urllib.error.HTTPError as answer:
        return answer.code
    return 200


def refused(kind, call):
    """The error that a call is refused with, which is of this class."""
    try:
        call()
    except kind as error:
        return error
    sys.exit(f"sdk.py: not refused with {kind.__name__}")


about = control("GET", "stripe")
client = StripeClient(about["secret_key"], base_addresses={"api": f"{base}/_stripe"})
v1 = client.v1
check(stripe.api_version == about["api_version"], f"the SDK is of {stripe.api_version}")

product = v1.products.create({"name": "Pro", "metadata": {"tier": "1"}})
prices = {}
for name, cents in [("basic", 900), ("pro", 1900), ("team", 4900)]:
    price = {"product": product.id, "currency": "usd", "unit_amount": cents, "recurring": {"interval": "month"}}
    prices[name] = v1.prices.create(price)
check(prices["pro"].recurring.interval == "month", "a price has its interval")
check(v1.prices.retrieve(prices["pro"].id, {"expand": ["product"]}).product.name == "Pro", "a product is expanded")

customer = v1.customers.create({"email": "ann@example.com", "name": "Ann"}, {"idempotency_key": "python-ann"})
again = v1.customers.create({"email": "ann@example.com", "name": "Ann"}, {"idempotency_key": "python-ann"})
check(again.id == customer.id, "a key has one effect")
other = lambda: v1.customers.create({"email": "bob@example.com"}, {"idempotency_key": "python-ann"})
refused(stripe.IdempotencyError, other)
check(refused(stripe.InvalidRequestError, lambda: v1.customers.create({"email": "ann"})).code == "email_invalid", "an address")
wrong = {"product": product.id, "currency": "hrk", "unit_amount": 100}
check(refused(stripe.InvalidRequestError, lambda: v1.prices.create(wrong)).param == "currency", "a currency")
stranger = StripeClient("sk_test_stranger", base_addresses={"api": f"{base}/_stripe"})
refused(stripe.AuthenticationError, lambda: stranger.v1.customers.list())

session = v1.checkout.sessions.create({
    "mode": "subscription",
    "customer": customer.id,
    "line_items": [{"price": prices["pro"].id, "quantity": 2}],
    "success_url": "https://app.example/paid",
    "cancel_url": "https://app.example/left",
})
check(session.amount_total == 3800 and session.status == "open", "a checkout is open")
check(pay(session.url, "4000000000000002") == 402, "a declined card")
check(pay(session.url) == 303, "a card that pays")
session = v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "invoice"]})
subscription = session.subscription
check(subscription.status == "active" and session.invoice.status == "paid", "a checkout is paid")

event = next(event for event in v1.events.list({"type": "checkout.session.completed"}).auto_paging_iter())
delivery = control("GET", f"stripe/events/{event.id}/delivery")
received = client.construct_event(delivery["body"], delivery["signature"], about["webhook_secret"])
check(received.data.object.id == session.id, "a delivery is signed")
forged = lambda: client.construct_event(delivery["body"] + " ", delivery["signature"], about["webhook_secret"])
refused(stripe.SignatureVerificationError, forged)

item = subscription["items"].data[0]
change = {"items": [{"id": item.id, "price": prices["team"].id}], "proration_behavior": "always_invoice"}
preview = v1.invoices.create_preview({"subscription": subscription.id, "subscription_details": change})
changed = v1.subscriptions.update(subscription.id, change | {"expand": ["latest_invoice"]})
check(changed.latest_invoice.total == preview.total > 0, "a change costs what its preview said")
check([line.amount for line in changed.latest_invoice.lines.data] == [line.amount for line in preview.lines.data], "lines")
check(changed["items"].data[0].quantity == 2, "a change of price leaves the quantity")

coupon = v1.coupons.create({"percent_off": 25, "duration": "forever"})
v1.subscriptions.update(subscription.id, {"discounts": [{"coupon": coupon.id}]})
found = v1.subscriptions.retrieve(subscription.id, {"expand": ["discounts.source.coupon"]})
check(found.discounts[0].source.coupon.percent_off == 25, "a discount names its coupon")

schedule = v1.subscription_schedules.create({"from_subscription": subscription.id})
first = schedule.phases[0]
check(first.discounts[0].discount == found.discounts[0].id, "a schedule begins with what the subscription has")
phases = [
    {
        "items": [{"price": first["items"][0].price, "quantity": first["items"][0].quantity}],
        "discounts": [{"discount": first.discounts[0].discount}],
        "start_date": first.start_date,
        "end_date": first.end_date,
    },
    {"items": [{"price": prices["basic"].id}], "duration": {"interval": "month", "interval_count": 1}},
]
schedule = v1.subscription_schedules.update(schedule.id, {"phases": phases, "proration_behavior": "none"})
check(len(schedule.phases) == 2 and schedule.current_phase.start_date == first.start_date, "a schedule has two phases")
refused(stripe.InvalidRequestError, lambda: v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True}))
check(v1.subscription_schedules.release(schedule.id).status == "released", "a schedule lets go")

charges = list(v1.charges.list({"customer": customer.id, "limit": 1}).auto_paging_iter())
check(len(charges) == 2 and charges[0].payment_method_details.card.last4 == "4242", "a charge shows its card")
refund = v1.refunds.create({"charge": charges[1].id, "amount": 100})
check(refund.status == "succeeded" and v1.charges.retrieve(charges[1].id).amount_refunded == 100, "a refund")
too_much = lambda: v1.refunds.create({"charge": charges[1].id, "amount": 99999})
refused(stripe.InvalidRequestError, too_much)

dispute = control("POST", f"stripe/invoices/{changed.latest_invoice.id}/dispute", {})
check(v1.disputes.retrieve(dispute["id"], {"expand": ["charge"]}).charge.disputed, "a dispute")
check(refused(stripe.InvalidRequestError, lambda: v1.refunds.create({"charge": dispute["charge"]})).code == "charge_disputed", "")
control("POST", f"stripe/disputes/{dispute['id']}/close", {"status": "won"})
check(v1.disputes.retrieve(dispute["id"]).status == "won", "a dispute is won")

portal = v1.billing_portal.sessions.create({"customer": customer.id, "return_url": "https://app.example"})
check(portal.url.startswith(base), "a portal")
ending = v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
check(ending.cancel_at == ending["items"].data[0].current_period_end, "a subscription ends with its period")
check(v1.subscriptions.cancel(subscription.id).status == "canceled", "a subscription is cancelled")

made = {v1.customers.create({"name": f"Customer {number}"}).id for number in range(5)}
listed = [customer.id for customer in v1.customers.list({"limit": 2}).auto_paging_iter()]
check(made <= set(listed) and len(listed) == len(set(listed)), "a list is walked in pages")
check(v1.customers.delete(customer.id).deleted, "a customer is deleted")
refused(stripe.InvalidRequestError, lambda: v1.customers.update(customer.id, {"name": "Ann"}))
print(f"stripe {stripe.VERSION} for Python: {checks} checks")
