//! Schedules: a price that changes with the next period.

use crate::harness::{DAY, Harness, PAYS, REFUSED_LATER, at, text};
use serde_json::{Value, json};
use tollgate_fake_stripe::Outcome;

const MOMENT: &str = "2026-03-01T00:00:00Z";
const NEXT: &str = "2026-04-01T00:00:00Z";

struct Scheduled {
    harness: Harness,
    subscription: String,
    schedule: String,
    basic: String,
}

/// A subscription whose price changes for one period, from the next one on.
async fn scheduled(card: &str, interval: &str) -> Scheduled {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(card, "").await;
    let basic = harness.price("Basic", "700", interval).await;
    let schedule = harness.post("subscription_schedules", &[("from_subscription", &subscription)]).await.id();
    let changed = phases(&harness, &schedule, &harness.price_of(&subscription).await, &basic, interval).await;
    assert_eq!(changed, 200);
    Scheduled { harness, subscription, schedule, basic }
}

async fn phases(harness: &Harness, schedule: &str, now: &str, then: &str, interval: &str) -> u16 {
    let (start, end) = (at(MOMENT).to_string(), at(NEXT).to_string());
    let form = [
        ("end_behavior", "release"),
        ("proration_behavior", "none"),
        ("phases[0][items][0][price]", now),
        ("phases[0][items][0][quantity]", "1"),
        ("phases[0][start_date]", &start),
        ("phases[0][end_date]", &end),
        ("phases[1][items][0][price]", then),
        ("phases[1][start_date]", &end),
        ("phases[1][duration][interval]", interval),
        ("phases[1][proration_behavior]", "none"),
    ];
    harness.post(&format!("subscription_schedules/{schedule}"), &form).await.status
}

#[tokio::test]
async fn a_schedule_from_a_subscription_has_the_current_period_and_its_id() {
    let harness = Harness::at(MOMENT);
    let (customer, subscription) = harness.subscriber(PAYS, "").await;
    let price = harness.price_of(&subscription).await;
    let made = harness.post("subscription_schedules", &[("from_subscription", &subscription)]).await;
    let (start, end) = (at(MOMENT), at(NEXT));
    assert_eq!((text(&made.body["status"]), text(&made.body["end_behavior"])), ("active".into(), "release".into()));
    assert_eq!(made.body["current_phase"], json!({"start_date": start, "end_date": end}));
    let phase = &made.body["phases"][0];
    assert_eq!((&phase["start_date"], &phase["end_date"]), (&json!(start), &json!(end)));
    assert_eq!((text(&phase["items"][0]["price"]), &phase["items"][0]["quantity"]), (price, &json!(1)));
    assert_eq!(harness.subscription(&subscription).await["schedule"], made.id());
    let retrieved = harness.get(&format!("subscriptions/{subscription}?expand[]=schedule")).await.body;
    assert_eq!(retrieved["schedule"], made.body);
    let listed = harness.get(&format!("subscriptions?customer={customer}&expand[]=data.schedule")).await.body;
    assert_eq!(listed["data"][0]["schedule"], made.body);
    assert_eq!(harness.get(&format!("subscription_schedules/{}", made.id())).await.body, made.body);
    let event_types = harness.event_types();
    assert_eq!(
        event_types[event_types.len() - 2..],
        ["customer.subscription.updated", "subscription_schedule.created"]
    );
    for form in [
        &[("from_subscription", subscription.as_str())][..],
        &[("from_subscription", "sub_none")],
        &[],
        &[("from_subscription", &subscription), ("phases[0][items][0][price]", "x")],
    ] {
        assert_eq!(harness.post("subscription_schedules", form).await.status, 400, "{form:?}");
    }
    let (_, ends) = harness.subscriber(PAYS, "").await;
    harness.post(&format!("subscriptions/{ends}"), &[("cancel_at_period_end", "true")]).await;
    assert_eq!(harness.post("subscription_schedules", &[("from_subscription", &ends)]).await.status, 400);
}

#[tokio::test]
async fn the_next_phase_starts_with_its_period_and_sets_the_renewal_price() {
    for by_console in [false, true] {
        let Scheduled { harness, subscription, schedule, basic } = scheduled(PAYS, "month").await;
        assert_ne!(harness.price_of(&subscription).await, basic);
        let next = harness.post("invoices/create_preview", &[("subscription", subscription.as_str())]).await.body;
        assert_eq!(next["total"], 700);
        let event_types = harness.event_types().len();
        if by_console {
            harness.stripe.renew(&subscription, Outcome::Paid).unwrap();
        } else {
            harness.pass_to(NEXT);
        }
        assert_eq!(harness.price_of(&subscription).await, basic);
        let invoice = harness.latest_invoice(&subscription).await;
        assert_eq!(
            (text(&invoice["billing_reason"]), &invoice["amount_paid"]),
            ("subscription_cycle".into(), &json!(700))
        );
        let found = harness.get(&format!("subscription_schedules/{schedule}")).await.body;
        assert_eq!(found["current_phase"], json!({"start_date": at(NEXT), "end_date": at("2026-05-01T00:00:00Z")}));
        assert_eq!(harness.subscription(&subscription).await["schedule"], schedule);
        assert_eq!(
            harness.event_types()[event_types..event_types + 3],
            ["customer.subscription.updated", "subscription_schedule.updated", "invoice.created"]
        );
    }
}

#[tokio::test]
async fn a_subscription_continues_after_the_last_phase_of_its_schedule() {
    let Scheduled { harness, subscription, schedule, basic } = scheduled(PAYS, "month").await;
    harness.pass_to("2026-04-30T23:59:59Z");
    assert_eq!(harness.subscription(&subscription).await["schedule"], schedule);
    harness.pass(1);
    let found = harness.get(&format!("subscription_schedules/{schedule}")).await.body;
    assert_eq!(
        (text(&found["status"]), text(&found["released_subscription"])),
        ("released".into(), subscription.clone())
    );
    assert_eq!((&found["subscription"], &found["current_phase"]), (&Value::Null, &Value::Null));
    assert_eq!((&found["released_at"], &found["completed_at"]), (&json!(harness.now()), &json!(harness.now())));
    let event_types = harness.event_types();
    let begins = event_types.iter().position(|event_types| event_types == "subscription_schedule.completed").unwrap();
    assert_eq!(
        event_types[begins..begins + 3],
        ["subscription_schedule.completed", "subscription_schedule.released", "customer.subscription.updated"]
    );
    assert_eq!(
        (&harness.subscription(&subscription).await["schedule"], harness.price_of(&subscription).await),
        (&Value::Null, basic)
    );
    assert_eq!(harness.latest_invoice(&subscription).await["amount_paid"], 700);
    harness.pass_to("2026-06-01T00:00:00Z");
    assert_eq!(harness.latest_invoice(&subscription).await["amount_paid"], 700);
}

#[tokio::test]
async fn a_phase_of_another_interval_restarts_the_period() {
    let Scheduled { harness, subscription, .. } = scheduled(PAYS, "year").await;
    harness.pass_to(NEXT);
    let found = harness.subscription(&subscription).await;
    assert_eq!(found["billing_cycle_anchor"], at(NEXT));
    assert_eq!(found["items"]["data"][0]["current_period_end"], at("2027-04-01T00:00:00Z"));
    harness.pass_to("2027-04-01T00:00:00Z");
    let found = harness.subscription(&subscription).await;
    assert_eq!(found["items"]["data"][0]["current_period_end"], at("2028-04-01T00:00:00Z"));
}

#[tokio::test]
async fn a_released_schedule_changes_nothing() {
    let Scheduled { harness, subscription, schedule, .. } = scheduled(PAYS, "month").await;
    let price = harness.price_of(&subscription).await;
    let path = format!("subscription_schedules/{schedule}");
    assert_eq!(harness.post(&format!("{path}/release"), &[("colour", "red")]).await.status, 400);
    let released = harness.post(&format!("{path}/release"), &[]).await.body;
    assert_eq!(
        (text(&released["status"]), text(&released["released_subscription"])),
        ("released".into(), subscription.clone())
    );
    assert_eq!((&released["subscription"], &released["completed_at"]), (&Value::Null, &Value::Null));
    let event_types = harness.event_types();
    assert_eq!(
        event_types[event_types.len() - 2..],
        ["subscription_schedule.released", "customer.subscription.updated"]
    );
    assert_eq!(harness.subscription(&subscription).await["schedule"], Value::Null);
    assert_eq!(harness.post(&format!("{path}/release"), &[]).await.status, 400);
    assert_eq!(harness.post(&path, &[("metadata[a]", "b")]).await.status, 400);
    assert_eq!(harness.post("subscription_schedules/sub_sched_none/release", &[]).await.status, 404);
    harness.pass_to(NEXT);
    assert_eq!(
        (harness.price_of(&subscription).await, &harness.latest_invoice(&subscription).await["total"]),
        (price, &json!(1900))
    );
}

#[tokio::test]
async fn a_scheduled_subscription_is_changed_and_ended_only_by_its_schedule() {
    let Scheduled { harness, subscription, schedule, basic } = scheduled(PAYS, "month").await;
    let path = format!("subscriptions/{subscription}");
    let refused = [
        harness.change(&subscription, &basic, &[("proration_behavior", "none")]).await,
        harness.post(&path, &[("cancel_at_period_end", "true")]).await,
        harness.delete(&path).await,
    ];
    for answer in refused {
        assert_eq!(answer.status, 400);
        let message = text(&answer.body["error"]["message"]);
        assert!(message.contains("managed by the subscription schedule") && message.contains(&schedule), "{message}");
    }
    assert_eq!(harness.post(&path, &[("metadata[a]", "b")]).await.status, 200);
    harness.post(&format!("subscription_schedules/{schedule}/release"), &[]).await;
    assert_eq!(harness.post(&path, &[("cancel_at_period_end", "true")]).await.status, 200);
}

#[tokio::test]
async fn a_schedule_ends_with_its_subscription() {
    let Scheduled { harness, subscription, schedule, .. } = scheduled(PAYS, "month").await;
    harness.stripe.cancel(&subscription).unwrap();
    let found = harness.get(&format!("subscription_schedules/{schedule}")).await.body;
    assert_eq!((text(&found["status"]), &found["canceled_at"]), ("canceled".into(), &json!(harness.now())));
    assert_eq!(harness.subscription(&subscription).await["schedule"], Value::Null);
    let event_types = harness.event_types();
    assert_eq!(
        event_types[event_types.len() - 2..],
        ["subscription_schedule.canceled", "customer.subscription.deleted"]
    );

    let Scheduled { harness, .. } = scheduled(REFUSED_LATER, "year").await;
    harness.pass(31 * DAY + 14 * DAY);
    let event_types = harness.event_types();
    assert_eq!(
        event_types[event_types.len() - 2..],
        ["subscription_schedule.aborted", "customer.subscription.deleted"]
    );
}

#[tokio::test]
async fn phases_that_are_not_valid_are_refused() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let (pro, basic) = (harness.price_of(&subscription).await, harness.price("Basic", "700", "month").await);
    let schedule = harness.post("subscription_schedules", &[("from_subscription", &subscription)]).await;
    let path = format!("subscription_schedules/{}", schedule.id());
    let (start, end) = (at(MOMENT).to_string(), at(NEXT).to_string());
    let late = (at(NEXT) + 1).to_string();
    let early = (at(NEXT) - 1).to_string();
    let first = [
        ("phases[0][items][0][price]", pro.as_str()),
        ("phases[0][start_date]", start.as_str()),
        ("phases[0][end_date]", end.as_str()),
    ];
    let second = ("phases[1][items][0][price]", basic.as_str());
    for form in [
        vec![first[0], first[2]],
        vec![first[0], first[1]],
        vec![first[0], first[1], ("phases[0][end_date]", start.as_str())],
        vec![first[0], first[1], ("phases[0][end_date]", early.as_str())],
        vec![first[0], ("phases[0][start_date]", early.as_str()), first[2]],
        vec![("phases[0][items][0][price]", basic.as_str()), first[1], first[2]],
        vec![first[0], first[1], first[2], second],
        vec![
            first[0],
            first[1],
            first[2],
            second,
            ("phases[1][start_date]", late.as_str()),
            ("phases[1][duration][interval]", "month"),
        ],
        vec![first[0], first[1], first[2], second, ("phases[1][end_date]", end.as_str())],
        vec![
            first[0],
            first[1],
            first[2],
            second,
            ("phases[1][end_date]", late.as_str()),
            ("phases[1][duration][interval]", "month"),
        ],
        vec![
            first[0],
            first[1],
            first[2],
            ("phases[1][items][0][price]", "price_none"),
            ("phases[1][duration][interval]", "month"),
        ],
        vec![first[0], first[1], first[2], ("phases[0][iterations]", "1")],
        vec![("end_behavior", "cancel")],
        vec![("proration_behavior", "sometimes")],
    ] {
        assert_eq!(harness.post(&path, &form).await.status, 400, "{form:?}");
    }
    assert_eq!(harness.get(&path).await.body, schedule.body);
    // The end of a phase is the start of the next.
    let form =
        [first[0], first[1], second, ("phases[1][start_date]", &end), ("phases[1][duration][interval]", "month")];
    let changed = harness.post(&path, &form).await.body;
    assert_eq!(
        (&changed["phases"][0]["end_date"], &changed["phases"][1]["start_date"]),
        (&json!(at(NEXT)), &json!(at(NEXT)))
    );
}
