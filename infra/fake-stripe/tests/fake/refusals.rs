//! Permanent refusals by Stripe: configured ones, and those of a missing setup.

use crate::harness::{Harness, PAYS};
use tollgate_fake_stripe::Refusal;

const MOMENT: &str = "2026-03-01T00:00:00Z";

fn refusal(operation: &str, times: Option<u32>) -> Refusal {
    let (code, message) = (Some("email_invalid".to_owned()), "Invalid email address".to_owned());
    Refusal { operation: operation.to_owned(), status: 400, code, message, times }
}

#[tokio::test]
async fn a_refused_operation_is_refused_the_configured_number_of_times() {
    let harness = Harness::at(MOMENT);
    let customer = harness.post("customers", &[("email", "ann@example.com")]).await.id();
    let change = async || harness.post(&format!("customers/{customer}"), &[("name", "Ann")]).await;
    harness.stripe.refuse(refusal("POST /v1/customers/{id}", Some(2)));
    for _ in 0..2 {
        let refused = change().await;
        assert_eq!((refused.status, refused.code()), (400, "email_invalid"));
        assert_eq!(refused.body["error"]["message"], "Invalid email address");
    }
    assert_eq!(change().await.status, 200);
    assert!(harness.stripe.refusals().is_empty());
}

#[tokio::test]
async fn a_refusal_without_a_count_survives_a_restart_until_it_is_cleared() {
    let harness = Harness::at(MOMENT);
    harness.stripe.refuse(refusal("POST /v1/customers", None));
    let harness = harness.again();
    for _ in 0..3 {
        assert_eq!(harness.call("POST", "customers", &[("name", "Ann")], Some("key")).await.status, 400);
    }
    assert_eq!(harness.get("customers").await.status, 200);
    harness.stripe.clear_refusals();
    // A refusal is not stored under an idempotency key.
    assert_eq!(harness.call("POST", "customers", &[("name", "Ann")], Some("key")).await.status, 200);
}

#[tokio::test]
async fn a_refusal_has_the_type_of_its_status_and_names_an_operation() {
    let harness = Harness::at(MOMENT);
    for (status, kind) in [(402, "card_error"), (403, "invalid_request_error"), (503, "api_error")] {
        harness.stripe.refuse(Refusal { status, ..refusal("GET /v1/subscription_schedules/{id}", Some(1)) });
        let refused = harness.get("subscription_schedules/sub_sched_none").await;
        assert_eq!((refused.status, refused.body["error"]["type"].as_str()), (status, Some(kind)));
    }
    assert!(refusal("POST /v1/refunds", None).is_valid());
    for wrong in ["/v1/refunds", "PUT /v1/refunds", "POST refunds"] {
        assert!(!refusal(wrong, None).is_valid(), "{wrong}");
    }
    assert!(!Refusal { status: 200, ..refusal("POST /v1/refunds", None) }.is_valid());
}

#[tokio::test]
async fn a_portal_that_was_never_set_up_creates_no_session() {
    let harness = Harness::at(MOMENT);
    let (customer, _) = harness.subscriber(PAYS, "").await;
    let open = async || harness.post("billing_portal/sessions", &[("customer", &customer)]).await;
    assert_eq!(open().await.status, 200);
    harness.stripe.set_portal_configured(false);
    let refused = open().await;
    assert_eq!(refused.status, 400);
    assert!(refused.body["error"]["message"].as_str().unwrap().starts_with("No configuration provided"));
    harness.stripe.set_portal_configured(true);
    assert_eq!(open().await.status, 200);
}
