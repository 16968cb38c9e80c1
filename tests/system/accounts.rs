//! Registration and sign-in.

use futures_util::future::join_all;
use serde_json::json;
use tollgate_local::Options;
use tollgate_tests::app::{ADMIN, PASSWORD, TestApp, options};

#[tokio::test]
async fn a_user_registers_verifies_the_address_and_signs_in() {
    let app = TestApp::start().await;
    app.register("ann").await.expect(202);
    app.login("ann@example.com", PASSWORD).await.refused(401, "invalid_credentials");
    let token = app.link_token("ann@example.com", "verify").await;
    app.post("/verify", json!({"token": token})).await.expect(200);
    let answer = app.login("ann@example.com", PASSWORD).await.expect(200);
    let user = &answer.body["user"];
    assert_eq!((&answer.body["token_type"], &answer.body["expires_in"]), (&json!("Bearer"), &json!(900)));
    for (field, value) in [
        ("email", json!("ann@example.com")),
        ("username", json!("ann")),
        ("provider", json!("local")),
        ("email_verified", json!(true)),
        ("is_active", json!(true)),
        ("is_admin", json!(false)),
        ("created_at", json!("2026-03-01T12:00:00Z")),
    ] {
        assert_eq!(user[field], value, "{field}");
    }
    assert!(user["id"].as_str().unwrap().starts_with("usr_"));
    let session = tollgate_tests::app::Session::of(&answer);
    let me = app.get_as(&session, "/me").await.expect(200).body;
    assert_eq!(
        (&me["id"], &me["tier"], &me["has_password"], &me["linked_providers"]),
        (&user["id"], &json!(0), &json!(true), &json!([]))
    );
    let trail = ["user.registered", "user.sign_in_failed", "user.signed_in", "user.verified"];
    assert_eq!(app.actions().await, trail);
}

// S14
#[tokio::test]
async fn an_address_is_one_account_in_any_spelling_and_mail_uses_the_first() {
    let app = TestApp::start().await;
    app.post("/register", json!({"email": " Ann@Example.COM ", "username": "ann", "password": PASSWORD}))
        .await
        .expect(202);
    app.post("/register", json!({"email": "aNN@example.com", "username": "ann2", "password": PASSWORD}))
        .await
        .expect(202);
    let mails = app.mails("Ann@example.com").await;
    assert_eq!(mails.iter().filter(|mail| mail["kind"] == "verify").count(), 1);
    assert_eq!(mails.iter().map(|mail| &mail["to"]).collect::<Vec<_>>(), ["Ann@example.com", "Ann@example.com"]);
    let token = app.link_token("Ann@example.com", "verify").await;
    app.post("/verify", json!({"token": token})).await.expect(200);
    for spelling in ["ann@example.com", "ANN@EXAMPLE.COM", "\tａnn@example.com "] {
        app.login(spelling, PASSWORD).await.expect(200);
    }
}

// R9
#[tokio::test]
async fn fifty_parallel_registrations_make_one_account_and_one_mail() {
    let app = TestApp::start().await;
    let spellings = ["ann@example.com", "Ann@example.com", " ann@EXAMPLE.com", "aNN@example.com"];
    let answers = join_all((0..50).map(|n| {
        let body = json!({"email": spellings[n % 4], "username": format!("ann{n}"), "password": PASSWORD});
        let app = &app;
        async move { app.post("/register", body).await }
    }))
    .await;
    assert!(answers.iter().all(|answer| answer.status == 202));
    app.drain().await;
    let mails = app.get("/_local/emails").await.body["items"].as_array().unwrap().clone();
    assert_eq!(mails.iter().filter(|mail| mail["kind"] == "verify").count(), 1);
    assert_eq!(app.table("credentials").await.len(), 1);
    assert_eq!(app.table("gate").await.len(), 1);
    assert_eq!(app.table("identity").await.len(), 3, "a profile and its two markers");
}

#[tokio::test]
async fn a_user_name_is_taken_in_any_case_and_reserved_for_a_week() {
    let app = TestApp::start().await;
    app.register("ann").await.expect(202);
    let ask = |email: &'static str, name: &'static str| {
        app.post("/register", json!({"email": email, "username": name, "password": PASSWORD}))
    };
    ask("bob@example.com", "ANN").await.refused(409, "username_taken");
    // For a known address the name stays free, so a 409 reveals nothing about the address.
    ask("ann@example.com", "cid").await.expect(202);
    ask("bob@example.com", "Cid").await.refused(409, "username_taken");
    ask("ann@example.com", "ann").await.refused(409, "username_taken");
    app.advance(7 * 86_400 - 1);
    ask("bob@example.com", "cid").await.refused(409, "username_taken");
    app.advance(1);
    ask("bob@example.com", "cid").await.expect(202);
}

#[tokio::test]
async fn every_wrong_field_of_a_registration_is_named_and_nothing_is_written() {
    let app = TestApp::start().await;
    for (body, code, field) in [
        (json!({"username": "ann", "password": PASSWORD}), "validation_failed", "email"),
        (json!({"email": "ann@example.com", "username": "ann"}), "validation_failed", "password"),
        (json!({"email": "ann@example.com", "username": 7, "password": PASSWORD}), "validation_failed", "username"),
        (json!({"email": "ann", "username": "ann", "password": PASSWORD}), "invalid_email", "email"),
        (json!({"email": "ann@example.com", "username": "a", "password": PASSWORD}), "invalid_username", "username"),
        (json!({"email": "ann@example.com", "username": "ann", "password": "short"}), "weak_password", "password"),
        (
            json!({"email": "ann@example.com", "username": "ann", "password": "x".repeat(1025)}),
            "weak_password",
            "password",
        ),
    ] {
        let answer = app.post("/register", body).await.refused(422, code);
        assert_eq!(
            (&answer.body["errors"][0]["field"], &answer.body["errors"][0]["code"]),
            (&json!(field), &json!(code))
        );
    }
    for table in ["identity", "credentials", "gate", "sessions", "outbox", "audit", "limits"] {
        assert!(app.table(table).await.is_empty(), "{table}");
    }
}

#[tokio::test]
async fn read_only_fields_in_a_body_have_no_effect() {
    let app = TestApp::start().await;
    let body = json!({"email": "ann@example.com", "username": "ann", "password": PASSWORD, "is_admin": true, "tier": 9, "email_verified": true});
    app.post("/register", body).await.expect(202);
    app.login("ann@example.com", PASSWORD).await.refused(401, "invalid_credentials");
    let token = app.link_token("ann@example.com", "verify").await;
    app.post("/verify", json!({"token": token})).await.expect(200);
    let session = app.sign_in("ann@example.com").await;
    let me = app.get_as(&session, "/me").await.body;
    assert_eq!((&me["is_admin"], &me["tier"]), (&json!(false), &json!(0)));
}

// S17
#[tokio::test]
async fn a_closed_account_is_out_at_once_and_stays_out() {
    let app = TestApp::start().await;
    let (email, session) = app.person("ann").await;
    app.advance(301);
    app.post_as(&session, "/deactivate", json!({})).await.refused(403, "reauthentication_required");
    app.post_as(&session, "/deactivate", json!({"password": "another password"})).await.refused(403, "wrong_password");
    app.post_as(&session, "/deactivate", json!({"password": PASSWORD})).await.expect(200);
    app.get_as(&session, "/me").await.refused(401, "unauthenticated");
    app.refresh(&session.refresh).await.refused(401, "invalid_refresh_token");
    app.login(&email, PASSWORD).await.refused(403, "account_disabled");
    app.login(&email, "another password").await.refused(401, "invalid_credentials");
    assert!(app.actions().await.contains(&"user.deactivated".to_owned()));
}

#[tokio::test]
async fn a_fresh_sign_in_needs_no_password_and_a_refresh_is_no_sign_in() {
    let app = TestApp::start().await;
    let (_, fresh) = app.person("ann").await;
    app.advance(300);
    app.post_as(&fresh, "/deactivate", json!({})).await.expect(200);
    let (_, old) = app.person("bob").await;
    app.advance(301);
    let refreshed = tollgate_tests::app::Session::of(&app.refresh(&old.refresh).await.expect(200));
    app.post_as(&refreshed, "/deactivate", json!({})).await.refused(403, "reauthentication_required");
}

#[tokio::test]
async fn the_last_active_admin_cannot_close_the_account() {
    let app = TestApp::start_with_admin().await;
    let admin = tollgate_tests::app::Session::of(&app.login(ADMIN.0, ADMIN.1).await.expect(200));
    assert_eq!(admin.user["is_admin"], true);
    app.post_as(&admin, "/deactivate", json!({})).await.refused(409, "last_admin");
    app.get_as(&admin, "/me").await.expect(200);
}

// S4
#[tokio::test]
async fn a_hash_with_older_parameters_is_renewed_at_the_next_sign_in() {
    use argon2::password_hash::PasswordHasher;
    use argon2::{Algorithm, Argon2, Params, Version};
    let app = TestApp::start_with(Options { password_cost: None, ..options() }).await;
    let email = app.member("ann").await;
    let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(4096, 1, 1, None).unwrap());
    let weak = weak.hash_password_with_salt(PASSWORD.as_bytes(), &[7; 16]).unwrap().to_string();
    let update = json!({
        "TableName": "tollgate-credentials", "Key": {"pk": {"S": email}}, "UpdateExpression": "SET #h = :h",
        "ExpressionAttributeNames": {"#h": "hash"}, "ExpressionAttributeValues": {":h": {"S": weak}},
    });
    app.stack.database().update_item(serde_json::from_value(update).unwrap()).unwrap();
    app.login(&email, PASSWORD).await.expect(200);
    let hash = app.table("credentials").await[0]["hash"]["S"].as_str().unwrap().to_owned();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    app.login(&email, PASSWORD).await.expect(200);
}

// B4, S14
#[tokio::test]
async fn an_address_that_mail_cannot_reach_is_refused_everywhere() {
    let app = TestApp::start().await;
    let (_, session) = app.person("ann").await;
    for email in [
        "jörg@example.test",
        "x\u{3164}@example.test",
        "x\u{115f}y@example.test",
        "ann\u{200b}a@example.test",
        "ann@exa\u{ad}mple.test",
        "ann@example\u{2060}.test",
        "ann\u{fe0f}@example.test",
        "иван@example.test",
    ] {
        let body = json!({"email": email, "username": "someone", "password": PASSWORD});
        app.post("/register", body).await.refused(422, "invalid_email");
        for path in ["/request/verify", "/request/login-code", "/forget-password"] {
            app.post(path, json!({"email": email})).await.refused(422, "invalid_email");
        }
        let body = json!({"new_email": email, "password": PASSWORD});
        app.post_as(&session, "/change-email", body).await.refused(422, "invalid_email");
        app.login(email, PASSWORD).await.refused(401, "invalid_credentials");
    }
}

// B4, S14
#[tokio::test]
async fn invisible_characters_around_and_hyphens_in_the_domain_are_accepted() {
    let app = TestApp::start().await;
    for (n, (typed, address)) in [
        ("\u{200b}ann@example.test\u{200b}", "ann@example.test"),
        ("\u{feff}bob@example.test", "bob@example.test"),
        (" \u{200e}cem@example.test\u{3164}\n", "cem@example.test"),
        ("ann@my--shop.example", "ann@my--shop.example"),
        ("ann@ab--cd.ef--gh.example", "ann@ab--cd.ef--gh.example"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({"email": typed, "username": format!("name{n}"), "password": PASSWORD});
        app.post("/register", body).await.expect(202);
        let token = app.link_token(address, "verify").await;
        app.post("/verify", json!({"token": token})).await.expect(200);
        assert_eq!(app.login(typed, PASSWORD).await.expect(200).body["user"]["email"], address);
    }
}

// B8
#[tokio::test]
async fn a_sign_in_to_an_unverified_address_mails_the_verification_again() {
    let app = TestApp::start_limited().await;
    app.register("ann").await.expect(202);
    let email = "ann@example.com";
    let verifications = async || app.mails(email).await.iter().filter(|mail| mail["kind"] == "verify").count();
    let wrong = app.login(email, "not the password").await.refused(401, "invalid_credentials");
    assert_eq!(verifications().await, 1, "not for a wrong password");
    let mut right = app.login(email, PASSWORD).await.refused(401, "invalid_credentials");
    assert_eq!(verifications().await, 2);
    assert_eq!(right.body["detail"], wrong.body["detail"]);
    for minute in 0..20 {
        app.advance(60 * 15);
        right = app.login(email, PASSWORD).await.refused(401, "invalid_credentials");
        assert!(verifications().await <= 10, "{minute}");
    }
    assert!(right.body["detail"].as_str().unwrap().contains("verif"));
    let token = app.link_token(email, "verify").await;
    app.post("/verify", json!({"token": token})).await.expect(200);
    app.login(email, PASSWORD).await.expect(200);
}

// E9
#[tokio::test]
async fn a_registration_reports_all_invalid_fields_at_once() {
    let app = TestApp::start().await;
    let register = |email: &str, username: &str, password: &str| {
        app.post("/register", json!({"email": email, "username": username, "password": password}))
    };
    let (email, username, password) = ("invalid_email", "invalid_username", "weak_password");
    for (sent, wanted) in [
        (["not an address", "a", "short"], &[email, username, password][..]),
        (["not an address", "ann", "short"], &[email, password]),
        (["not an address", "a", PASSWORD], &[email, username]),
        (["ann@example.com", "a", "password"], &[username, password]),
        // Composed of the name only, or of the address only, whatever the other field is.
        (["not an address", "annabelle", "annabelle1"], &[email, password]),
        (["annabelle@example.com", "a", "annabelle1"], &[username, password]),
        (["ann@example.com", "ann", "short"], &[password]),
    ] {
        let answer = register(sent[0], sent[1], sent[2]).await.refused(422, wanted[0]);
        let errors = answer.body["errors"].as_array().unwrap();
        let codes: Vec<_> = errors.iter().map(|error| error["code"].as_str().unwrap()).collect();
        assert_eq!(codes, wanted, "{sent:?}");
        for error in errors {
            let field = match error["code"].as_str().unwrap() {
                "invalid_email" => "email",
                "invalid_username" => "username",
                _ => "password",
            };
            assert_eq!(error["field"], field);
            assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()));
        }
        assert_eq!(answer.body["detail"], errors[0]["message"]);
    }
}
