//! Calls: keys, lists, errors, customers.

use crate::harness::{DAY, Harness, KEY, PAYS, REFUSED_LATER, text};

const MOMENT: &str = "2026-01-10T08:00:00Z";

#[tokio::test]
async fn a_call_repeated_under_its_key_is_done_once_and_answered_the_same() {
    let harness = Harness::at(MOMENT);
    let form = [("email", "ann@example.com")];
    let first = harness.call("POST", "customers", &form, Some("key")).await;
    harness.pass(DAY - 1);
    let second = harness.call("POST", "customers", &form, Some("key")).await;
    assert_eq!((first.status, first.is_replayed, second.is_replayed), (200, false, true));
    assert_eq!(first.body, second.body);
    assert_eq!(harness.get("customers").await.ids(), [first.id()]);
    assert_eq!(harness.event_types(), ["customer.created"]);
}

#[tokio::test]
async fn a_key_is_known_after_a_restart_and_expires_after_a_day() {
    let harness = Harness::at(MOMENT);
    let form = [("email", "ann@example.com")];
    let first = harness.call("POST", "customers", &form, Some("key")).await;
    let harness = harness.again();
    assert_eq!(harness.call("POST", "customers", &form, Some("key")).await.id(), first.id());
    harness.pass(DAY);
    let anew = harness.call("POST", "customers", &form, Some("key")).await;
    assert!(!anew.is_replayed && anew.id() != first.id());
}

// E16
#[tokio::test]
async fn idempotency_keys_expire_after_a_day() {
    let harness = Harness::at(MOMENT);
    for key in ["a", "b"] {
        harness.call("POST", "customers", &[], Some(key)).await;
    }
    harness.pass(DAY);
    harness.call("POST", "customers", &[], Some("c")).await;
    assert_eq!(harness.stored("idempotency"), 1);
}

#[tokio::test]
async fn a_key_that_is_reused_for_another_call_is_refused() {
    let harness = Harness::at(MOMENT);
    harness.call("POST", "customers", &[("email", "ann@example.com")], Some("key")).await;
    for (path, form) in [("customers", ("email", "bob@example.com")), ("products", ("email", "ann@example.com"))] {
        let refused = harness.call("POST", path, &[form], Some("key")).await;
        assert_eq!((refused.status, text(&refused.body["error"]["type"]).as_str()), (400, "idempotency_error"));
    }
    assert_eq!(harness.event_types(), ["customer.created"]);
}

#[tokio::test]
async fn an_invalid_call_is_not_stored_under_its_key_and_a_declined_card_is() {
    let harness = Harness::at(MOMENT);
    let wrong = harness.call("POST", "customers", &[("colour", "red")], Some("key")).await;
    assert_eq!((wrong.status, wrong.code()), (400, "parameter_unknown"));
    assert_eq!(harness.call("POST", "customers", &[("name", "Ann")], Some("key")).await.status, 200);

    let (_, subscription) = harness.subscriber(REFUSED_LATER, "").await;
    harness.pass(31 * DAY);
    let pay = format!("invoices/{}/pay", text(&harness.latest_invoice(&subscription).await["id"]));
    let refused = harness.call("POST", &pay, &[], Some("pay")).await;
    assert_eq!((refused.status, refused.code()), (402, "card_declined"));
    let again = harness.call("POST", &pay, &[], Some("pay")).await;
    assert_eq!((again.status, again.is_replayed), (402, true));
    assert_eq!(harness.latest_invoice(&subscription).await["attempt_count"], 2);
}

#[tokio::test]
async fn a_list_is_paged_forwards_and_backwards_newest_first() {
    let harness = Harness::at(MOMENT);
    let mut all = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        all.insert(0, harness.post("customers", &[("name", name)]).await.id());
    }
    let page = async |query: String| {
        let page = harness.get(&format!("customers?limit=2{query}")).await;
        (page.ids(), page.body["has_more"] == true)
    };
    assert_eq!(page(String::new()).await, (all[..2].to_vec(), true));
    assert_eq!(page(format!("&starting_after={}", all[1])).await, (all[2..4].to_vec(), true));
    assert_eq!(page(format!("&starting_after={}", all[3])).await, (all[4..].to_vec(), false));
    assert_eq!(page(format!("&starting_after={}", all[4])).await, (vec![], false));
    assert_eq!(page(format!("&ending_before={}", all[4])).await, (all[2..4].to_vec(), true));
    assert_eq!(page(format!("&ending_before={}", all[3])).await, (all[1..3].to_vec(), true));
    assert_eq!(page(format!("&ending_before={}", all[2])).await, (all[..2].to_vec(), false));
    assert_eq!(page(format!("&ending_before={}", all[0])).await, (vec![], false));
}

#[tokio::test]
async fn a_list_refuses_a_limit_out_of_bounds_and_an_unknown_cursor() {
    let harness = Harness::at(MOMENT);
    for query in ["limit=0", "limit=101", "limit=x", "starting_after=cus_none", "ending_before=cus_none", "colour=red"]
    {
        assert_eq!(harness.get(&format!("customers?{query}")).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn a_wrong_key_or_another_version_is_refused() {
    let harness = Harness::at(MOMENT);
    let status = async |key: &str, version: &str| {
        let headers = [("authorization", format!("Bearer {key}")), ("stripe-version", version.to_owned())];
        harness.call_with("GET", "customers", &[], &headers).await.status
    };
    assert_eq!(status(KEY, tollgate_fake_stripe::API_VERSION).await, 200);
    assert_eq!(status("sk_test_other", "").await, 401);
    assert_eq!(status(KEY, "2020-08-27").await, 400);
}

#[tokio::test]
async fn a_deleted_customer_is_returned_as_deleted_without_other_fields() {
    let harness = Harness::at(MOMENT);
    let (customer, subscription) = harness.subscriber(PAYS, "").await;
    let price = text(&harness.subscription(&subscription).await["items"]["data"][0]["price"]["id"]);
    let form = [
        ("mode", "subscription"),
        ("customer", &customer),
        ("line_items[0][price]", &price),
        ("success_url", "https://app.example"),
    ];
    let session = harness.post("checkout/sessions", &form).await.id();
    let gone = harness.delete(&format!("customers/{customer}")).await;
    assert_eq!((gone.status, &gone.body["deleted"]), (200, &true.into()));
    assert_eq!(harness.get(&format!("customers/{customer}")).await.body, gone.body);
    assert_eq!(harness.get("customers").await.ids(), [""; 0]);
    let ended = harness.subscription(&subscription).await;
    assert_eq!((ended["status"].as_str(), ended["ended_at"].as_i64()), (Some("canceled"), Some(harness.now())));
    assert_eq!(harness.get(&format!("checkout/sessions/{session}")).await.body["status"], "expired");
    let event_types = harness.event_types();
    assert_eq!(
        event_types[event_types.len() - 3..],
        ["customer.subscription.deleted", "checkout.session.expired", "customer.deleted"]
    );
    assert_eq!(harness.post(&format!("customers/{customer}"), &[("name", "Ann")]).await.status, 404);
    assert_eq!(harness.delete(&format!("customers/{customer}")).await.status, 404);
    let refused = harness.post("checkout/sessions", &form).await;
    assert_eq!((refused.status, refused.code()), (400, "resource_missing"));
}

#[tokio::test]
async fn a_price_update_changes_only_the_given_fields() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let price = text(&harness.subscription(&subscription).await["items"]["data"][0]["price"]["id"]);
    for (form, is_active) in [(&[("active", "false")][..], false), (&[], false), (&[("active", "true")], true)] {
        assert_eq!(harness.post(&format!("prices/{price}"), form).await.body["active"], is_active);
    }
}
