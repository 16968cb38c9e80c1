//! `cargo run -p tollgate-stripe-standin --example lives`: every call that the stand-in serves and every event that it can
//! emit, in lives that meet them. Prints each answer and each event, one JSON object a line, to be judged by Stripe's
//! description of its API.

#![allow(clippy::print_stdout, clippy::expect_used)] // it is what this program is for; it ends at the first surprise
#![allow(dead_code, missing_docs)] // the tests use the rest

#[path = "../tests/play/mod.rs"]
mod play;

use play::{ASKS_LATER, DAY, DEBIT, DEBIT_THAT_FAILS, DECLINED, KEY, PAYS, Play, REFUSED_LATER, text};
use serde_json::json;
use tollgate_stripe_standin::{Foreign, Listed, NewDiscount, Outcome, Refusal};

const START: &str = "2026-01-31T12:00:00Z";

async fn catalogue(play: &Play) {
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
    let made = play.post("products", &form).await;
    play.post("products", &form).await;
    play.post("products", &[("name", "Basic")]).await;
    play.post("products", &[]).await;
    play.post("products", &[("name", "x"), ("colour", "red")]).await;
    play.post("products/prod_pro", &[("name", "Professional"), ("description", "")]).await;
    play.post("products/prod_pro", &[("active", "false")]).await;
    play.post("products/prod_none", &[("active", "false")]).await;
    play.get("products/prod_pro").await;
    play.get("products/prod_none").await;
    play.get("products?active=true").await;
    let price = [
        ("product", "prod_pro"),
        ("currency", "eur"),
        ("unit_amount", "900"),
        ("recurring[interval]", "month"),
        ("metadata[attempt]", "a"),
    ];
    let price = play.post("prices", &price).await.id();
    play.post("prices", &[("product", "prod_none"), ("currency", "eur")]).await;
    play.post(&format!("prices/{price}"), &[("active", "false")]).await;
    play.get(&format!("prices/{price}")).await;
    let page = play.get("prices?product=prod_pro&limit=1").await;
    play.get(&format!("prices?limit=1&starting_after={}", page.ids()[0])).await;
    play.get(&format!("prices?limit=1&ending_before={}", text(&made.body["default_price"]["id"]))).await;
    play.get("prices?limit=1&expand[]=data.product").await;
    play.get("prices?limit=0").await;
    play.get("prices?starting_after=price_none").await;
    play.get("nothing/here").await;
}

async fn callers(play: &Play) {
    let form = [("email", "ann@example.com"), ("name", "Ann"), ("metadata[user]", "usr_1")];
    for form in [&form[..], &form[..], &form[..1]] {
        play.call("POST", "customers", form, Some("key-1")).await;
    }
    for headers in [
        [("authorization", "Bearer sk_other"), ("stripe-version", "")],
        [("authorization", KEY), ("stripe-version", "2020-08-27")],
    ] {
        let headers =
            headers.map(|(name, value)| (name, if value == KEY { format!("Bearer {KEY}") } else { value.to_owned() }));
        play.call_with("GET", "customers", &[], &headers).await;
    }
}

async fn customers(play: &Play) {
    let (customer, subscription) = play.subscriber(PAYS, "").await;
    play.post(&format!("customers/{customer}"), &[("email", "ann.b@example.com"), ("name", "Ann B")]).await;
    play.get(&format!("customers/{customer}")).await;
    play.get("customers?email=ann.b@example.com&limit=100").await;
    play.checkout(&[]).await;
    play.delete(&format!("customers/{customer}")).await;
    play.delete(&format!("customers/{customer}")).await;
    play.get(&format!("customers/{customer}")).await;
    play.get(&format!("subscriptions/{subscription}?expand[]=customer")).await;
    let (customer, _) = play.subscriber(PAYS, "7").await;
    play.saw(play.stripe.delete_customer(&customer).expect("a customer"));
}

async fn checkouts(play: &Play) {
    let more = [
        ("client_reference_id", "usr_1"),
        ("metadata[user]", "usr_1"),
        ("allow_promotion_codes", "true"),
        ("payment_method_collection", "always"),
        ("subscription_data[trial_period_days]", "14"),
        ("subscription_data[metadata][user]", "usr_1"),
    ];
    let (customer, paid) = play.checkout(&more).await;
    play.get(&format!("checkout/sessions/{paid}")).await;
    play.pay(&format!("checkout/{paid}"), DECLINED).await;
    play.pay(&format!("checkout/{paid}"), PAYS).await;
    play.get(&format!("checkout/sessions/{paid}?expand[]=subscription&expand[]=invoice&expand[]=customer")).await;
    play.get(&format!("checkout/sessions?customer={customer}&status=complete&limit=100")).await;
    play.post(&format!("checkout/sessions/{paid}/expire"), &[]).await;
    let (_, expired) = play.checkout(&[]).await;
    play.post(&format!("checkout/sessions/{expired}/expire"), &[]).await;
    play.post("checkout/sessions/cs_none/expire", &[]).await;
    let (_, forgotten) = play.checkout(&[]).await;
    play.pass(DAY);
    play.get(&format!("checkout/sessions/{forgotten}")).await;
    play.post("checkout/sessions", &[("mode", "payment")]).await;
    // The trial goes on to its end.
    play.pass(15 * DAY);
}

async fn renewals(play: &Play) {
    let (_, pays) = play.subscriber(PAYS, "").await;
    let (_, refused) = play.subscriber(REFUSED_LATER, "").await;
    let (_, asks) = play.subscriber(ASKS_LATER, "").await;
    play.pass(31 * DAY);
    for subscription in [&pays, &refused, &asks] {
        play.get(&format!("subscriptions/{subscription}?expand[]=latest_invoice.payments&expand[]=customer")).await;
    }
    let open = text(&play.latest_invoice(&refused).await["id"]);
    play.post(&format!("invoices/{open}/pay"), &[]).await;
    play.pay(&format!("invoice/{open}"), DECLINED).await;
    play.pay(&format!("invoice/{open}"), PAYS).await;
    play.post(&format!("invoices/{open}/pay"), &[]).await;
    play.get(&format!("invoices/{open}?expand[]=payments.data.payment.payment_intent&expand[]=customer")).await;
    // Nobody pays for the other: it is asked for until it ends.
    play.pass(15 * DAY);
    play.subscription(&asks).await;
    let open = text(&play.latest_invoice(&asks).await["id"]);
    play.post(&format!("invoices/{open}/void"), &[]).await;
    play.post(&format!("invoices/{open}/void"), &[]).await;
    for outcome in [Outcome::Paid, Outcome::Failed, Outcome::ActionRequired] {
        play.saw(play.stripe.renew(&pays, outcome).expect("a subscription"));
    }
    let open = text(&play.latest_invoice(&pays).await["id"]);
    play.post(&format!("invoices/{open}/pay"), &[]).await;
}

async fn endings(play: &Play) {
    let (customer, subscription) = play.subscriber(PAYS, "").await;
    let path = format!("subscriptions/{subscription}");
    play.post(&path, &[("cancel_at_period_end", "true"), ("metadata[why]", "dear")]).await;
    play.post(&path, &[("cancel_at_period_end", "false")]).await;
    play.post(&path, &[("cancel_at_period_end", "true")]).await;
    play.pass(31 * DAY);
    play.get(&path).await;
    play.post(&path, &[("cancel_at_period_end", "true")]).await;
    play.get(&format!("subscriptions?customer={customer}&status=all&limit=100&expand[]=data.latest_invoice")).await;
    let (_, ended) = play.subscriber(PAYS, "").await;
    play.delete(&format!("subscriptions/{ended}")).await;
    play.delete(&format!("subscriptions/{ended}")).await;
    let (_, ended) = play.subscriber(PAYS, "").await;
    play.saw(play.stripe.cancel(&ended).expect("a subscription"));
}

async fn refunds(play: &Play) {
    let (_, subscription) = play.subscriber(PAYS, "").await;
    let invoice = text(&play.latest_invoice(&subscription).await["id"]);
    let payments = play.get(&format!("invoice_payments?invoice={invoice}&limit=100")).await;
    let payment = &payments.body["data"][0];
    let intent = text(&payment["payment"]["payment_intent"]);
    play.get(&format!("invoice_payments/{}", text(&payment["id"]))).await;
    let found = play.get(&format!("payment_intents/{intent}?expand[]=latest_charge")).await;
    let charge = text(&found.body["latest_charge"]["id"]);
    for form in [
        &[("payment_intent", intent.as_str()), ("amount", "900")][..],
        &[("charge", charge.as_str()), ("amount", "9999")],
        &[("charge", charge.as_str())],
        &[("charge", charge.as_str())],
        &[],
        &[("charge", "ch_none")],
    ] {
        let refund = play.post("refunds", form).await;
        if refund.status == 200 {
            play.get(&format!("refunds/{}?expand[]=charge", refund.id())).await;
        }
    }
    play.get(&format!("charges/{charge}?expand[]=payment_intent.customer")).await;
    let (_, subscription) = play.subscriber(PAYS, "").await;
    let invoice = text(&play.latest_invoice(&subscription).await["id"]);
    play.saw(play.stripe.refund(&invoice, Some(100)).expect("a paid invoice"));
    play.saw(play.stripe.dispute(&invoice).expect("a paid invoice"));
    for _ in 0..2 {
        let (_, subscription) = play.subscriber(PAYS, "").await;
        let invoice = text(&play.latest_invoice(&subscription).await["id"]);
        play.saw(play.stripe.dispute(&invoice).expect("a paid invoice"));
    }
}

const ALWAYS: (&str, &str) = ("proration_behavior", "always_invoice");
const WAITS: (&str, &str) = ("payment_behavior", "pending_if_incomplete");

async fn changes(play: &Play) {
    let (customer, subscription) = play.subscriber(PAYS, "").await;
    let team = play.price("Team", "4900", "month").await;
    let basic = play.price("Basic", "700", "month").await;
    let yearly = play.price("Team", "49000", "year").await;
    play.pass(7 * DAY);
    let date = play.now().to_string();
    for price in [&team, &basic, &yearly] {
        let details = [
            ("subscription_details[items][0][quantity]", "1"),
            ("subscription_details[proration_behavior]", "always_invoice"),
            ("subscription_details[proration_date]", &date),
        ];
        play.preview(&subscription, price, &details).await;
        let more = [ALWAYS, WAITS, ("proration_date", &date), ("items[0][quantity]", "1"), ("metadata[attempt]", "1")];
        play.change(&subscription, price, &more).await;
    }
    play.post("invoices/create_preview", &[("customer", &customer), ("subscription", &subscription)]).await;
    play.post("invoices/create_preview", &[("subscription", "sub_none")]).await;
    play.preview(&subscription, &team, &[("subscription_details[proration_behavior]", "none")]).await;
    play.change(&subscription, &team, &[("proration_behavior", "none"), ("payment_behavior", "allow_incomplete")])
        .await;
    play.change(&subscription, &team, &[ALWAYS, ("proration_date", "1")]).await;
    play.change(&subscription, &team, &[]).await;
    // What was left of the year pays for this and for a renewal.
    play.pass(40 * DAY);
    play.get(&format!("invoices?customer={customer}&limit=100&expand[]=data.payments")).await;
    play.get(&format!("customers/{customer}")).await;
    let (_, subscription) = play.subscriber(PAYS, "14").await;
    play.change(&subscription, &team, &[ALWAYS]).await;
    let (_, subscription) = play.subscriber(REFUSED_LATER, "").await;
    play.change(&subscription, &team, &[ALWAYS]).await;
    play.delete(&format!("subscriptions/{subscription}")).await;
    play.change(&subscription, &basic, &[ALWAYS]).await;
}

async fn changes_that_wait(play: &Play) {
    let team = play.price("Team", "4900", "month").await;
    let yearly = play.price("Team", "49000", "year").await;
    for card in [REFUSED_LATER, ASKS_LATER] {
        let (_, subscription) = play.subscriber(card, "").await;
        play.pass(DAY);
        play.change(&subscription, &team, &[ALWAYS, WAITS]).await;
        let waits = play.change(&subscription, &yearly, &[ALWAYS, WAITS, ("metadata[attempt]", "1")]).await;
        play.pay(&format!("invoice/{}", text(&waits.body["latest_invoice"])), PAYS).await;
        play.get(&format!("subscriptions/{subscription}?expand[]=latest_invoice.payments")).await;
        let (_, subscription) = play.subscriber(card, "").await;
        play.change(&subscription, &team, &[ALWAYS, WAITS]).await;
        play.pass(DAY);
        play.get(&format!("subscriptions/{subscription}?expand[]=latest_invoice")).await;
    }
}

async fn schedules(play: &Play) {
    let basic = play.price("Basic", "700", "month").await;
    for card in [PAYS, PAYS, REFUSED_LATER, PAYS] {
        let (customer, subscription) = play.subscriber(card, "").await;
        let made = play.post("subscription_schedules", &[("from_subscription", &subscription)]).await;
        let path = format!("subscription_schedules/{}", made.id());
        let [start, end] = ["start_date", "end_date"].map(|name| made.body["phases"][0][name].to_string());
        let form = [
            ("end_behavior", "release"),
            ("proration_behavior", "none"),
            ("metadata[attempt]", "1"),
            ("phases[0][items][0][price]", &text(&made.body["phases"][0]["items"][0]["price"])),
            ("phases[0][items][0][quantity]", "1"),
            ("phases[0][start_date]", &start),
            ("phases[0][end_date]", &end),
            ("phases[1][items][0][price]", &basic),
            ("phases[1][duration][interval]", "month"),
            ("phases[1][duration][interval_count]", "1"),
            ("phases[1][proration_behavior]", "none"),
        ];
        play.post(&path, &form).await;
        play.post(&path, &[("end_behavior", "cancel")]).await;
        play.get(&format!("{path}?expand[]=subscription&expand[]=customer&expand[]=phases.items.price")).await;
        play.get(&format!("subscriptions?customer={customer}&expand[]=data.schedule")).await;
        play.get(&format!("subscriptions/{subscription}?expand[]=schedule")).await;
        play.delete(&format!("subscriptions/{subscription}")).await;
        play.change(&subscription, &basic, &[ALWAYS]).await;
    }
    let all = play.get("subscription_schedules").await.ids();
    play.post(&format!("subscription_schedules/{}/release", all[0]), &[("preserve_cancel_date", "true")]).await;
    play.post(&format!("subscription_schedules/{}/release", all[0]), &[]).await;
    let managed = play.get(&format!("subscription_schedules/{}", all[2])).await;
    play.saw(play.stripe.cancel(&text(&managed.body["subscription"])).expect("a subscription"));
    let (_, trial) = play.subscriber(PAYS, "7").await;
    play.post("subscription_schedules", &[("from_subscription", &trial)]).await;
    play.pass(70 * DAY);
    play.get("subscription_schedules?limit=100").await;
}

async fn items_and_discounts(play: &Play) {
    let (_, subscription) = play.subscriber(PAYS, "").await;
    let path = format!("subscriptions/{subscription}");
    let add_on = play.price("Add-on", "500", "month").await;
    play.saw(play.stripe.change_items(&subscription, Some(&add_on), Some(2)).expect("a subscription"));
    let form = [("percent_off", "12.5"), ("duration", "repeating"), ("duration_in_months", "2"), ("name", "Spring")];
    let percent = play.post("coupons", &form).await.id();
    let form = [("amount_off", "100"), ("currency", "usd"), ("duration", "once"), ("metadata[a]", "b")];
    let once = play.post("coupons", &form).await.id();
    play.post("coupons", &[("percent_off", "101")]).await;
    play.post(&path, &[("discounts[0][coupon]", &percent), ("discounts[1][coupon]", &once)]).await;
    let rate = [("display_name", "VAT"), ("percentage", "19.5"), ("inclusive", "false"), ("country", "DE")];
    let rate = play.post("tax_rates", &rate).await.id();
    let item = text(&play.subscription(&subscription).await["items"]["data"][1]["id"]);
    let form = [
        ("default_tax_rates[0]", rate.as_str()),
        ("items[0][id]", &item),
        ("items[0][quantity]", "3"),
        ("items[0][discounts][0][coupon]", &percent),
        ("items[0][tax_rates][0]", &rate),
        ("items[0][metadata][a]", "b"),
        ALWAYS,
    ];
    play.post(&path, &form).await;
    play.get(&format!("{path}?expand[]=discounts.source.coupon&expand[]=items.data.discounts")).await;
    play.post("invoices/create_preview", &[("subscription", &subscription)]).await;
    play.pass(31 * DAY);
    play.get(&format!("invoices?subscription={subscription}&limit=100&expand[]=data.discounts")).await;
    let made = play.post("subscription_schedules", &[("from_subscription", &subscription)]).await;
    play.get(&format!("subscription_schedules/{}?expand[]=phases.discounts.discount", made.id())).await;
    play.post(&format!("subscription_schedules/{}/release", made.id()), &[]).await;
    let month = json!({"interval": "month", "interval_count": 1});
    let phases = [json!({"duration": month}), json!({"percent_off": 50.0, "duration": month})];
    play.saw(play.stripe.schedule(&subscription, &phases).expect("a subscription"));
    play.pass(62 * DAY);
    let given = NewDiscount { amount_off: Some(100), on_item: true, ..NewDiscount::default() };
    let (_, other) = play.subscriber(PAYS, "").await;
    play.saw(play.stripe.give_discount(&other, given).expect("a subscription"));
    play.saw(play.stripe.give_tax_rate(&other, 20.0, true).expect("a subscription"));
    play.saw(play.stripe.cancel_at(&other, play.now() + 10 * DAY).expect("a subscription"));
    let more = [("cancel_at", ""), ("discounts", ""), ("default_tax_rates", ""), ("description", "Two")];
    play.post(&format!("subscriptions/{other}"), &more).await;
    play.pass(31 * DAY);
}

async fn debits(play: &Play) {
    for (card, trial_days) in [(DEBIT, ""), (DEBIT_THAT_FAILS, ""), (DEBIT_THAT_FAILS, "7")] {
        let (customer, subscription) = play.subscriber(card, trial_days).await;
        for _ in 0..4 {
            play.get(&format!("charges?customer={customer}&expand[]=data.payment_intent")).await;
            play.get(&format!("payment_methods?customer={customer}")).await;
            play.get(&format!("checkout/sessions?customer={customer}&expand[]=data.invoice.payments")).await;
            play.get(&format!("subscriptions/{subscription}?expand[]=default_payment_method")).await;
            play.pass(8 * DAY);
        }
    }
    let customer = text(&play.stripe.create_customer("ann@example.com")["id"]);
    let product = play.post("products", &[("name", "Pro")]).await.id();
    let price =
        [("product", product.as_str()), ("currency", "eur"), ("unit_amount", "900"), ("recurring[interval]", "day")];
    let price = play.post("prices", &price).await.id();
    play.saw(play.stripe.subscribe(&customer, &price, DEBIT).expect("a price"));
    play.get(&format!("charges?customer={customer}")).await;
    play.get(&format!("payment_methods?customer={customer}")).await;
    let (_, subscription) = play.subscriber(PAYS, "").await;
    play.stripe.renew(&subscription, Outcome::Failed).expect("a subscription");
    let invoice = text(&play.latest_invoice(&subscription).await["id"]);
    play.saw(play.stripe.pay_part(&invoice, 500).expect("an open invoice"));
    play.post(&format!("invoices/{invoice}/pay"), &[]).await;
    play.saw(play.stripe.credit(&invoice, Some(300)).expect("a paid invoice"));
    play.get(&format!("credit_notes?invoice={invoice}&expand[]=data.refunds.refund")).await;
    for (number, dispute) in play.get("disputes").await.ids().iter().take(2).enumerate() {
        play.saw(play.stripe.close_dispute(dispute, number == 0).expect("an open dispute"));
    }
}

async fn pauses(play: &Play) {
    for behavior in ["keep_as_draft", "mark_uncollectible", "void"] {
        let (_, subscription) = play.subscriber(PAYS, "").await;
        play.saw(play.stripe.pause(&subscription, Some(behavior)).expect("a subscription"));
        play.pass(31 * DAY);
        play.latest_invoice(&subscription).await;
    }
    let (customer, subscription) = play.subscriber(PAYS, "7").await;
    play.saw(play.stripe.remove_card(&subscription).expect("a subscription"));
    play.pass(8 * DAY);
    let resume = format!("subscriptions/{subscription}/resume");
    play.post(&resume, &[]).await;
    let session = play.post("billing_portal/sessions", &[("customer", &customer)]).await.id();
    play.fill(&format!("portal/{session}"), &[("action", "card"), ("card", PAYS)]).await;
    play.post(&resume, &[("billing_cycle_anchor", "now")]).await;
    play.post(&resume, &[]).await;
}

async fn others(play: &Play) {
    for kind in ["product", "price", "customer", "subscription", "invoice", "charge", "refund"] {
        let foreign = Foreign { kind: kind.to_owned(), fields: serde_json::Map::new() };
        play.saw(play.stripe.make_foreign(foreign).expect("a kind"));
    }
    let operation = "GET /v1/products".to_owned();
    let refusal = Refusal { operation, status: 400, code: None, message: String::new(), times: Some(1) };
    play.stripe.refuse(refusal);
    play.get("products").await;
    play.stripe.set_portal_configured(false);
    let (customer, _) = play.subscriber(PAYS, "").await;
    play.post("billing_portal/sessions", &[("customer", &customer)]).await;
    play.stripe.set_portal_configured(true);
    play.post("customers", &[("email", "ann")]).await;
    play.post("products", &[("name", "x"), ("default_price_data[currency]", "hrk")]).await;
}

async fn portal(play: &Play) {
    let (customer, subscription) = play.subscriber(REFUSED_LATER, "").await;
    let form = [("customer", customer.as_str()), ("return_url", "https://app.example/account"), ("locale", "en")];
    let session = play.post("billing_portal/sessions", &form).await.id();
    play.post("billing_portal/sessions", &[("customer", "cus_none")]).await;
    let page = format!("portal/{session}");
    for action in ["cancel", "resume"] {
        play.fill(&page, &[("action", action), ("subscription", &subscription)]).await;
    }
    play.pass(31 * DAY);
    play.fill(&page, &[("action", "card"), ("card", PAYS)]).await;
    play.get(&format!("customers/{customer}")).await;
    let invoice = text(&play.latest_invoice(&subscription).await["id"]);
    play.fill(&page, &[("action", "pay"), ("invoice", &invoice)]).await;
    play.get(&format!("invoices/{invoice}")).await;
}

async fn lists(play: &Play) {
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
        let first = play.get(&format!("{kind}?limit=2")).await;
        play.get(&format!("{kind}?limit=2&starting_after={}", first.ids().last().expect("an object"))).await;
        play.get(&format!("{kind}/{}", first.ids()[0])).await;
    }
    play.get("subscriptions?status=ended").await;
    play.get("invoices?status=paid&created[gte]=1&created[lt]=9999999999").await;
    play.get("invoices?customer=cus_none&expand[]=data.payments").await;
    play.get("invoices?limit=2&expand[]=data.payments").await;
    play.get("charges?customer=cus_none&created[gte]=1").await;
    play.get("refunds?created[gte]=1&charge=ch_none").await;
    play.get("disputes?created[gte]=1&payment_intent=pi_none").await;
    play.get("invoice_payments?payment[type]=payment_intent&payment[payment_intent]=pi_none").await;
    play.get("prices?currency=usd&type=recurring&created=1").await;
    play.get("events?type=invoice.paid&limit=1").await;
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let play = Play::at(START);
    catalogue(&play).await;
    callers(&play).await;
    customers(&play).await;
    checkouts(&play).await;
    renewals(&play).await;
    endings(&play).await;
    refunds(&play).await;
    changes(&play).await;
    changes_that_wait(&play).await;
    schedules(&play).await;
    portal(&play).await;
    items_and_discounts(&play).await;
    debits(&play).await;
    pauses(&play).await;
    others(&play).await;
    lists(&play).await;
    for line in play.heard.lock().expect("a list").iter() {
        println!("{line}");
    }
    for event in play.stripe.list(Listed::Events).iter().rev() {
        println!("{}", json!({"schema": "event", "object": event}));
    }
}
