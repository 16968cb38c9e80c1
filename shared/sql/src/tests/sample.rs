//! A snapshot with three users, and names of files.

use crate::snapshot::*;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// A name that no other test uses.
pub fn scratch(extension: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("tollgate-sql-{}-{number}.{extension}", std::process::id()))
}

const PROFILE: ProfileRow<'static> = ProfileRow {
    id: "usr_1",
    email: "ann@example.com",
    username: "ann",
    provider: "local",
    email_verified: true,
    is_active: true,
    is_admin: true,
    created_at: "2026-01-01T00:00:00Z",
};

const SUBSCRIPTION: SubscriptionRow<'static> = SubscriptionRow {
    id: "sub_1",
    user_id: "usr_1",
    plan_id: Some("plan_1"),
    status: "active",
    price_cents: 1900,
    currency: "usd",
    billing_period: "month",
    interval_count: 1,
    quantity: 1,
    started_at: "2026-05-01T00:00:00Z",
    current_period_start: "2026-06-01T00:00:00Z",
    current_period_end: "2026-07-01T00:00:00Z",
    cancel_at_period_end: false,
    canceled_at: None,
    has_access: true,
};

const PAYMENT: PaymentRow<'static> = PaymentRow {
    id: "pay_1",
    user_id: "usr_1",
    subscription_id: Some("sub_1"),
    plan_id: Some("plan_1"),
    amount_cents: 1900,
    refunded_cents: 0,
    currency: "usd",
    status: "succeeded",
    created_at: "2026-06-01T00:00:00Z",
};

const EVENT: SubscriptionEventRow<'static> = SubscriptionEventRow {
    id: "aud_1",
    subscription_id: "sub_1",
    at: "2026-05-01T00:00:00Z",
    plan_id: Some("plan_1"),
    status: Some("trialing"),
};

const SIGN_IN: SignInRow<'static> = SignInRow { day: "2026-06-14", method: "password", user_id: "usr_1" };

const PLAN: PlanRow<'static> = PlanRow {
    id: "plan_1",
    code: "pro",
    name: "Pro",
    price_cents: 1900,
    currency: "usd",
    billing_period: "month",
    tier: 1,
    trial_days: 7,
    is_active: true,
    created_at: "2026-01-01T00:00:00Z",
};

/// Three users: one pays, one was deleted and one has never paid.
pub fn snapshot() -> Snapshot {
    let writer = SnapshotWriter::create(scratch("db")).unwrap();
    // In one possible order.
    writer.tier(&TierRow { user_id: "usr_1", tier: 1 }).unwrap();
    writer
        .subscription_event(&SubscriptionEventRow {
            id: "aud_2",
            at: "2026-05-08T00:00:00Z",
            plan_id: None,
            status: Some("active"),
            ..EVENT
        })
        .unwrap();
    // Twice within a second: the last one counts.
    for (id, status) in [("aud_31", "past_due"), ("aud_32", "active"), ("aud_33", "unpaid"), ("aud_34", "canceled")] {
        let at = if id < "aud_33" { "2026-06-02T00:00:00Z" } else { "2026-06-03T00:00:00Z" };
        let changed = SubscriptionEventRow { id, at, plan_id: None, status: Some(status), ..EVENT };
        writer.subscription_event(&changed).unwrap();
    }
    writer.profile(&PROFILE).unwrap();
    writer
        .profile(&ProfileRow { id: "usr_2", email: "=cmd@example.com", username: "bob", is_admin: false, ..PROFILE })
        .unwrap();
    writer.sign_in(&SIGN_IN).unwrap();
    writer.subscription_event(&EVENT).unwrap();
    writer.subscription(&SUBSCRIPTION).unwrap();
    writer.payment(&PAYMENT).unwrap();
    writer
        .payment(&PaymentRow { id: "pay_2", user_id: "usr_3", subscription_id: None, refunded_cents: 500, ..PAYMENT })
        .unwrap();
    writer.sign_in(&SIGN_IN).unwrap();
    writer.sign_in(&SignInRow { user_id: "usr_2", ..SIGN_IN }).unwrap();
    writer
        .subscription_event(&SubscriptionEventRow {
            id: "aud_3",
            at: "2026-06-01T00:00:00Z",
            plan_id: None,
            status: None,
            ..EVENT
        })
        .unwrap();
    writer.plan(&PLAN).unwrap();
    writer.finish().unwrap()
}
