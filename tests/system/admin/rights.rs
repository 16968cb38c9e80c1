//! What an admin decides about a user: active, admin, verified.

use super::*;

// S17
#[tokio::test]
async fn disabling_takes_effect_at_once_and_is_reversible_and_audited() {
    let (app, admin) = app_and_admin().await;
    let (email, ann) = app.subscriber("ann").await;
    let path = format!("/admin/users/{}/status", id(&ann));
    let known = entries(&app, &admin, id(&ann)).await.len();
    app.advance(1); // entries of the same time have no order
    let same = patch(&app, &admin, &path, json!({"is_active": true})).await.expect(200).body;
    assert_eq!(same, ann.user);
    let closed = patch(&app, &admin, &path, json!({"is_active": false})).await.expect(200).body;
    assert_eq!(closed["is_active"], false);
    app.get_as(&ann, "/me").await.refused(401, "unauthenticated");
    app.refresh(&ann.refresh).await.refused(401, "invalid_refresh_token");
    app.advance(1);
    app.login(&email, tollgate_tests::app::PASSWORD).await.refused(403, "account_disabled");
    app.advance(1);
    patch(&app, &admin, &path, json!({"is_active": false})).await.expect(200);
    let subscription = app.get_as(&admin, &format!("/admin/users/{}/subscriptions", id(&ann))).await.expect(200).body;
    let kept = &subscription["items"][0];
    assert_eq!((&kept["status"], &kept["cancel_at_period_end"]), (&json!("active"), &json!(false)), "it goes on");
    patch(&app, &admin, &path, json!({"is_active": true})).await.expect(200);
    app.get_as(&ann, "/me").await.refused(401, "unauthenticated");
    app.advance(1);
    app.sign_in(&email).await;
    let admin_id = json!(id(&admin));
    let found = entries(&app, &admin, id(&ann)).await[known..].to_vec();
    let wanted = [
        (
            "user.disabled".into(),
            json!({"is_active": true}),
            json!({"is_active": false, "sessions_ended": 1}),
            admin_id.clone(),
        ),
        ("user.sign_in_failed".into(), Value::Null, found[1].2.clone(), Value::Null),
        ("user.enabled".into(), json!({"is_active": false}), json!({"is_active": true}), admin_id),
        ("user.signed_in".into(), Value::Null, found[3].2.clone(), json!(id(&ann))),
    ];
    assert_eq!(found, wanted);
}

// S17
#[tokio::test]
async fn a_role_takes_effect_and_ends_with_the_next_request() {
    let (app, admin) = app_and_admin().await;
    let (_, ann) = app.person("ann").await;
    let path = format!("/admin/users/{}/role", id(&ann));
    app.get_as(&ann, "/admin/users").await.refused(403, "forbidden");
    patch(&app, &admin, &path, json!({"is_admin": true})).await.expect(200);
    app.get_as(&ann, "/admin/users").await.expect(200);
    patch(&app, &admin, &path, json!({"is_admin": true})).await.expect(200);
    app.advance(1);
    let demoted = patch(&app, &ann, &path, json!({"is_admin": false})).await.expect(200).body;
    assert_eq!(demoted["is_admin"], false);
    app.get_as(&ann, "/admin/users").await.refused(403, "forbidden");
    let changes: Vec<_> =
        entries(&app, &admin, id(&ann)).await.into_iter().filter(|entry| entry.0 == "user.role_changed").collect();
    let change = |before: bool, after: bool, by: &Session| {
        ("user.role_changed".to_owned(), json!({"is_admin": before}), json!({"is_admin": after}), json!(id(by)))
    };
    assert_eq!(changes, [change(false, true, &admin), change(true, false, &ann)]);
}

#[tokio::test]
async fn an_admin_can_verify_an_address_and_the_account_is_never_swept() {
    let (app, admin) = app_and_admin().await;
    app.register("ann").await.expect(202);
    let unverified = all_pages(&app, &admin, "/admin/users?email_verified=false", 100).await;
    let [ann] = &unverified[..] else { panic!("{unverified:?}") };
    let ann = ann["id"].as_str().unwrap();
    let path = format!("/admin/users/{ann}/verify");
    for _ in 0..2 {
        let user = patch(&app, &admin, &path, json!({})).await.expect(200).body;
        assert_eq!(user["email_verified"], true);
    }
    app.advance(8 * 86_400);
    app.sweep("accounts").await.expect(200);
    assert_eq!(app.get_as(&app_admin(&app).await, &format!("/admin/users/{ann}")).await.expect(200).body["id"], ann);
    let admin = Session::of(&app.login(ADMIN.0, ADMIN.1).await.expect(200));
    let verified = entries(&app, &admin, ann).await.into_iter().filter(|entry| entry.0 == "user.verified");
    assert_eq!(verified.count(), 1);
}

// S17
#[tokio::test]
async fn the_last_active_admin_cannot_be_demoted_disabled_or_closed() {
    let (app, admin) = app_and_admin().await;
    let (_, second) = app.person("second").await;
    let own = |act: &str| format!("/admin/users/{}/{act}", id(&admin));
    patch(&app, &admin, &format!("/admin/users/{}/role", id(&second)), json!({"is_admin": true})).await.expect(200);
    patch(&app, &admin, &format!("/admin/users/{}/status", id(&second)), json!({"is_active": false})).await.expect(200);
    // The second one is an admin, but not an active one.
    let before = app.actions().await;
    patch(&app, &admin, &own("role"), json!({"is_admin": false})).await.refused(409, "last_admin");
    patch(&app, &admin, &own("status"), json!({"is_active": false})).await.refused(409, "last_admin");
    let password = json!({"password": ADMIN.1});
    app.post_as(&admin, "/deactivate", password.clone()).await.refused(409, "last_admin");
    app.post_as(&admin, "/me/delete", password).await.refused(409, "last_admin");
    assert_eq!(app.actions().await, before, "a refusal leaves no entry");
    patch(&app, &admin, &format!("/admin/users/{}/status", id(&second)), json!({"is_active": true})).await.expect(200);
    patch(&app, &admin, &own("role"), json!({"is_admin": false})).await.expect(200);
    app.get_as(&admin, "/admin/stats").await.refused(403, "forbidden");
}
