//! What a deployment leaves out: each operation of the OpenAPI document is asked for under each setting. A route that is left
//! out has one answer, whatever is sent to it, and the others work as ever.

use crate::openapi::operations;
use reqwest::Method;
use serde_json::{Value, json};
use tollgate_local::Options;
use tollgate_local::service::Service;
use tollgate_platform::Secret;
use tollgate_tests::app::{ADMIN, Answer, PASSWORD, Session, TestApp, options};
use tollgate_tests::browser::{Browser, account, location, verified_account};

/// A setting, whether it closes a path, and the answer of those that it closes.
type Switch = (&'static str, &'static str, fn(&str) -> bool, (u16, &'static str));

const NOT_ENABLED: (u16, &str) = (404, "not_enabled");
const NOT_CONFIGURED: (u16, &str) = (503, "provider_not_configured");

const SWITCHES: [Switch; 5] = [
    ("BILLING", "off", |path| path.starts_with("/billing/"), NOT_ENABLED),
    ("SIGN_UP", "closed", |path| path == "/register" || path.starts_with("/admin/invitations"), NOT_ENABLED),
    (
        "PASSWORD_SIGN_IN",
        "off",
        |path| ["/login", "/forget-password", "/new-password", "/change-password"].contains(&path),
        NOT_ENABLED,
    ),
    ("GOOGLE_CLIENT_ID", "unset", |path| path == "/google/login", NOT_CONFIGURED),
    ("GITHUB_CLIENT_ID", "unset", |path| path == "/github/login", NOT_CONFIGURED),
];

async fn start(settings: &[(&str, &str)]) -> TestApp {
    let mut options = Options { admin: Some((ADMIN.0.to_owned(), Secret::new(ADMIN.1.to_owned()))), ..options() };
    options.env.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    TestApp::start_with(options).await
}

async fn ask(app: &TestApp, method: &str, path: &str, body: Option<Value>) -> Answer {
    let path = path.replace("{provider}", "google").replace("{id}", "usr_1").replace("{sid}", "ses_1");
    let headers: &[_] = if body.is_some() { &[("content-type", "application/json")] } else { &[] };
    app.send(Method::from_bytes(method.as_bytes()).unwrap(), &path, headers, body.map(|body| body.to_string())).await
}

#[tokio::test]
async fn each_setting_closes_its_routes_and_leaves_the_others_open() {
    let operations = operations();
    for (name, value, closes, (status, code)) in SWITCHES {
        let app = start(&[(name, value)]).await;
        let mut closed = 0;
        for (operation, document) in &operations {
            let (method, path) = operation.split_once(' ').unwrap();
            for body in [None, Some(json!({})), Some(json!({"email": ADMIN.0, "password": PASSWORD}))] {
                let answer = ask(&app, method, path, body).await;
                let context = format!("{name}={value}: {operation}: {}", answer.text);
                if closes(path) {
                    assert_eq!(
                        (answer.status.as_u16(), answer.body["code"].as_str()),
                        (status, Some(code)),
                        "{context}"
                    );
                } else {
                    let found = answer.body["code"].as_str();
                    assert!(found != Some(NOT_ENABLED.1) && found != Some(NOT_CONFIGURED.1), "{context}");
                }
            }
            if closes(path) {
                closed += 1;
                // A deployment without billing does not document it.
                let described = document["responses"][status.to_string()]["description"].as_str().unwrap_or_default();
                assert!(described.contains(code) || name == "BILLING", "{operation} does not document {code}");
            }
        }
        assert!(closed > 0, "{name} closes nothing");
    }
}

// S6
#[tokio::test]
async fn closed_sign_up_answers_a_known_address_as_an_unknown_one() {
    let app = start(&[("SIGN_UP", "closed")]).await;
    let mut seen = Vec::new();
    for email in [ADMIN.0, "new@example.com"] {
        app.drain().await;
        let _before = app.calls();
        let body = json!({"email": email, "username": "somebody", "password": PASSWORD});
        let answer = app.post("/register", body).await.refused(404, "not_enabled");
        assert!(app.calls().is_empty(), "nothing is read for {email}");
        let headers: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
        assert!(app.mails(email).await.is_empty());
        seen.push((answer.body["detail"].clone(), headers));
    }
    assert_eq!(seen[0], seen[1]);
    app.post("/request/login-code", json!({"email": ADMIN.0})).await.expect(202);
    let code = app.code(ADMIN.0, "login_code").await;
    app.post("/login/code", json!({"email": ADMIN.0, "code": code})).await.expect(200);
}

#[tokio::test]
async fn closed_sign_up_lets_a_provider_sign_in_to_existing_accounts_only() {
    let app = start(&[("SIGN_UP", "closed")]).await;
    let stranger = verified_account(&app, "google", "new@example.com").await;
    let browser = Browser::new(&app);
    let back = browser.consent("google", &stranger, "").await;
    assert!(location(&browser.get(&back).await.expect(302)).ends_with("?error=not_enabled"));
    assert_eq!(app.table("identity").await.iter().filter(|item| item["email"]["S"] == "new@example.com").count(), 0);

    let admin = Session::of(&app.login(ADMIN.0, ADMIN.1).await.expect(200));
    let begun = app.post_as(&admin, "/me/links/google", json!({})).await.expect(200);
    let own = account(&app, "google", json!({"email": ADMIN.0, "email_verified": true})).await;
    let browser = Browser::new(&app);
    browser.set_cookie("oauth_state", &begun.cookie("oauth_state").unwrap());
    let back = browser.consent_at(begun.body["authorize_url"].as_str().unwrap().to_owned(), &own).await;
    browser.get(&back).await.expect(302);
    Browser::new(&app).sign_in("google", &own).await.expect(200);
}

#[tokio::test]
async fn an_account_without_passwords_is_registered_and_deleted_by_codes() {
    let app = start(&[("PASSWORD_SIGN_IN", "off")]).await;
    // A password has no effect, not even a weak one.
    for (name, body) in [("ann", json!({})), ("bob", json!({"password": "x"}))] {
        let email = format!("{name}@example.com");
        let mut registration = json!({"email": email, "username": name});
        registration.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        app.post("/register", registration).await.expect(202);
        let token = app.link_token(&email, "verify").await;
        app.post("/verify", json!({"token": token})).await.expect(200);
        app.post("/request/login-code", json!({"email": email})).await.expect(202);
        let code = app.code(&email, "login_code").await;
        let session = Session::of(&app.post("/login/code", json!({"email": email, "code": code})).await.expect(200));
        assert_eq!(app.get_as(&session, "/me").await.expect(200).body["has_password"], false);
        let credentials = app.table("credentials").await;
        assert!(!credentials.iter().any(|item| item.to_string().contains(&email)), "{email} has no password");
        app.advance(301);
        let confirmed = json!({"password": "x"});
        app.post_as(&session, "/me/delete", confirmed).await.refused(403, "reauthentication_required");
    }
    // A password of the time before opens and confirms nothing.
    app.post("/request/login-code", json!({"email": ADMIN.0})).await.expect(202);
    let code = app.code(ADMIN.0, "login_code").await;
    let admin = Session::of(&app.post("/login/code", json!({"email": ADMIN.0, "code": code})).await.expect(200));
    assert_eq!(app.get_as(&admin, "/me").await.expect(200).body["has_password"], false);
    let id = admin.user["id"].as_str().unwrap();
    let path = format!("/admin/users/{id}/mail");
    app.post_as(&admin, &path, json!({"kind": "reset"})).await.refused(404, "not_enabled");
    app.advance(301);
    app.post_as(&admin, "/deactivate", json!({"password": ADMIN.1})).await.refused(403, "reauthentication_required");
}

#[tokio::test]
async fn without_billing_accounts_live_and_are_erased_and_stripe_is_not_asked() {
    let app = start(&[("BILLING", "off")]).await;
    let (email, ann) = app.person("ann").await;
    let me = app.get_as(&ann, "/me").await.expect(200).body;
    assert_eq!((&me["tier"], &me["features"]), (&json!(0), &json!({})));
    app.get_as(&ann, "/me/export").await.expect(200);
    let admin = Session::of(&app.login(ADMIN.0, ADMIN.1).await.expect(200));
    for path in ["/admin/users", "/admin/stats", "/admin/subscriptions", "/admin/payments"] {
        app.get_as(&admin, path).await.expect(200);
    }
    let _before = app.calls();
    app.post_as(&ann, "/me/delete", json!({"password": PASSWORD})).await.expect(202);
    app.drain().await;
    app.advance(2 * 3600);
    for schedule in ["expiry", "reconcile", "reminders", "outbox", "accounts", "rollup"] {
        app.sweep(schedule).await.expect(200);
    }
    app.drain().await;
    app.post("/login", json!({"email": email, "password": PASSWORD})).await.refused(401, "invalid_credentials");
    assert!(!app.table("identity").await.iter().any(|item| item.to_string().contains(&email)), "the account is erased");
    let calls = app.calls();
    assert!(calls.len() > 10 && !calls.iter().any(|call| call.service == Service::Stripe), "{calls:?}");
    let commands = app.table("outbox").await.into_iter().filter(|item| item["kind"]["S"] == "command");
    let waiting: Vec<_> = commands.map(|item| item["state"]["S"].clone()).collect();
    assert_eq!(waiting, ["pending"], "the command of the deletion has no queue");
    assert_eq!(app.stack.dead_letters(), 0);
}
