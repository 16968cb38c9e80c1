//! Linking and unlinking of providers.

use reqwest::Method;
use serde_json::json;
use tollgate_tests::app::{PASSWORD, Session, TestApp};
use tollgate_tests::browser::{Browser, location, verified_account};

const JSON: (&str, &str) = ("accept", "application/json");

/// The address to which the provider redirects after a signed-in user asked to link it.
async fn asked(app: &TestApp, browser: &Browser<'_>, session: &Session, provider: &str, subject: &str) -> String {
    let answer = app.post_as(session, &format!("/me/links/{provider}"), json!({})).await.expect(200);
    browser.set_cookie("oauth_state", &answer.cookie("oauth_state").unwrap());
    browser.consent_at(answer.body["authorize_url"].as_str().unwrap().to_owned(), subject).await
}

#[tokio::test]
async fn a_user_links_a_provider_signs_in_by_it_and_unlinks_it() {
    for provider in ["google", "github"] {
        let app = TestApp::start().await;
        let (email, session) = app.person("ann").await;
        let subject = verified_account(&app, provider, "another@example.com").await;
        let browser = Browser::new(&app);
        let back = asked(&app, &browser, &session, provider, &subject).await;
        let answer = browser.get(&back).await.expect(302);
        assert_eq!(location(&answer), format!("{}/account?linked={provider}", app.stack.base_url()));
        assert!(answer.headers.get("set-cookie").is_none(), "no session by it");
        let me = app.get_as(&session, "/me").await.expect(200).body;
        assert_eq!((&me["linked_providers"], &me["email"]), (&json!([provider]), &json!(email)));
        let notice = app.mail(&email, "provider_linked").await;
        assert!(notice["code"].is_null() && notice["text"].as_str().unwrap().contains("ann"));

        let other = Browser::new(&app).sign_in(provider, &subject).await.expect(200);
        assert_eq!(other.body["user"]["email"], email.as_str());
        app.post_as(&session, &format!("/me/links/{provider}"), json!({})).await.refused(409, "already_linked");

        app.delete_as(&session, &format!("/me/links/{provider}")).await.expect(204);
        app.delete_as(&session, &format!("/me/links/{provider}")).await.refused(404, "not_found");
        assert_eq!(app.get_as(&session, "/me").await.body["linked_providers"], json!([]));
        // The identity is free: now it belongs to a new user.
        let newcomer = Browser::new(&app).sign_in(provider, &subject).await.expect(200);
        assert_ne!(newcomer.body["user"]["id"], me["id"]);
        let actions = app.actions().await;
        for action in ["user.linked", "user.unlinked"] {
            assert_eq!(actions.iter().filter(|found| *found == action).count(), 1, "{action}");
        }
    }
}

#[tokio::test]
async fn linking_needs_a_fresh_sign_in_and_a_configured_provider() {
    let app = TestApp::start().await;
    let (_, session) = app.person("ann").await;
    app.advance(5 * 60 + 1);
    app.post_as(&session, "/me/links/google", json!({})).await.refused(403, "reauthentication_required");
    app.post_as(&session, "/me/links/google", json!({"password": "no"})).await.refused(403, "wrong_password");
    app.post_as(&session, "/me/links/google", json!({"password": PASSWORD})).await.expect(200);
    for bad in ["facebook", "Google", "local"] {
        app.post_as(&session, &format!("/me/links/{bad}"), json!({"password": PASSWORD}))
            .await
            .refused(404, "not_found");
        app.delete_as(&session, &format!("/me/links/{bad}")).await.refused(404, "not_found");
    }
    app.post("/me/links/google", json!({})).await.refused(401, "unauthenticated");
}

// S22
#[tokio::test]
async fn an_identity_has_one_account_and_an_account_one_of_each_provider() {
    let app = TestApp::start().await;
    let (_, ann) = app.person("ann").await;
    let (_, bob) = app.person("bob").await;
    let (one, two) = (
        verified_account(&app, "google", "one@example.com").await,
        verified_account(&app, "google", "two@example.com").await,
    );
    let browser = Browser::new(&app);
    let json = async |browser: &Browser<'_>, back: &str| browser.send(Method::GET, back, &[JSON], None).await;
    // Two tabs, two identities: the second one is refused.
    let (first, second) = (
        asked(&app, &browser, &ann, "google", &one).await,
        asked(&app, &Browser::new(&app), &ann, "google", &two).await,
    );
    let other = Browser::new(&app);
    let again = asked(&app, &other, &ann, "google", &two).await;
    let answer = json(&browser, &first).await.expect(200);
    assert!(answer.body["message"].is_string() && answer.headers.get("set-cookie").is_none());
    json(&other, &again).await.refused(409, "already_linked");
    drop(second);

    let browser = Browser::new(&app);
    let back = asked(&app, &browser, &bob, "google", &one).await;
    json(&browser, &back).await.refused(409, "already_linked");
    let back = asked(&app, &browser, &bob, "google", &one).await;
    assert!(location(&browser.get(&back).await.expect(302)).ends_with("/account?error=already_linked"));
    assert_eq!(app.get_as(&bob, "/me").await.body["linked_providers"], json!([]));
}

// S17
#[tokio::test]
async fn a_link_whose_session_has_ended_is_refused() {
    let app = TestApp::start().await;
    let (_, session) = app.person("ann").await;
    let subject = verified_account(&app, "github", "x@example.com").await;
    let browser = Browser::new(&app);
    let back = asked(&app, &browser, &session, "github", &subject).await;
    app.with_cookie("/logout", &session.refresh).await.expect(204);
    browser.send(Method::GET, &back, &[JSON], None).await.refused(400, "oauth_state_mismatch");
    let session = app.sign_in("ann@example.com").await;
    assert_eq!(app.get_as(&session, "/me").await.body["linked_providers"], json!([]));
}

#[tokio::test]
async fn the_last_sign_in_method_cannot_be_removed() {
    let app = TestApp::start().await;
    let google = verified_account(&app, "google", "ann@example.com").await;
    let github = verified_account(&app, "github", "else@example.com").await;
    let session = Session::of(&Browser::new(&app).sign_in("google", &google).await.expect(200));
    app.delete_as(&session, "/me/links/google").await.refused(409, "last_sign_in_method");
    let browser = Browser::new(&app);
    let back = asked(&app, &browser, &session, "github", &github).await;
    browser.get(&back).await.expect(302);
    // Both at once: one of them stays.
    let (one, two) =
        tokio::join!(app.delete_as(&session, "/me/links/google"), app.delete_as(&session, "/me/links/github"));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 409]);
    assert_eq!(app.get_as(&session, "/me").await.body["linked_providers"].as_array().unwrap().len(), 1);
}

// B20, S5
#[tokio::test]
async fn unlinking_and_exporting_need_a_fresh_sign_in() {
    let app = TestApp::start().await;
    let (email, session) = app.person("ann").await;
    let subject = verified_account(&app, "google", "another@example.com").await;
    let browser = Browser::new(&app);
    let back = asked(&app, &browser, &session, "google", &subject).await;
    browser.get(&back).await.expect(302);
    app.get_as(&session, "/me/export").await.expect(200);
    app.advance(5 * 60 + 1);
    // A refresh is not a sign-in.
    let stolen = Session::of(&app.refresh(&session.refresh).await.expect(200));
    let delete = async |body: &str| {
        let bearer = format!("Bearer {}", stolen.access);
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        app.send(Method::DELETE, "/me/links/google", &headers, Some(body.to_owned())).await
    };
    app.delete_as(&stolen, "/me/links/google").await.refused(403, "reauthentication_required");
    for body in ["{}", "null", "", r#"{"password": null}"#] {
        delete(body).await.refused(403, "reauthentication_required");
    }
    delete(r#"{"password": "not it"}"#).await.refused(403, "wrong_password");
    app.get_as(&stolen, "/me/export").await.refused(403, "reauthentication_required");
    assert_eq!(app.get_as(&stolen, "/me").await.body["linked_providers"], json!(["google"]));
    delete(&json!({"password": PASSWORD}).to_string()).await.expect(204);
    app.get_as(&app.sign_in(&email).await, "/me/export").await.expect(200);
}

// B20, S5
#[tokio::test]
async fn the_password_exports_in_a_session_of_any_age_and_nothing_else_does() {
    let app = TestApp::start().await;
    let (_, session) = app.person("ann").await;
    let fresh = app.get_as(&session, "/me/export").await.expect(200).body;
    app.post_as(&session, "/me/export", json!({})).await.expect(200);
    app.advance(5 * 60);
    app.get_as(&session, "/me/export").await.expect(200);
    app.advance(1);
    let old = Session::of(&app.refresh(&session.refresh).await.expect(200));
    let bearer = format!("Bearer {}", old.access);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    for body in ["{}", "null", "", r#"{"password": null}"#, r#"{"old_password": "correct horse battery"}"#] {
        let answer = app.send(Method::POST, "/me/export", &headers, Some(body.to_owned())).await;
        answer.refused(403, "reauthentication_required");
    }
    app.send(Method::POST, "/me/export", &headers[..1], None).await.refused(403, "reauthentication_required");
    for wrong in ["not it", "", "correct horse batter", "Correct horse battery"] {
        app.post_as(&old, "/me/export", json!({"password": wrong})).await.refused(403, "wrong_password");
    }
    for no_body in [json!(["correct horse battery"]), json!({"password": 1}), json!("correct horse battery")] {
        app.post_as(&old, "/me/export", no_body).await.refused(422, "validation_failed");
    }
    app.get_as(&old, "/me/export").await.refused(403, "reauthentication_required");
    let mut exported = app.post_as(&old, "/me/export", json!({"password": PASSWORD})).await.expect(200).body;
    assert_eq!(exported["user"], fresh["user"]);
    assert_eq!(exported.as_object_mut().unwrap().keys().count(), fresh.as_object().unwrap().keys().count());
    assert!(!exported.to_string().contains("argon2"), "a hash is exported");
}

// B20, S5
#[tokio::test]
async fn an_account_without_a_password_exports_after_a_fresh_sign_in() {
    let app = TestApp::start().await;
    let subject = verified_account(&app, "google", "ann@example.com").await;
    let session = Session::of(&Browser::new(&app).sign_in("google", &subject).await);
    app.post_as(&session, "/me/export", json!({"password": PASSWORD})).await.refused(403, "wrong_password");
    app.post_as(&session, "/me/export", json!({})).await.expect(200);
}
