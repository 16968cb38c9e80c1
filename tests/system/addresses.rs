//! Changing an account's address (S5).

use serde_json::{Value, json};
use tollgate_tests::app::{PASSWORD, TestApp};

async fn ask(app: &TestApp, session: &tollgate_tests::app::Session, to: &str) {
    app.post_as(session, "/change-email", json!({"new_email": to, "password": PASSWORD})).await.expect(202);
}

fn kinds(mails: &[Value]) -> Vec<&str> {
    mails.iter().map(|mail| mail["kind"].as_str().unwrap()).collect()
}

// S5
#[tokio::test]
async fn an_address_changes_on_verification_and_the_old_one_is_notified() {
    for by_code in [false, true] {
        let app = TestApp::start().await;
        let (old, session) = app.person("ann").await;
        let new = "Ann.New@example.org";
        ask(&app, &session, new).await;
        assert_eq!(app.get_as(&session, "/me").await.body["email"], old.as_str(), "nothing yet");
        let mail = app.mail(new, "verify").await;
        assert!(mail["text"].as_str().unwrap().contains("ann"));
        let link = app.link_token(new, "verify").await;
        let verification = if by_code { json!({"email": new, "code": mail["code"]}) } else { json!({"token": link}) };
        let page = app.get(&format!("/verify?token={link}")).await.expect(200);
        assert!(page.text.contains("<strong>ann</strong>") && page.text.contains("should use this e-mail address"));
        app.post("/verify", verification).await.expect(200);

        let me = app.get_as(&session, "/me").await.expect(200);
        assert_eq!((&me.body["email"], &me.body["has_password"]), (&json!(new), &json!(true)));
        app.login(&old, PASSWORD).await.refused(401, "invalid_credentials");
        app.login("ann.new@EXAMPLE.org", PASSWORD).await.expect(200);
        assert!(kinds(&app.mails(&old).await).contains(&"email_changed"));
        assert!(app.actions().await.contains(&"user.email_changed".to_owned()));
        // The link again: the change is done. The code again: it was valid once.
        app.post("/verify", json!({"token": link})).await.expect(200);
        if by_code {
            app.post("/verify", json!({"email": new, "code": mail["code"]})).await.refused(400, "invalid_token");
        }
        // The old address is free.
        app.post("/register", json!({"email": old, "username": "ann-2", "password": PASSWORD})).await.expect(202);
        assert_eq!(kinds(&app.mails(&old).await)[0], "verify");
    }
}

// S5
#[tokio::test]
async fn a_change_of_address_needs_the_password_or_a_fresh_sign_in() {
    let app = TestApp::start().await;
    let (_, session) = app.person("ann").await;
    let body = |password: Option<&str>| json!({"new_email": "new@example.com", "password": password});
    app.post_as(&session, "/change-email", body(Some("not it"))).await.refused(403, "wrong_password");
    app.post_as(&session, "/change-email", body(None)).await.expect(202);
    app.advance(5 * 60 + 1);
    app.post_as(&session, "/change-email", body(None)).await.refused(403, "reauthentication_required");
    app.post_as(&session, "/change-email", body(Some(PASSWORD))).await.expect(202);
    app.post_as(&session, "/change-email", json!({"new_email": "nonsense"})).await.refused(422, "invalid_email");
    app.post("/change-email", body(None)).await.refused(401, "unauthenticated");
}

// S6
#[tokio::test]
async fn a_taken_address_gets_the_same_answer_and_only_its_owner_gets_a_mail() {
    let app = TestApp::start().await;
    let (_, session) = app.person("ann").await;
    let bob = app.member("bob").await;
    let free = app.post_as(&session, "/change-email", json!({"new_email": "new@example.com"})).await.expect(202);
    let taken = app.post_as(&session, "/change-email", json!({"new_email": bob})).await.expect(202);
    assert_eq!(free.text, taken.text);
    let mails = app.mails(&bob).await;
    assert_eq!(mails[0]["kind"], "already_registered");
    assert!(mails[0]["code"].is_null() && !mails[0]["text"].as_str().unwrap().contains("token="));
}

#[tokio::test]
async fn an_address_is_not_reserved_and_the_first_to_verify_gets_it() {
    let app = TestApp::start().await;
    let (_, ann) = app.person("ann").await;
    let (_, bob) = app.person("bob").await;
    let new = "new@example.com";
    ask(&app, &ann, new).await;
    let anns = app.link_token(new, "verify").await;
    app.advance(1);
    ask(&app, &bob, new).await;
    let bobs = app.link_token(new, "verify").await;
    assert_ne!(anns, bobs);
    app.post("/verify", json!({"token": anns})).await.expect(200);
    app.post("/verify", json!({"token": bobs})).await.refused(400, "invalid_token");
    assert_eq!(app.get_as(&ann, "/me").await.body["email"], new);
    assert_eq!(app.get_as(&bob, "/me").await.body["email"], "bob@example.com");
}

#[tokio::test]
async fn a_link_for_a_new_address_ends_with_a_password_change_or_after_a_day() {
    for case in ["password", "address", "time"] {
        let app = TestApp::start().await;
        let (_, session) = app.person("ann").await;
        ask(&app, &session, "one@example.com").await;
        let link = app.link_token("one@example.com", "verify").await;
        match case {
            "password" => {
                let change = json!({"old_password": PASSWORD, "new_password": "another horse staple"});
                app.post_as(&session, "/change-password", change).await.expect(200);
            }
            "address" => {
                ask(&app, &session, "two@example.com").await;
                let second = app.link_token("two@example.com", "verify").await;
                app.post("/verify", json!({"token": second})).await.expect(200);
            }
            _ => app.advance(86_400),
        }
        let code = if case == "time" { "token_expired" } else { "invalid_token" };
        app.post("/verify", json!({"token": link})).await.refused(400, code);
    }
}

#[tokio::test]
async fn links_and_codes_of_the_old_address_are_refused_after_a_change() {
    let app = TestApp::start().await;
    let (old, session) = app.person("ann").await;
    app.post("/forget-password", json!({"email": old})).await.expect(202);
    app.post("/request/login-code", json!({"email": old})).await.expect(202);
    let (reset, code) = (app.link_token(&old, "reset").await, app.code(&old, "login_code").await);
    ask(&app, &session, "new@example.com").await;
    let link = app.link_token("new@example.com", "verify").await;
    app.post("/verify", json!({"token": link})).await.expect(200);
    let body = json!({"token": reset, "password": "another horse staple"});
    app.post("/new-password", body).await.refused(400, "invalid_token");
    for email in [old.as_str(), "new@example.com"] {
        app.post("/login/code", json!({"email": email, "code": code})).await.refused(401, "invalid_code");
    }
}

// S11
#[tokio::test]
async fn five_wrong_tries_end_the_code_for_a_new_address() {
    let app = TestApp::start().await;
    let (_, session) = app.person("ann").await;
    ask(&app, &session, "new@example.com").await;
    let code = app.code("new@example.com", "verify").await;
    let wrong = format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000);
    for _ in 0..5 {
        app.post("/verify", json!({"email": "new@example.com", "code": wrong})).await.refused(400, "invalid_token");
    }
    app.post("/verify", json!({"email": "new@example.com", "code": code})).await.refused(400, "invalid_token");
}

// B6, S5
#[tokio::test]
async fn the_old_address_is_notified_when_a_change_is_requested() {
    let app = TestApp::start().await;
    let (old, session) = app.person("ann").await;
    app.member("bob").await;
    for to in ["new@example.com", "bob@example.com"] {
        ask(&app, &session, to).await;
        let mails = app.mails(&old).await;
        assert_eq!(mails[0]["kind"], "email_change_requested", "{to}");
        let text = mails[0]["text"].as_str().unwrap();
        assert!(!text.contains("token=") && mails[0]["code"].is_null(), "{text}");
        assert!(!text.contains(to), "the mail contains no address of another user");
        app.send(reqwest::Method::DELETE, "/_local/emails", &[], None).await;
    }
    let requested = app.actions().await.iter().filter(|action| *action == "user.email_change_requested").count();
    assert_eq!(requested, 2);
}

// B6, S5, S17
#[tokio::test]
async fn a_pending_change_of_address_ends_with_the_session_that_requested_it() {
    for end in ["logout", "revoked", "reset", "disabled", "expired"] {
        for by_code in [false, true] {
            let env = vec![("VALIDATION_TOKEN_EXPIRE".to_owned(), "100d".to_owned())];
            let env = [env, tollgate_tests::app::no_limits()].concat();
            let admin = Some((
                tollgate_tests::app::ADMIN.0.to_owned(),
                tollgate_platform::Secret::new(tollgate_tests::app::ADMIN.1.to_owned()),
            ));
            let app =
                TestApp::start_with(tollgate_local::Options { env, admin, ..tollgate_tests::app::options() }).await;
            let (old, owner) = app.person("ann").await;
            let thief = app.sign_in(&old).await;
            ask(&app, &thief, "thief@example.com").await;
            let mail = app.mail("thief@example.com", "verify").await;
            let link = app.link_token("thief@example.com", "verify").await;
            match end {
                "logout" => {
                    app.with_cookie("/logout", &thief.refresh).await.expect(204);
                }
                "revoked" => {
                    let sessions = app.get_as(&owner, "/sessions").await.body;
                    let other =
                        sessions["items"].as_array().unwrap().iter().find(|row| row["current"] == false).unwrap();
                    let path = format!("/sessions/{}", other["id"].as_str().unwrap());
                    app.delete_as(&owner, &path).await.expect(204);
                }
                "reset" => {
                    app.post("/forget-password", json!({"email": old})).await.expect(202);
                    let token = app.link_token(&old, "reset").await;
                    let body = json!({"token": token, "password": "another horse staple"});
                    app.post("/new-password", body).await.expect(200);
                }
                "disabled" => {
                    let admin = app.login(tollgate_tests::app::ADMIN.0, tollgate_tests::app::ADMIN.1).await.expect(200);
                    let admin = tollgate_tests::app::Session::of(&admin);
                    let path = format!("/admin/users/{}/status", owner.user["id"].as_str().unwrap());
                    for is_active in [false, true] {
                        crate::admin::patch(&app, &admin, &path, json!({"is_active": is_active})).await.expect(200);
                    }
                }
                _ => app.advance(90 * 86_400),
            }
            let verification = match by_code {
                true => json!({"email": "thief@example.com", "code": mail["code"]}),
                false => json!({"token": link}),
            };
            app.post("/verify", verification).await.refused(400, "invalid_token");
            assert!(app.mails("thief@example.com").await.iter().all(|mail| mail["kind"] == "verify"), "{end}");
            let markers = app.table("identity").await;
            assert!(markers.iter().any(|row| row["pk"]["S"] == format!("EMAIL#{old}")), "{end}: the address stays");
        }
    }
}

/// An identity at the provider with this address, linked to the account of `session`.
async fn link(app: &TestApp, session: &tollgate_tests::app::Session, provider: &str, email: &str) -> String {
    let subject = tollgate_tests::browser::verified_account(app, provider, email).await;
    let body = json!({"password": PASSWORD});
    let begun = app.post_as(session, &format!("/me/links/{provider}"), body).await.expect(200);
    let browser = tollgate_tests::browser::Browser::new(app);
    browser.set_cookie("oauth_state", &begun.cookie("oauth_state").unwrap());
    let back = browser.consent_at(begun.body["authorize_url"].as_str().unwrap().to_owned(), &subject).await;
    browser.get(&back).await.expect(302);
    subject
}

// B9, S22
#[tokio::test]
async fn a_change_of_address_unlinks_the_identities_of_other_addresses() {
    let app = TestApp::start().await;
    let (_, session) = app.person("ann").await;
    let google = link(&app, &session, "google", "attacker@example.org").await;
    let github = link(&app, &session, "github", "New@Example.com").await;
    ask(&app, &session, "new@example.com").await;
    let mail = app.mail("new@example.com", "verify").await;
    let (text, html) = (mail["text"].as_str().unwrap(), mail["html"].as_str().unwrap());
    for part in [text, html] {
        assert!(part.contains("Google") && !part.contains("GitHub"), "the mail names what is unlinked: {part}");
    }
    let token = app.link_token("new@example.com", "verify").await;
    app.post("/verify", json!({"token": token})).await.expect(200);
    let me = app.get_as(&session, "/me").await.expect(200).body;
    assert_eq!(me["linked_providers"], json!(["github"]));
    let by_google = tollgate_tests::browser::Browser::new(&app).sign_in("google", &google).await.expect(200);
    assert_ne!(by_google.body["user"]["id"], me["id"], "the identity is free");
    let by_github = tollgate_tests::browser::Browser::new(&app).sign_in("github", &github).await.expect(200);
    assert_eq!(by_github.body["user"]["id"], me["id"], "this one has the new address");
    assert!(app.actions().await.contains(&"user.unlinked".to_owned()));
}

// B9, S22
#[tokio::test]
async fn the_provider_of_the_registration_is_unlinked_with_its_address() {
    for provider in ["google", "github"] {
        let app = TestApp::start().await;
        let subject = tollgate_tests::browser::verified_account(&app, provider, "first@example.com").await;
        let answer = tollgate_tests::browser::Browser::new(&app).sign_in(provider, &subject).await.expect(200);
        let session = tollgate_tests::app::Session::of(&answer);
        app.post_as(&session, "/change-email", json!({"new_email": "victim@example.com"})).await.expect(202);
        let token = app.link_token("victim@example.com", "verify").await;
        app.post("/verify", json!({"token": token})).await.expect(200);
        let again = tollgate_tests::browser::Browser::new(&app).sign_in(provider, &subject).await.expect(200);
        assert_ne!(again.body["user"]["id"], answer.body["user"]["id"]);
        // The owner of the new address sets a password.
        app.post("/forget-password", json!({"email": "victim@example.com"})).await.expect(202);
        let token = app.link_token("victim@example.com", "reset").await;
        app.post("/new-password", json!({"token": token, "password": PASSWORD})).await.expect(200);
        let session = app.sign_in("victim@example.com").await;
        assert_eq!(session.user["id"], answer.body["user"]["id"]);
    }
}
