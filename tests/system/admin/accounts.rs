//! What an admin does for a user: passwords, sessions, mails, export, deletion, and the end of a subscription.

use super::*;

// B10, S27
#[tokio::test]
async fn verification_by_an_admin_ends_the_previous_password() {
    for is_active in [true, false] {
        let (app, admin) = app_and_admin().await;
        app.register("ann").await.expect(202);
        let email = "ann@example.com";
        let page = app.get_as(&admin, "/admin/users?email_verified=false").await.expect(200).body;
        let user = format!("/admin/users/{}", page["items"][0]["id"].as_str().unwrap());
        if !is_active {
            patch(&app, &admin, &format!("{user}/status"), json!({"is_active": false})).await.expect(200);
        }
        let link = app.link_token(email, "verify").await;
        let verified = patch(&app, &admin, &format!("{user}/verify"), json!({})).await.expect(200);
        assert_eq!(verified.body["email_verified"], true);
        patch(&app, &admin, &format!("{user}/status"), json!({"is_active": true})).await.expect(200);
        app.login(email, tollgate_tests::app::PASSWORD).await.refused(401, "invalid_credentials");
        app.post("/verify", json!({"token": link})).await;
        app.login(email, tollgate_tests::app::PASSWORD).await.refused(401, "invalid_credentials");
        assert!(app.table("credentials").await.iter().all(|row| row["pk"]["S"] != email));
        // The owner of the address sets a new password.
        app.post("/forget-password", json!({"email": email})).await.expect(202);
        let token = app.link_token(email, "reset").await;
        app.post("/new-password", json!({"token": token, "password": "another horse staple"})).await.expect(200);
        app.login(email, "another horse staple").await.expect(200);
    }
}

// B10, S27
#[tokio::test]
async fn a_role_for_an_unverified_address_is_refused() {
    let (app, admin) = app_and_admin().await;
    app.register("ann").await.expect(202);
    let page = app.get_as(&admin, "/admin/users?email_verified=false").await.expect(200).body;
    let user = format!("/admin/users/{}", page["items"][0]["id"].as_str().unwrap());
    let path = format!("{user}/role");
    let role = |is_admin: bool| patch(&app, &admin, &path, json!({"is_admin": is_admin}));
    role(true).await.refused(409, "email_not_verified");
    role(false).await.expect(200);
    patch(&app, &admin, &format!("{user}/status"), json!({"is_active": false})).await.expect(200);
    role(true).await.refused(409, "email_not_verified");
    patch(&app, &admin, &format!("{user}/verify"), json!({})).await.expect(200);
    role(true).await.expect(200);
    let granted = app.actions().await.into_iter().filter(|action| action == "user.role_changed").count();
    assert_eq!(granted, 1);
}

fn user_path(session: &Session, rest: &str) -> String {
    format!("/admin/users/{}{rest}", id(session))
}

#[tokio::test]
async fn an_admin_ends_one_session_of_a_user_or_all_and_each_is_recorded() {
    let (app, admin) = app_and_admin().await;
    let (email, first) = app.person("ann").await;
    let second = app.sign_in(&email).await;
    let third = app.sign_in(&email).await;
    let delete = async |path: &str| Request::delete_as(&admin, path).send(&app).await;
    let sessions = all_pages(&app, &first, "/sessions", 100).await;
    let oldest = sessions.iter().find(|session| session["current"] == true).unwrap()["id"].as_str().unwrap();
    // A session of another user has an id, but does not belong to this user.
    delete(&user_path(&admin, &format!("/sessions/{oldest}"))).await.refused(404, "not_found");
    delete(&user_path(&first, &format!("/sessions/{oldest}"))).await.expect(204);
    delete(&user_path(&first, &format!("/sessions/{oldest}"))).await.refused(404, "not_found");
    delete(&user_path(&first, "/sessions/none")).await.refused(404, "not_found");
    app.get_as(&first, "/me").await.refused(401, "unauthenticated");
    app.get_as(&second, "/me").await.expect(200);
    delete(&user_path(&first, "/sessions")).await.expect(204);
    for session in [&second, &third] {
        app.get_as(session, "/me").await.refused(401, "unauthenticated");
    }
    app.get_as(&admin, "/me").await.expect(200);
    let before = app.actions().await;
    delete(&user_path(&first, "/sessions")).await.expect(204);
    assert_eq!(app.actions().await, before, "without a session nothing changes");
    delete("/admin/users/usr_019ca945f4607c7b9c59379e3f571f07/sessions").await.refused(404, "not_found");
    let revoked = entries(&app, &admin, id(&first)).await;
    assert_eq!(revoked.iter().filter(|entry| entry.0 == "session.revoked").count(), 2);
    app.sign_in(&email).await;
}

#[tokio::test]
async fn an_admin_sends_a_user_the_mail_that_applies_and_ten_an_hour() {
    let app = TestApp::start_limited().await;
    let (_, admin) = app.person("admin").await;
    app.make_admins(&[&admin]).await;
    let (email, ann) = app.person("ann").await;
    let send = async |user: &str, body: Value| app.post_as(&admin, &format!("/admin/users/{user}/mail"), body).await;
    let message = send(id(&ann), json!({"kind": "verify"})).await.expect(202).body;
    assert_eq!(message["message"], "Nothing was sent: the address is verified.");
    send(id(&ann), json!({"kind": "reset"})).await.expect(202);
    let token = app.link_token(&email, "reset").await;
    app.post("/new-password", json!({"token": token, "password": "another horse staple"})).await.expect(200);
    app.register("bob").await.expect(202);
    let listed = app.get_as(&admin, "/admin/users?email_verified=false").await.expect(200).body;
    let bob = listed["items"][0]["id"].as_str().unwrap();
    app.drain().await;
    assert_eq!(app.mails("bob@example.com").await.len(), 1);
    send(bob, json!({"kind": "verify"})).await.expect(202);
    app.drain().await;
    assert_eq!(app.mails("bob@example.com").await.len(), 2);
    for body in [json!({"kind": "login_code"}), json!({"kind": null}), json!({})] {
        send(bob, body).await.refused(422, "validation_failed");
    }
    send("usr_019ca945f4607c7b9c59379e3f571f07", json!({"kind": "reset"})).await.refused(404, "not_found");
    // The refused bodies do not count.
    for _ in 0..9 {
        send(bob, json!({"kind": "verify"})).await.expect(202);
    }
    let refused = send(bob, json!({"kind": "verify"})).await;
    refused.refused(429, "rate_limited");
    send(id(&ann), json!({"kind": "reset"})).await.expect(202);
    app.advance(3600);
    let admin = app.sign_in("admin@example.com").await;
    app.post_as(&admin, &format!("/admin/users/{bob}/mail"), json!({"kind": "verify"})).await.expect(202);
}

#[tokio::test]
async fn an_admin_exports_and_deletes_a_user_on_request() {
    let (app, admin) = app_and_admin().await;
    let (email, ann) = app.subscriber("ann").await;
    let own = app.get_as(&ann, "/me/export").await.expect(200).body;
    let exported = app.get_as(&admin, &user_path(&ann, "/export")).await.expect(200).body;
    for part in ["user", "linked_identities", "subscriptions", "payments", "customer", "audit_entries"] {
        assert_eq!(exported[part], own[part], "{part}");
    }
    assert!(exported["sessions"].as_array().unwrap().iter().all(|session| session["current"] == false));
    // A disabled account can be deleted too.
    patch(&app, &admin, &user_path(&ann, "/status"), json!({"is_active": false})).await.expect(200);
    Request::delete_as(&admin, &user_path(&ann, "")).send(&app).await.expect(202);
    Request::delete_as(&admin, &user_path(&ann, "")).send(&app).await.refused(404, "not_found");
    app.get_as(&admin, &user_path(&ann, "")).await.refused(404, "not_found");
    app.get_as(&admin, &user_path(&ann, "/export")).await.refused(404, "not_found");
    app.login(&email, PASSWORD).await.refused(401, "invalid_credentials");
    app.drain().await;
    assert_eq!(app.stripe("subscriptions").await[0]["status"], "canceled");
    app.sweep("accounts").await.expect(200);
    app.member("ann").await;
    let deleted = entries(&app, &admin, id(&ann)).await.into_iter().filter(|entry| entry.0 == "user.deleted");
    assert_eq!(deleted.count(), 1);
}

#[tokio::test]
async fn a_deleted_account_cannot_be_verified() {
    let (app, admin) = app_and_admin().await;
    app.register("bob").await.expect(202);
    let token = app.link_token("bob@example.com", "verify").await;
    let code = app.code("bob@example.com", "verify").await;
    let listed = app.get_as(&admin, "/admin/users?email_verified=false").await.expect(200).body;
    let path = format!("/admin/users/{}", listed["items"][0]["id"].as_str().unwrap());
    Request::delete_as(&admin, &path).send(&app).await.expect(202);
    app.post("/verify", json!({"token": token})).await.refused(400, "invalid_token");
    app.post("/verify", json!({"email": "bob@example.com", "code": code})).await.refused(400, "invalid_token");
    patch(&app, &admin, &format!("{path}/verify"), json!({})).await.refused(404, "not_found");
    assert_eq!(app.get_as(&admin, "/admin/users?email_verified=false").await.expect(200).body["items"], json!([]));
    let entries = entries(&app, &admin, path.rsplit('/').next().unwrap()).await;
    assert!(entries.iter().all(|entry| entry.0 != "user.verified"));
}

// S17
#[tokio::test]
async fn the_last_admin_cannot_be_deleted() {
    let (app, admin) = app_and_admin().await;
    Request::delete_as(&admin, &user_path(&admin, "")).send(&app).await.refused(409, "last_admin");
    let (_, second) = app.person("second").await;
    patch(&app, &admin, &user_path(&second, "/role"), json!({"is_admin": true})).await.expect(200);
    patch(&app, &admin, &user_path(&second, "/status"), json!({"is_active": false})).await.expect(200);
    // A disabled admin does not count, so the deletion of one does not change the count.
    Request::delete_as(&admin, &user_path(&second, "")).send(&app).await.expect(202);
    assert_eq!(app.counted_admins().await, 1);
    Request::delete_as(&admin, &user_path(&admin, "")).send(&app).await.refused(409, "last_admin");
}

#[tokio::test]
async fn disabling_keeps_the_subscription_or_cancels_it_at_period_end() {
    for (change, cancels) in [
        (json!({"is_active": false}), false),
        (json!({"is_active": false, "subscription": null}), false),
        (json!({"is_active": false, "subscription": "keep"}), false),
        (json!({"is_active": false, "subscription": "cancel_at_period_end"}), true),
    ] {
        let (app, admin) = app_and_admin().await;
        let (email, ann) = app.subscriber("ann").await;
        patch(&app, &admin, &user_path(&ann, "/status"), change.clone()).await.expect(200);
        app.drain().await;
        assert_eq!(app.stripe("subscriptions").await[0]["cancel_at_period_end"], cancels, "{change}");
        app.login(&email, PASSWORD).await.refused(403, "account_disabled");
        // The same again changes nothing; a cancellation can follow.
        let before = app.actions().await;
        patch(&app, &admin, &user_path(&ann, "/status"), change.clone()).await.expect(200);
        assert_eq!(app.actions().await, before, "{change}");
        let cancel = json!({"is_active": false, "subscription": "cancel_at_period_end"});
        patch(&app, &admin, &user_path(&ann, "/status"), cancel).await.expect(200);
        app.drain().await;
        assert_eq!(app.stripe("subscriptions").await[0]["cancel_at_period_end"], true, "{change}");
        patch(&app, &admin, &user_path(&ann, "/status"), json!({"is_active": true})).await.expect(200);
        app.sign_in(&email).await;
    }
    let (app, admin) = app_and_admin().await;
    let unknown = json!({"is_active": false, "subscription": "refund"});
    patch(&app, &admin, &user_path(&admin, "/status"), unknown).await.refused(422, "validation_failed");
}
