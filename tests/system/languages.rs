//! The language of pages and mails: that of the account, the one chosen in the browser, that of the browser.

use reqwest::Method;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tollgate_tests::app::{PASSWORD, Session, TestApp};
use tollgate_tests::request::Request;

async fn change(app: &TestApp, session: &Session, locale: Value) -> tollgate_tests::app::Answer {
    Request::patch_as(session, "/me", json!({"locale": locale})).send(app).await
}

#[tokio::test]
async fn a_user_changes_the_language_of_pages_and_mails() {
    let app = TestApp::start().await;
    let (email, session) = app.person("ann").await;
    assert_eq!(app.get_as(&session, "/me").await.expect(200).body["locale"], Value::Null);
    for (wanted, locale) in [(json!("de"), json!("de")), (json!("fr-CA"), json!("fr")), (json!("fr"), json!("fr"))] {
        assert_eq!(change(&app, &session, wanted).await.expect(200).body["locale"], locale);
        assert_eq!(app.get_as(&session, "/me").await.expect(200).body["locale"], locale);
        let signed_in = app.login(&email, PASSWORD).await.expect(200).body;
        assert_eq!(signed_in["user"]["locale"], locale, "the pages read it from the sign-in");
    }
    // A body without the field changes nothing, and neither does one that is refused.
    Request::patch_as(&session, "/me", json!({})).send(&app).await.expect(200);
    for wrong in [json!("nl"), json!(""), json!("de,fr"), json!("de;q=1"), json!(7), json!(["de"])] {
        let answer = change(&app, &session, wrong.clone()).await;
        let answer = answer.refused(422, "validation_failed");
        assert_eq!(answer.body["errors"][0]["field"], "locale", "{wrong}");
    }
    let body = json!({"old_password": PASSWORD, "new_password": "another long pass phrase"});
    app.post_as(&session, "/change-password", body).await.expect(200);
    let mail = app.mail(&email, "password_changed").await;
    assert_eq!(mail["subject"], "Votre mot de passe Tollgate a été modifié");
    assert_eq!(app.get_as(&session, "/me/export").await.expect(200).body["user"]["locale"], "fr");

    assert_eq!(change(&app, &session, Value::Null).await.expect(200).body["locale"], Value::Null);
    assert_eq!(app.get_as(&session, "/me").await.expect(200).body["locale"], Value::Null);
}

#[tokio::test]
async fn the_language_chosen_in_a_browser_counts_before_its_own() {
    let app = TestApp::start().await;
    let email = "aiko@example.com";
    let headers = [("content-type", "application/json"), ("accept-language", "de"), ("cookie", "a=b; language=ja")];
    let body = json!({"email": email, "username": "aiko", "password": PASSWORD}).to_string();
    app.send(Method::POST, "/register", &headers, Some(body)).await.expect(202);
    assert_eq!(app.mail(email, "verify").await["subject"], "Tollgateのメールアドレスを確認してください");
    let link = format!("/verify?token={}", app.link_token(email, "verify").await);
    for path in ["/account", "/account/billing", "/account/nonsense", "/new-password?token=x", link.as_str()] {
        for (accepted, cookie, lang) in [
            ("de-CH, en;q=0.5", "a=b", "de"),
            ("de", "language=ja", "ja"),
            ("de", "language=nl", "de"),
            ("nl", "language=", "en"),
            ("fr", "language=<script>", "fr"),
        ] {
            let headers = [("accept", "text/html"), ("accept-language", accepted), ("cookie", cookie)];
            let page = app.send(Method::GET, path, &headers, None).await;
            assert!(page.text.contains(&format!("<html lang=\"{lang}\"")), "{path}: {accepted}, {cookie}");
        }
    }
    let headers = [("accept", "text/html"), ("cookie", "language=ja")];
    let page = app.send(Method::GET, &link, &headers, None).await.expect(200);
    assert!(page.text.contains("アカウント<strong>aiko</strong>を作成した"), "{}", page.text);
    // A refused form, and one that succeeds.
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("cookie", "language=es")];
    let refused = app.send(Method::POST, "/verify", &headers, Some("token=expired".to_owned())).await.expect(400);
    assert!(refused.text.contains("Este enlace o código no es válido, o ya se ha usado."), "{}", refused.text);
    let token = app.link_token(email, "verify").await;
    let done = app.send(Method::POST, "/verify", &headers, Some(format!("token={token}"))).await.expect(200);
    assert!(done.text.contains("Su dirección de correo está verificada"), "{}", done.text);
}

#[test]
fn mails_name_the_pages_as_the_pages_do() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../languages");
    for language in fs::read_dir(&folder).unwrap() {
        let read = |file: &str| -> Value {
            serde_json::from_str(&fs::read_to_string(language.as_ref().unwrap().path().join(file)).unwrap()).unwrap()
        };
        let (mails, pages) = (read("mails.json"), read("pages.json"));
        for (mail, page) in [
            ("already_registered_advice", "forgot_link"),
            ("password_changed_advice", "forgot_link"),
            ("email_change_requested_advice", "security"),
            ("provider_linked_advice", "security"),
            ("manage_advice", "billing"),
            ("plan_changed_advice", "billing"),
            ("trial_ending_advice", "billing"),
        ] {
            // Mails have plain spaces where pages have some that do not break.
            let name = pages[page].as_str().unwrap().replace('\u{a0}', " ");
            assert!(mails[mail].as_str().unwrap().contains(&name), "{language:?}: {mail} does not name {name}");
        }
    }
}
