//! `cargo run -p tollgate-fake-stripe --example scenarios`: every call that the fake serves and every event that it can
//! emit, in scenarios that use them. Prints each answer and each event, one JSON object a line, to be checked against
//! Stripe's description of its API.

#![allow(clippy::print_stdout, clippy::expect_used)] // the program's purpose; it ends at the first unexpected answer
#![allow(dead_code, missing_docs)] // the tests use the rest

#[path = "../../tests/harness/mod.rs"]
mod harness;
mod plan_changes;

use harness::{ASKS_LATER, DAY, DEBIT, DEBIT_THAT_FAILS, DECLINED, Harness, KEY, PAYS, REFUSED_LATER, text};
use plan_changes::{changes, changes_that_wait, items_and_discounts, schedules};
use serde_json::json;
use tollgate_fake_stripe::{Foreign, Listed, Outcome, Refusal};

const START: &str = "2026-01-31T12:00:00Z";

async fn catalogue(harness: &Harness) {
    let form = [
        ("id", "prod_pro"),
        ("name", "Pro"),
        ("description", "Everything"),
        ("metadata[tier]", "2"),
        ("default_price_data[currency]", "usd"),
        ("default_price_data[unit_amount]", "1900"),
        ("default_price_data[recurring][interval]", "year"),
        ("expand[]", "default_price"),
    ];
    let made = harness.post("products", &form).await;
    harness.post("products", &form).await;
    harness.post("products", &[("name", "Basic")]).await;
    harness.post("products", &[]).await;
    harness.post("products", &[("name", "x"), ("colour", "red")]).await;
    harness.post("products/prod_pro", &[("name", "Professional"), ("description", "")]).await;
    harness.post("products/prod_pro", &[("active", "false")]).await;
    harness.post("products/prod_none", &[("active", "false")]).await;
    harness.get("products/prod_pro").await;
    harness.get("products/prod_none").await;
    harness.get("products?active=true").await;
    let price = [
        ("product", "prod_pro"),
        ("currency", "eur"),
        ("unit_amount", "900"),
        ("recurring[interval]", "month"),
        ("metadata[attempt]", "a"),
    ];
    let price = harness.post("prices", &price).await.id();
    harness.post("prices", &[("product", "prod_none"), ("currency", "eur")]).await;
    harness.post(&format!("prices/{price}"), &[("active", "false")]).await;
    harness.get(&format!("prices/{price}")).await;
    let page = harness.get("prices?product=prod_pro&limit=1").await;
    harness.get(&format!("prices?limit=1&starting_after={}", page.ids()[0])).await;
    harness.get(&format!("prices?limit=1&ending_before={}", text(&made.body["default_price"]["id"]))).await;
    harness.get("prices?limit=1&expand[]=data.product").await;
    harness.get("prices?limit=0").await;
    harness.get("prices?starting_after=price_none").await;
    harness.get("nothing/here").await;
}

async fn callers(harness: &Harness) {
    let form = [("email", "ann@example.com"), ("name", "Ann"), ("metadata[user]", "usr_1")];
    for form in [&form[..], &form[..], &form[..1]] {
        harness.call("POST", "customers", form, Some("key-1")).await;
    }
    for headers in [
        [("authorization", "Bearer sk_other"), ("stripe-version", "")],
        [("authorization", KEY), ("stripe-version", "2020-08-27")],
    ] {
        let headers =
            headers.map(|(name, value)| (name, if value == KEY { format!("Bearer {KEY}") } else { value.to_owned() }));
        harness.call_with("GET", "customers", &[], &headers).await;
    }
}

async fn customers(harness: &Harness) {
    let (customer, subscription) = harness.subscriber(PAYS, "").await;
    harness.post(&format!("customers/{customer}"), &[("email", "ann.b@example.com"), ("name", "Ann B")]).await;
    harness.get(&format!("customers/{customer}")).await;
    harness.get("customers?email=ann.b@example.com&limit=100").await;
    harness.checkout(&[]).await;
    harness.delete(&format!("customers/{customer}")).await;
    harness.delete(&format!("customers/{customer}")).await;
    harness.get(&format!("customers/{customer}")).await;
    harness.get(&format!("subscriptions/{subscription}?expand[]=customer")).await;
    let (customer, _) = harness.subscriber(PAYS, "7").await;
    harness.saw(harness.stripe.delete_customer(&customer).expect("a customer"));
}

async fn checkouts(harness: &Harness) {
    let more = [
        ("client_reference_id", "usr_1"),
        ("metadata[user]", "usr_1"),
        ("allow_promotion_codes", "true"),
        ("payment_method_collection", "always"),
        ("subscription_data[trial_period_days]", "14"),
        ("subscription_data[metadata][user]", "usr_1"),
    ];
    let (customer, paid) = harness.checkout(&more).await;
    harness.get(&format!("checkout/sessions/{paid}")).await;
    harness.pay(&format!("checkout/{paid}"), DECLINED).await;
    harness.pay(&format!("checkout/{paid}"), PAYS).await;
    harness.get(&format!("checkout/sessions/{paid}?expand[]=subscription&expand[]=invoice&expand[]=customer")).await;
    harness.get(&format!("checkout/sessions?customer={customer}&status=complete&limit=100")).await;
    harness.post(&format!("checkout/sessions/{paid}/expire"), &[]).await;
    let (_, expired) = harness.checkout(&[]).await;
    harness.post(&format!("checkout/sessions/{expired}/expire"), &[]).await;
    harness.post("checkout/sessions/cs_none/expire", &[]).await;
    let (_, forgotten) = harness.checkout(&[]).await;
    harness.pass(DAY);
    harness.get(&format!("checkout/sessions/{forgotten}")).await;
    harness.post("checkout/sessions", &[("mode", "payment")]).await;
    // The trial continues to its end.
    harness.pass(15 * DAY);
}

async fn renewals(harness: &Harness) {
    let (_, pays) = harness.subscriber(PAYS, "").await;
    let (_, refused) = harness.subscriber(REFUSED_LATER, "").await;
    let (_, asks) = harness.subscriber(ASKS_LATER, "").await;
    harness.pass(31 * DAY);
    for subscription in [&pays, &refused, &asks] {
        harness.get(&format!("subscriptions/{subscription}?expand[]=latest_invoice.payments&expand[]=customer")).await;
    }
    let open = text(&harness.latest_invoice(&refused).await["id"]);
    harness.post(&format!("invoices/{open}/pay"), &[]).await;
    harness.pay(&format!("invoice/{open}"), DECLINED).await;
    harness.pay(&format!("invoice/{open}"), PAYS).await;
    harness.post(&format!("invoices/{open}/pay"), &[]).await;
    harness.get(&format!("invoices/{open}?expand[]=payments.data.payment.payment_intent&expand[]=customer")).await;
    // The other one is not paid: Stripe retries until it ends.
    harness.pass(15 * DAY);
    harness.subscription(&asks).await;
    let open = text(&harness.latest_invoice(&asks).await["id"]);
    harness.post(&format!("invoices/{open}/void"), &[]).await;
    harness.post(&format!("invoices/{open}/void"), &[]).await;
    for outcome in [Outcome::Paid, Outcome::Failed, Outcome::ActionRequired] {
        harness.saw(harness.stripe.renew(&pays, outcome).expect("a subscription"));
    }
    let open = text(&harness.latest_invoice(&pays).await["id"]);
    harness.post(&format!("invoices/{open}/pay"), &[]).await;
}

async fn endings(harness: &Harness) {
    let (customer, subscription) = harness.subscriber(PAYS, "").await;
    let path = format!("subscriptions/{subscription}");
    harness.post(&path, &[("cancel_at_period_end", "true"), ("metadata[why]", "dear")]).await;
    harness.post(&path, &[("cancel_at_period_end", "false")]).await;
    harness.post(&path, &[("cancel_at_period_end", "true")]).await;
    harness.pass(31 * DAY);
    harness.get(&path).await;
    harness.post(&path, &[("cancel_at_period_end", "true")]).await;
    harness.get(&format!("subscriptions?customer={customer}&status=all&limit=100&expand[]=data.latest_invoice")).await;
    let (_, ended) = harness.subscriber(PAYS, "").await;
    harness.delete(&format!("subscriptions/{ended}")).await;
    harness.delete(&format!("subscriptions/{ended}")).await;
    let (_, ended) = harness.subscriber(PAYS, "").await;
    harness.saw(harness.stripe.cancel(&ended).expect("a subscription"));
}

async fn refunds(harness: &Harness) {
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let invoice = text(&harness.latest_invoice(&subscription).await["id"]);
    let payments = harness.get(&format!("invoice_payments?invoice={invoice}&limit=100")).await;
    let payment = &payments.body["data"][0];
    let intent = text(&payment["payment"]["payment_intent"]);
    harness.get(&format!("invoice_payments/{}", text(&payment["id"]))).await;
    let found = harness.get(&format!("payment_intents/{intent}?expand[]=latest_charge")).await;
    let charge = text(&found.body["latest_charge"]["id"]);
    for form in [
        &[("payment_intent", intent.as_str()), ("amount", "900")][..],
        &[("charge", charge.as_str()), ("amount", "9999")],
        &[("charge", charge.as_str())],
        &[("charge", charge.as_str())],
        &[],
        &[("charge", "ch_none")],
    ] {
        let refund = harness.post("refunds", form).await;
        if refund.status == 200 {
            harness.get(&format!("refunds/{}?expand[]=charge", refund.id())).await;
        }
    }
    harness.get(&format!("charges/{charge}?expand[]=payment_intent.customer")).await;
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let invoice = text(&harness.latest_invoice(&subscription).await["id"]);
    harness.saw(harness.stripe.refund(&invoice, Some(100)).expect("a paid invoice"));
    harness.saw(harness.stripe.dispute(&invoice).expect("a paid invoice"));
    for _ in 0..2 {
        let (_, subscription) = harness.subscriber(PAYS, "").await;
        let invoice = text(&harness.latest_invoice(&subscription).await["id"]);
        harness.saw(harness.stripe.dispute(&invoice).expect("a paid invoice"));
    }
}

async fn debits(harness: &Harness) {
    for (card, trial_days) in [(DEBIT, ""), (DEBIT_THAT_FAILS, ""), (DEBIT_THAT_FAILS, "7")] {
        let (customer, subscription) = harness.subscriber(card, trial_days).await;
        for _ in 0..4 {
            harness.get(&format!("charges?customer={customer}&expand[]=data.payment_intent")).await;
            harness.get(&format!("payment_methods?customer={customer}")).await;
            harness.get(&format!("checkout/sessions?customer={customer}&expand[]=data.invoice.payments")).await;
            harness.get(&format!("subscriptions/{subscription}?expand[]=default_payment_method")).await;
            harness.pass(8 * DAY);
        }
    }
    let customer = text(&harness.stripe.create_customer("ann@example.com")["id"]);
    let product = harness.post("products", &[("name", "Pro")]).await.id();
    let price =
        [("product", product.as_str()), ("currency", "eur"), ("unit_amount", "900"), ("recurring[interval]", "day")];
    let price = harness.post("prices", &price).await.id();
    harness.saw(harness.stripe.subscribe(&customer, &price, DEBIT).expect("a price"));
    harness.get(&format!("charges?customer={customer}")).await;
    harness.get(&format!("payment_methods?customer={customer}")).await;
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    harness.stripe.renew(&subscription, Outcome::Failed).expect("a subscription");
    let invoice = text(&harness.latest_invoice(&subscription).await["id"]);
    harness.saw(harness.stripe.pay_part(&invoice, 500).expect("an open invoice"));
    harness.post(&format!("invoices/{invoice}/pay"), &[]).await;
    harness.saw(harness.stripe.credit(&invoice, Some(300)).expect("a paid invoice"));
    harness.get(&format!("credit_notes?invoice={invoice}&expand[]=data.refunds.refund")).await;
    for (number, dispute) in harness.get("disputes").await.ids().iter().take(2).enumerate() {
        harness.saw(harness.stripe.close_dispute(dispute, number == 0).expect("an open dispute"));
    }
}

async fn pauses(harness: &Harness) {
    for behavior in ["keep_as_draft", "mark_uncollectible", "void"] {
        let (_, subscription) = harness.subscriber(PAYS, "").await;
        harness.saw(harness.stripe.pause(&subscription, Some(behavior)).expect("a subscription"));
        harness.pass(31 * DAY);
        harness.latest_invoice(&subscription).await;
    }
    let (customer, subscription) = harness.subscriber(PAYS, "7").await;
    harness.saw(harness.stripe.remove_card(&subscription).expect("a subscription"));
    harness.pass(8 * DAY);
    let resume = format!("subscriptions/{subscription}/resume");
    harness.post(&resume, &[]).await;
    let session = harness.post("billing_portal/sessions", &[("customer", &customer)]).await.id();
    harness.fill(&format!("portal/{session}"), &[("action", "card"), ("card", PAYS)]).await;
    harness.post(&resume, &[("billing_cycle_anchor", "now")]).await;
    harness.post(&resume, &[]).await;
}

async fn others(harness: &Harness) {
    for kind in ["product", "price", "customer", "subscription", "invoice", "charge", "refund"] {
        let foreign = Foreign { kind: kind.to_owned(), fields: serde_json::Map::new() };
        harness.saw(harness.stripe.make_foreign(foreign).expect("a kind"));
    }
    let operation = "GET /v1/products".to_owned();
    let refusal = Refusal { operation, status: 400, code: None, message: String::new(), times: Some(1) };
    harness.stripe.refuse(refusal);
    harness.get("products").await;
    harness.stripe.set_portal_configured(false);
    let (customer, _) = harness.subscriber(PAYS, "").await;
    harness.post("billing_portal/sessions", &[("customer", &customer)]).await;
    harness.stripe.set_portal_configured(true);
    harness.post("customers", &[("email", "ann")]).await;
    harness.post("products", &[("name", "x"), ("default_price_data[currency]", "hrk")]).await;
}

async fn portal(harness: &Harness) {
    let (customer, subscription) = harness.subscriber(REFUSED_LATER, "").await;
    let form = [("customer", customer.as_str()), ("return_url", "https://app.example/account"), ("locale", "en")];
    let session = harness.post("billing_portal/sessions", &form).await.id();
    harness.post("billing_portal/sessions", &[("customer", "cus_none")]).await;
    let page = format!("portal/{session}");
    for action in ["cancel", "resume"] {
        harness.fill(&page, &[("action", action), ("subscription", &subscription)]).await;
    }
    harness.pass(31 * DAY);
    harness.fill(&page, &[("action", "card"), ("card", PAYS)]).await;
    harness.get(&format!("customers/{customer}")).await;
    let invoice = text(&harness.latest_invoice(&subscription).await["id"]);
    harness.fill(&page, &[("action", "pay"), ("invoice", &invoice)]).await;
    harness.get(&format!("invoices/{invoice}")).await;
}

async fn lists(harness: &Harness) {
    for kind in [
        "products",
        "prices",
        "customers",
        "checkout/sessions",
        "subscriptions",
        "subscription_schedules",
        "invoices",
        "invoice_payments",
        "payment_intents",
        "charges",
        "refunds",
        "disputes",
        "events",
        "coupons",
        "tax_rates",
        "payment_methods",
        "credit_notes",
    ] {
        let first = harness.get(&format!("{kind}?limit=2")).await;
        harness.get(&format!("{kind}?limit=2&starting_after={}", first.ids().last().expect("an object"))).await;
        harness.get(&format!("{kind}/{}", first.ids()[0])).await;
    }
    harness.get("subscriptions?status=ended").await;
    harness.get("invoices?status=paid&created[gte]=1&created[lt]=9999999999").await;
    harness.get("invoices?customer=cus_none&expand[]=data.payments").await;
    harness.get("invoices?limit=2&expand[]=data.payments").await;
    harness.get("charges?customer=cus_none&created[gte]=1").await;
    harness.get("refunds?created[gte]=1&charge=ch_none").await;
    harness.get("disputes?created[gte]=1&payment_intent=pi_none").await;
    harness.get("invoice_payments?payment[type]=payment_intent&payment[payment_intent]=pi_none").await;
    harness.get("prices?currency=usd&type=recurring&created=1").await;
    harness.get("events?type=invoice.paid&limit=1").await;
}

/// The setup of an account: a webhook endpoint that is changed and deleted, and a configuration of the portal.
async fn set_up(harness: &Harness) {
    let url = ("url", "https://app.example/billing/stripe/webhook");
    let events = [("enabled_events[0]", "invoice.paid"), ("enabled_events[1]", "invoice.payment_failed")];
    harness.post("webhook_endpoints", &[url]).await;
    let endpoint = harness.post("webhook_endpoints", &[url, events[0], events[1]]).await.id();
    let path = format!("webhook_endpoints/{endpoint}");
    harness.post(&path, &[events[0], ("disabled", "true"), ("metadata[note]", "kept")]).await;
    harness.get(&path).await;
    harness.get("webhook_endpoints?limit=100").await;
    harness.delete(&path).await;
    harness.delete(&path).await;
    let features = [
        ("features[invoice_history][enabled]", "true"),
        ("features[payment_method_update][enabled]", "true"),
        ("features[subscription_cancel][enabled]", "true"),
        ("features[subscription_cancel][mode]", "at_period_end"),
    ];
    let mut form = vec![("default_return_url", "https://app.example"), ("metadata[note]", "kept")];
    form.extend(features);
    harness.post("billing_portal/configurations", &form).await;
    harness.get("billing_portal/configurations?limit=100").await;
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let harness = Harness::at(START);
    catalogue(&harness).await;
    callers(&harness).await;
    customers(&harness).await;
    checkouts(&harness).await;
    renewals(&harness).await;
    endings(&harness).await;
    refunds(&harness).await;
    changes(&harness).await;
    changes_that_wait(&harness).await;
    schedules(&harness).await;
    portal(&harness).await;
    items_and_discounts(&harness).await;
    debits(&harness).await;
    pauses(&harness).await;
    others(&harness).await;
    lists(&harness).await;
    set_up(&harness).await;
    for line in harness.received.lock().expect("a list").iter() {
        println!("{line}");
    }
    for event in harness.stripe.list(Listed::Events).iter().rev() {
        println!("{}", json!({"schema": "event", "object": event}));
    }
}
