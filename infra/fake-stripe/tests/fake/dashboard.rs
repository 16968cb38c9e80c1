//! Actions in Stripe's dashboard: schedules, ends, and the effect of a phase on a subscription.

use crate::harness::{Harness, PAYS, at, text};
use serde_json::json;
use tollgate_fake_stripe::{ControlError, NewDiscount};

const MOMENT: &str = "2026-03-01T00:00:00Z";

#[tokio::test]
async fn a_yearly_phase_keeps_monthly_periods() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let team = harness.price("Team", "4900", "month").await;
    let year = json!({"duration": {"interval": "year", "interval_count": 1}});
    let month = json!({"interval": "month", "interval_count": 1});
    let phases = [year, json!({"price": team, "duration": month})];
    let schedule = harness.stripe.schedule(&subscription, &phases).unwrap();
    assert_eq!(schedule["current_phase"]["start_date"], at(MOMENT));
    assert_eq!(schedule["phases"][0]["end_date"], at("2027-03-01T00:00:00Z"));
    let pro = harness.price_of(&subscription).await;
    harness.pass_to("2026-05-02T00:00:00Z");
    let found = harness.subscription(&subscription).await;
    assert_eq!(found["items"]["data"][0]["current_period_end"], at("2026-06-01T00:00:00Z"));
    assert_eq!((&found["schedule"], harness.price_of(&subscription).await), (&schedule["id"], pro));
    harness.pass_to("2027-03-01T00:00:00Z");
    assert_eq!(harness.price_of(&subscription).await, team);
}

#[tokio::test]
async fn a_next_phase_with_the_same_price_brings_a_coupon() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let month = json!({"interval": "month", "interval_count": 1});
    let phases = [json!({"duration": month}), json!({"percent_off": 50.0, "duration": month})];
    let schedule = harness.stripe.schedule(&subscription, &phases).unwrap();
    let items = |phase: usize| schedule["phases"][phase]["items"][0]["price"].clone();
    assert_eq!(items(0), items(1));
    assert!(schedule["phases"][1]["discounts"][0]["coupon"].is_string());
    let upcoming = harness.post("invoices/create_preview", &[("subscription", &subscription)]).await.body;
    assert_eq!(upcoming["total"], 950);
    harness.pass_to("2026-04-01T00:00:00Z");
    assert_eq!(harness.latest_invoice(&subscription).await["amount_paid"], 950);
    assert_eq!(harness.subscription(&subscription).await["discounts"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_phase_that_names_only_its_price_drops_all_the_rest() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let add_on = harness.price("Add-on", "500", "month").await;
    let basic = harness.price("Basic", "700", "month").await;
    let pro = harness.price_of(&subscription).await;
    harness.stripe.change_items(&subscription, Some(&pro), Some(3)).unwrap();
    harness.stripe.change_items(&subscription, Some(&add_on), None).unwrap();
    harness
        .stripe
        .give_discount(&subscription, NewDiscount { percent_off: Some(10.0), ..NewDiscount::default() })
        .unwrap();
    harness.stripe.give_tax_rate(&subscription, 20.0, false).unwrap();
    harness.post(&format!("subscriptions/{subscription}"), &[("default_payment_method", "pm_own")]).await;
    let made = harness.post("subscription_schedules", &[("from_subscription", &subscription)]).await;
    let first = &made.body["phases"][0];
    assert_eq!((first["items"].as_array().unwrap().len(), &first["items"][1]["quantity"]), (2, &json!(3)));
    assert!(first["discounts"][0]["discount"].is_string());
    assert_eq!(
        (&first["default_payment_method"], &first["default_tax_rates"][0]["percentage"]),
        (&json!("pm_own"), &json!(20.0))
    );
    let [start, end] = ["start_date", "end_date"].map(|name| first[name].to_string());
    let form = [
        ("proration_behavior", "none"),
        ("phases[0][items][0][price]", pro.as_str()),
        ("phases[0][start_date]", &start),
        ("phases[0][end_date]", &end),
        ("phases[0][proration_behavior]", "none"),
        ("phases[1][items][0][price]", &basic),
        ("phases[1][duration][interval]", "month"),
    ];
    let path = format!("subscription_schedules/{}", made.id());
    assert_eq!(harness.post(&path, &form).await.status, 200);
    let found = harness.subscription(&subscription).await;
    let items = found["items"]["data"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["price"]["id"], &items[0]["quantity"]), (1, &json!(pro), &json!(1)));
    assert_eq!((&found["discounts"], &found["default_tax_rates"]), (&json!([]), &json!([])));
    assert!(found["default_payment_method"].is_null());
}

#[tokio::test]
async fn a_phase_that_lists_every_field_keeps_them_and_their_ids() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let pro = harness.price_of(&subscription).await;
    let basic = harness.price("Basic", "700", "month").await;
    harness.stripe.change_items(&subscription, Some(&pro), Some(3)).unwrap();
    harness
        .stripe
        .give_discount(&subscription, NewDiscount { percent_off: Some(10.0), ..NewDiscount::default() })
        .unwrap();
    harness.stripe.give_tax_rate(&subscription, 20.0, false).unwrap();
    let before = harness.subscription(&subscription).await;
    let made = harness.post("subscription_schedules", &[("from_subscription", &subscription)]).await;
    let [start, end] = ["start_date", "end_date"].map(|name| made.body["phases"][0][name].to_string());
    let (discount, rate) = (text(&before["discounts"][0]), text(&before["default_tax_rates"][0]["id"]));
    let mut form = vec![
        ("phases[0][start_date]".to_owned(), start),
        ("phases[0][end_date]".to_owned(), end),
        ("phases[1][duration][interval]".to_owned(), "month".to_owned()),
    ];
    for (phase, price) in [(0, &pro), (1, &basic)] {
        for (name, value) in [
            ("[items][0][price]", price.as_str()),
            ("[items][0][quantity]", "3"),
            ("[discounts][0][discount]", &discount),
            ("[default_tax_rates][0]", &rate),
            ("[proration_behavior]", "none"),
        ] {
            form.push((format!("phases[{phase}]{name}"), value.to_owned()));
        }
    }
    let form: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(harness.post(&format!("subscription_schedules/{}", made.id()), &form).await.status, 200);
    let during = harness.subscription(&subscription).await;
    for name in ["items", "discounts", "default_tax_rates"] {
        assert_eq!(during[name], before[name], "{name}");
    }
    harness.pass_to("2026-04-01T00:00:00Z");
    let after = harness.subscription(&subscription).await;
    assert_eq!((harness.price_of(&subscription).await, &after["items"]["data"][0]["quantity"]), (basic, &json!(3)));
    assert_eq!(
        (&after["discounts"], &after["default_tax_rates"]),
        (&before["discounts"], &before["default_tax_rates"])
    );
}

#[tokio::test]
async fn a_subscription_ends_at_the_moment_that_was_set() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let end = at("2026-06-10T12:00:00Z");
    let changed = harness.stripe.cancel_at(&subscription, end).unwrap();
    assert_eq!((&changed["cancel_at"], &changed["cancel_at_period_end"]), (&json!(end), &json!(false)));
    let path = format!("subscriptions/{subscription}");
    assert!(harness.post(&path, &[("cancel_at", "")]).await.body["cancel_at"].is_null());
    assert_eq!(harness.post(&path, &[("cancel_at", &end.to_string())]).await.body["cancel_at"], end);
    assert_eq!(harness.post(&path, &[("cancel_at", "1")]).await.status, 400);
    harness.pass_to("2026-06-10T11:59:59Z");
    assert_eq!(harness.subscription(&subscription).await["status"], "active");
    harness.pass(1);
    assert_eq!(harness.subscription(&subscription).await["ended_at"], end);
    assert!(matches!(harness.stripe.cancel_at(&subscription, end + 1), Err(ControlError::Refused(_))));
}
