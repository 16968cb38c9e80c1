//! The search of an admin's lists: names, domains, ids of ours and of Stripe's; and unknown filters.

use crate::admin::{all_pages, app_and_admin, id};
use crate::openapi::operations;
use reqwest::Method;
use serde_json::{Value, json};
use tollgate_tests::app::{PASSWORD, Session, TestApp};

async fn register(app: &TestApp, email: &str, username: &str) {
    let body = json!({"email": email, "username": username, "password": PASSWORD});
    app.post("/register", body).await.expect(202);
}

/// The user names that a search finds, in its order, by pages of this size.
async fn names(app: &TestApp, admin: &Session, query: &str, limit: usize) -> Vec<String> {
    let found = all_pages(app, admin, &format!("/admin/users?{query}"), limit).await;
    found.iter().map(|user| user["username"].as_str().unwrap().to_owned()).collect()
}

// E7
#[tokio::test]
async fn a_search_finds_users_by_address_then_by_its_domain_then_by_user_name() {
    let (app, admin) = app_and_admin().await;
    for (email, username) in [
        ("zoe@shop.example", "zoe"),
        ("Ann@SHOP.example", "ann"),
        ("ben@shop.example.org", "ben"),
        ("shop@else.example", "keeper"),
        ("eve@else.example", "Shopper"),
        // Found three times, shown once.
        ("shop-two@shop.example", "shop-two"),
        // Found by the domain and by the name.
        ("cem@shopping.example", "shop.cem"),
        ("jo@bücher.example", "jon"),
        ("lee@x.example", "sub_zero"),
        ("kim@x.example", "in_deed"),
    ] {
        register(&app, email, username).await;
    }
    let by_domain = ["ann", "zoe", "ben", "shop.cem"];
    let all = [&["shop-two", "keeper"][..], &by_domain, &["Shopper"]].concat();
    for limit in [1, 2, 3, 100] {
        for (q, wanted) in [
            ("shop", &all[..]),
            ("SHOP", &all),
            ("shop.example", &["ann", "shop-two", "zoe", "ben"]),
            ("shop.example.", &["ben"]),
            ("shop@", &["keeper"]),
            ("shop@else.example", &["keeper"]),
            ("shopper", &["Shopper"]),
            ("else.ex", &["Shopper", "keeper"]),
            ("b%C3%BCcher.example", &["jon"]),
            ("xn--bcher", &["jon"]),
            ("hop", &[]),
            ("sub_z", &["sub_zero"]),
            ("in_deed", &["in_deed"]),
            ("sub_zero_", &[]),
        ] {
            assert_eq!(names(&app, &admin, &format!("q={q}"), limit).await, wanted, "{q} by {limit}");
        }
    }
    assert_eq!(names(&app, &admin, "q=shop&email_verified=true", 100).await, [""; 0]);
    // Another address has another domain.
    let (_, mia) = app.person("mia").await;
    let verification = app.verification_of_address(&mia, "mia@shop.example").await;
    app.post("/verify", verification).await.expect(200);
    assert_eq!(names(&app, &admin, "q=shop.example&email_verified=true", 100).await, ["mia"]);
    assert_eq!(names(&app, &admin, "q=example.com", 100).await, [""; 0]);
}

/// The ids of the objects of the user of `session`: ours and Stripe's.
async fn ids(app: &TestApp, admin: &Session, session: &Session) -> Vec<String> {
    let of_user = |list: &str| format!("/admin/users/{}/{list}", id(session));
    let subscription = all_pages(app, admin, &of_user("subscriptions"), 1).await.remove(0);
    let payment = all_pages(app, admin, &of_user("payments"), 1).await.remove(0);
    let found = [
        &subscription["id"],
        &subscription["stripe_subscription_id"],
        &subscription["stripe_customer_id"],
        &payment["id"],
        &payment["stripe_invoice_id"],
        &session.user["id"],
    ];
    found.map(|id| id.as_str().unwrap().to_owned()).to_vec()
}

// E7
#[tokio::test]
async fn a_search_for_a_complete_id_finds_its_user() {
    let (app, admin) = app_and_admin().await;
    let (email, ann) = app.subscriber("ann").await;
    let (_, bob) = app.subscriber("bob").await;
    let of_ann = ids(&app, &admin, &ann).await;
    for (session, ids) in [(&ann, of_ann.clone()), (&bob, ids(&app, &admin, &bob).await)] {
        for id in ids {
            let found = |more: &str| format!("/admin/users?q={id}{more}");
            for (more, is_found) in [("", true), ("%20", true), ("&is_active=true", true), ("&is_admin=true", false)] {
                let wanted: Vec<_> = Some(session.user.clone()).filter(|_| is_found).into_iter().collect();
                assert_eq!(all_pages(&app, &admin, &found(more), 1).await, wanted, "{id}{more}");
            }
            let part = &id[..id.len() - 1];
            assert_eq!(names(&app, &admin, &format!("q={part}"), 100).await, [""; 0], "{part}");
        }
    }
    let unknown = "019ca945f4607c7b9c59379e3f571f07";
    for id in ["usr", "sub", "pay", "cus", "in", "plan"].map(|kind| format!("{kind}_{unknown}")) {
        assert_eq!(names(&app, &admin, &format!("q={id}"), 100).await, [""; 0], "{id}");
    }
    // A deleted user is in no list.
    let ann = app.sign_in(&email).await;
    app.post_as(&ann, "/me/delete", json!({"password": PASSWORD})).await.expect(202);
    for id in of_ann {
        assert_eq!(names(&app, &admin, &format!("q={id}"), 100).await, [""; 0], "{id}");
    }
}

/// The operations that return a list by pages.
fn lists() -> Vec<String> {
    let is_paged = |operation: &Value| {
        operation["parameters"].as_array().into_iter().flatten().any(|parameter| parameter["name"] == "cursor")
    };
    let paged = operations().into_iter().filter(|(_, operation)| is_paged(operation));
    paged.map(|(name, _)| name.strip_prefix("GET ").unwrap().to_owned()).collect()
}

// E7
#[tokio::test]
async fn a_list_refuses_a_filter_that_it_does_not_have() {
    let (app, admin) = app_and_admin().await;
    let lists = lists();
    assert!(lists.len() >= 9, "{lists:?}");
    for list in lists {
        let path = list.replace("{id}", id(&admin));
        for query in ["tier=9", "limit=5&is_activ=true", "Limit=5", "cursors=x", "=x", "sort", "q%20=ann"] {
            let refused = app.get_as(&admin, &format!("{path}?{query}")).await.refused(400, "invalid_filter");
            assert!(refused.body["detail"].as_str().unwrap().contains("limit, cursor"), "{}", refused.text);
        }
        app.get_as(&admin, &format!("{path}?limit=5")).await.expect(200);
        app.get(&format!("{path}?tier=9")).await.refused(401, "unauthenticated");
    }
    // Operations without lists ignore unknown parameters.
    app.get_as(&admin, "/me?tier=9").await.expect(200);
    app.get("/billing/plans?utm_source=mail").await.expect(200);
    app.send(Method::GET, "/healthz?x=1", &[], None).await.expect(200);
    let bearer = format!("Bearer {}", admin.access);
    app.send(Method::DELETE, "/sessions?x=1", &[("authorization", &bearer)], None).await.expect(204);
}

// E7
#[tokio::test]
async fn a_malformed_id_as_a_filter_matches_nothing() {
    let (app, admin) = app_and_admin().await;
    app.subscriber("ann").await;
    let user = id(&admin);
    for query in [
        format!("subscriptions?plan_id={user}"),
        "subscriptions?user_id=ann".to_owned(),
        "subscriptions?user_id=ann&status=active".to_owned(),
        format!("payments?plan_id={user}"),
        "payments?user_id=pay_1".to_owned(),
        "audit-logs?actor_id=me".to_owned(),
        "audit-logs?target_id=ses_1".to_owned(),
        "audit-logs?target_id=-".to_owned(),
        "audit-logs?user_id=ann".to_owned(),
        format!("audit-logs?user_id=ann&actor_id={user}"),
    ] {
        let page = app.get_as(&admin, &format!("/admin/{query}")).await.expect(200).body;
        assert_eq!(page, json!({"items": [], "next_cursor": null}), "{query}");
        let wrong = app.get_as(&admin, &format!("/admin/{query}&cursor=x")).await;
        wrong.refused(400, "invalid_cursor");
    }
    for query in ["subscriptions?user_id=ann&status=paid", "audit-logs?actor_id=me&action=user.left"] {
        app.get_as(&admin, &format!("/admin/{query}")).await.refused(400, "invalid_filter");
    }
}

#[tokio::test]
async fn a_parameter_that_is_given_twice_is_refused_by_its_name() {
    let (app, admin) = app_and_admin().await;
    for (path, name) in [
        ("/admin/stats?days=7&days=30", "days"),
        ("/admin/users?q=ann&is_admin=true&q=bob", "q"),
        ("/admin/payments?status=failed&status=failed", "status"),
    ] {
        let refused = app.get_as(&admin, path).await.refused(400, "invalid_filter");
        assert_eq!(refused.body["detail"], format!("{name} is given more than once. Give it once."), "{path}");
    }
}
