//! The delivery of mails: outbox, stream, relay, queue, mailer, SES.

use reqwest::Method;
use serde_json::{Value, json};
use tollgate_local::faults::{Fault, Kind};
use tollgate_local::service::Service;
use tollgate_tests::app::{PASSWORD, Session, TestApp};

const EMAIL: &str = "ann@example.com";

/// Registers while no message is processed, so that later failures affect only the delivery.
async fn registered(app: &TestApp, kind: Kind, service: Service, times: u32) {
    app.stack
        .held(async {
            app.register("ann").await.expect(202);
            app.fail(service, kind, 0, times);
        })
        .await;
}

// R15
#[tokio::test]
async fn a_mail_that_ses_throttles_is_sent_later_once() {
    for kind in [Kind::Throttle, Kind::Error, Kind::Hang] {
        let app = TestApp::start().await;
        registered(&app, kind, Service::Ses, 6).await; // two deliveries of three tries
        assert_eq!(app.mails(EMAIL).await.len(), 1, "{kind:?}");
        assert_eq!(app.table("outbox").await[0]["state"]["S"], "sent");
    }
}

// R1
#[tokio::test]
async fn a_mail_whose_answer_from_ses_was_lost_is_sent_again_with_the_same_code() {
    let app = TestApp::start().await;
    registered(&app, Kind::LostResponse, Service::Ses, 1).await;
    let mails = app.mails(EMAIL).await;
    assert_eq!(mails.len(), 2);
    assert_eq!((&mails[0]["code"], &mails[0]["links"]), (&mails[1]["code"], &mails[1]["links"]));
}

// R6
#[tokio::test]
async fn an_undeliverable_mail_becomes_a_dead_letter_and_redrive_sends_it_once() {
    let mut app = TestApp::start().await;
    registered(&app, Kind::Error, Service::Ses, 1000).await;
    assert!(app.mails(EMAIL).await.is_empty());
    let queues = app.get("/_local/queues").await.body;
    assert_eq!(queues["items"][0], json!({"name": "mail", "depth": 0, "in_flight": 0, "dead": 1}));
    // Only this one failed: the next one is sent.
    app.stack.fault_injector().clear();
    app.register("bob").await.expect(202);
    assert_eq!(app.mails("bob@example.com").await.len(), 1);
    app.post("/_local/queues/mail/redrive", json!({})).await.expect(200);
    assert_eq!(app.mails(EMAIL).await.len(), 1);
    app.dead_wanted = 0;
}

// R15
#[tokio::test]
async fn a_secret_that_expired_on_its_way_is_parked_and_never_sent() {
    let app = TestApp::start().await;
    app.stack
        .held(async {
            app.register("ann").await.expect(202);
            app.advance(86_400);
        })
        .await;
    assert!(app.mails(EMAIL).await.is_empty());
    let row = &app.table("outbox").await[0];
    assert_eq!((&row["state"]["S"], &row["reason"]["S"]), (&json!("parked"), &json!("expired")));
    assert!(row.get("body").is_none(), "what it carried is gone");
}

// R1
#[tokio::test]
async fn one_mail_arrives_despite_any_failure_on_the_way() {
    for service in [Service::Sqs, Service::Dynamodb, Service::Secrets] {
        for kind in [Kind::Throttle, Kind::Error, Kind::Hang, Kind::LostResponse] {
            for after in 0..4 {
                let app = TestApp::start().await;
                app.stack
                    .held(async {
                        app.register("ann").await.expect(202);
                        app.advance(301); // the mailer asks for its secret again
                        app.fail(service, kind, after, 3);
                    })
                    .await;
                let mails = app.mails(EMAIL).await;
                // Between SES's answer and the mark, the same mail may be sent twice.
                let kinds: Vec<_> = mails.iter().map(|mail| (&mail["code"], &mail["links"])).collect();
                assert!(
                    !kinds.is_empty() && kinds.len() <= 2 && kinds.windows(2).all(|pair| pair[0] == pair[1]),
                    "{service:?} {kind:?} {after}"
                );
                app.stack.fault_injector().clear();
            }
        }
    }
}

// R6
#[tokio::test]
async fn an_abandoned_claim_expires_and_the_mail_is_sent() {
    let app = TestApp::start().await;
    app.stack
        .held(async {
            app.register("ann").await.expect(202);
            app.fail(Service::Ses, Kind::Error, 0, 1000);
            // The first claim is written, and nothing after it: as when the mailer stops there.
            let operation = Some("UpdateItem".to_owned());
            let fault = Fault { service: Service::Dynamodb, operation, kind: Kind::Error, after: 1, times: 1000 };
            assert!(app.stack.fault_injector().add(fault));
        })
        .await;
    app.drain().await;
    app.stack.fault_injector().clear();
    assert_eq!(app.table("outbox").await[0]["state"]["S"], "claimed");
    app.post("/_local/queues/mail/redrive", json!({})).await.expect(200);
    assert!(app.mails(EMAIL).await.is_empty(), "another message holds it");
    app.advance(15 * 60);
    app.post("/_local/queues/mail/redrive", json!({})).await.expect(200);
    assert_eq!(app.mails(EMAIL).await.len(), 1);
}

#[tokio::test]
async fn a_handled_message_retains_only_its_key() {
    let app = TestApp::start().await;
    app.register("ann").await.expect(202);
    app.drain().await;
    let row = &app.table("outbox").await[0];
    assert!(row["state"]["S"] == "sent" && row.get("body").is_none() && row.get("claimed_by").is_none());
    assert!(row["pk"]["S"].as_str().unwrap().starts_with("msg_"));
}

// B18
#[tokio::test]
async fn a_mail_has_text_html_a_plain_link_and_the_header_auto_submitted() {
    let app = TestApp::start().await;
    let email = app.member("ann").await;
    app.post("/forget-password", json!({"email": email})).await.expect(202);
    app.post("/request/login-code", json!({"email": email})).await.expect(202);
    let mails = app.mails(&email).await;
    assert_eq!(mails.len(), 3);
    let mut ids = std::collections::BTreeSet::new();
    for mail in &mails {
        let headers = &mail["headers"];
        assert_eq!(headers["auto-submitted"], "auto-generated");
        assert_eq!(headers["from"], "\"Tollgate\" <no-reply@localhost.test>");
        assert!(headers["content-type"].as_str().unwrap().starts_with("multipart/alternative"), "{headers}");
        assert!(headers["date"].as_str().unwrap().starts_with("Sun, 1 Mar 2026 12:00:00"), "{headers}");
        ids.insert(headers["message-id"].as_str().unwrap().to_owned());
        for link in mail["links"].as_array().unwrap().iter().filter(|link| link.as_str().unwrap().contains("token=")) {
            let link = link.as_str().unwrap();
            assert!(mail["html"].as_str().unwrap().contains(&format!(">{link}</a>")), "{link}");
        }
    }
    assert!(
        ids.len() == 3 && ids.iter().all(|id| id.starts_with("<msg_") && id.ends_with("@localhost.test>")),
        "{ids:?}"
    );
}

// B18, R1
#[tokio::test]
async fn a_mail_that_is_sent_again_has_the_same_message_id() {
    let app = TestApp::start().await;
    registered(&app, Kind::LostResponse, Service::Ses, 1).await;
    let mails = app.mails(EMAIL).await;
    assert_eq!(mails.len(), 2);
    let [one, two] = [&mails[0], &mails[1]].map(|mail| &mail["headers"]["message-id"]);
    assert!(one.is_string() && one == two, "{one} {two}");
}

// B18
#[tokio::test]
async fn the_name_of_the_sender_is_encoded() {
    for (name, shown) in [("Größe & Söhne", "=?utf-8?"), ("日本語", "=?utf-8?"), ("A, B; C", "\"A, B; C\"")] {
        let env = vec![("MAIL_FROM".to_owned(), format!("{name} <no-reply@localhost.test>"))];
        let options = tollgate_local::Options { env, ..tollgate_tests::app::options() };
        let app = TestApp::start_with(options).await;
        app.register("ann").await.expect(202);
        let from = app.mails(EMAIL).await[0]["headers"]["from"].as_str().unwrap().to_lowercase();
        assert!(from.starts_with(&shown.to_lowercase()) && from.ends_with("<no-reply@localhost.test>"), "{from}");
    }
}

// B11
#[tokio::test]
async fn a_user_name_that_a_stranger_chose_does_not_become_a_link() {
    let app = TestApp::start().await;
    for (n, name) in ["www.win-1000.example", "evil.example", "10.20.30.40", "0800-555-0100"].iter().enumerate() {
        let email = format!("victim{n}@example.com");
        app.post("/register", json!({"email": email, "username": name, "password": tollgate_tests::app::PASSWORD}))
            .await
            .expect(202);
        let mail = app.mail(&email, "verify").await;
        for part in ["text", "html", "subject"] {
            assert!(!mail[part].as_str().unwrap().contains(name), "{part}: {}", mail[part]);
        }
        assert!(mail["text"].as_str().unwrap().replace('\u{200b}', "").contains(name));
        assert!(
            mail["links"].as_array().unwrap().iter().all(|link| !link.as_str().unwrap().contains("example\u{200b}"))
        );
    }
}

/// Registers `name` by a browser that asks for `languages`, and verifies the address.
async fn registered_in(app: &TestApp, name: &str, languages: &str) -> Session {
    let email = format!("{name}@example.com");
    let headers = [("content-type", "application/json"), ("accept-language", languages)];
    let body = json!({"email": email, "username": name, "password": PASSWORD});
    app.send(Method::POST, "/register", &headers, Some(body.to_string())).await.expect(202);
    let token = app.link_token(&email, "verify").await;
    app.post("/verify", json!({"token": token})).await.expect(200);
    app.sign_in(&email).await
}

#[tokio::test]
async fn mails_are_in_the_language_of_the_browser_that_registered() {
    let app = TestApp::start().await;
    for (name, languages, verify, changed, subscribed, locale) in [
        (
            "anna",
            "de-AT,de;q=0.9,en;q=0.5",
            "Bestätigen Sie Ihre E-Mail-Adresse für Tollgate",
            "Ihr Passwort für Tollgate wurde geändert",
            "Sie haben Tollgate Pro abonniert",
            json!("de"),
        ),
        (
            "aiko",
            "nl, ja;q=0.8",
            "Tollgateのメールアドレスを確認してください",
            "Tollgateのパスワードが変更されました",
            "Tollgate Proのサブスクリプションを開始しました",
            json!("ja"),
        ),
        (
            "pim",
            "nl",
            "Verify your e-mail address for Tollgate",
            "Your Tollgate password was changed",
            "You're subscribed to Tollgate Pro",
            Value::Null,
        ),
    ] {
        let session = registered_in(&app, name, languages).await;
        let email = format!("{name}@example.com");
        // The language of a later request does not count.
        let bearer = format!("Bearer {}", session.access);
        let headers =
            [("content-type", "application/json"), ("accept-language", "fr"), ("authorization", bearer.as_str())];
        let body = json!({"old_password": PASSWORD, "new_password": "another long pass phrase"});
        app.send(Method::POST, "/change-password", &headers, Some(body.to_string())).await.expect(200);
        let checkout = app.subscribe(&session, "pro").await.expect(201);
        app.pay(&checkout.body).await.expect(303);
        for (kind, subject) in
            [("verify", verify), ("password_changed", changed), ("subscription_confirmed", subscribed)]
        {
            assert_eq!(app.mail(&email, kind).await["subject"], subject);
        }
        assert_eq!(app.get_as(&session, "/me/export").await.expect(200).body["locale"], locale);
    }
    // The owner of an address that is registered again gets a mail in the language of that request.
    let headers = [("content-type", "application/json"), ("accept-language", "es")];
    let body = json!({"email": "anna@example.com", "username": "other", "password": PASSWORD});
    app.send(Method::POST, "/register", &headers, Some(body.to_string())).await.expect(202);
    assert_eq!(app.mail("anna@example.com", "already_registered").await["subject"], "Ya tiene una cuenta en Tollgate");
}
