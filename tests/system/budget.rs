//! What each operation costs: DynamoDB units and calls, against `docs/budget.json`. They are exact, so a rise fails.

use serde_json::{Value, json};
use std::path::Path;
use tollgate_local::faults::{Call, Service};
use tollgate_tests::app::{PASSWORD, TestApp};
use tollgate_tests::browser::{Browser, proved};

fn cost(calls: &[Call]) -> Value {
    let own: Vec<_> = calls.iter().filter(|call| call.service == Service::Dynamodb).collect();
    let sum = |pick: fn(&(String, f64, f64)) -> f64| {
        own.iter().flat_map(|call| call.units.iter().map(pick)).fold(0.0, |sum, units| sum + units)
    };
    json!({"calls": own.len(), "read_units": sum(|unit| unit.1), "write_units": sum(|unit| unit.2)})
}

#[tokio::test]
async fn every_operation_costs_what_the_budget_says() {
    let app = TestApp::start_limited().await;
    let mut found = serde_json::Map::new();
    macro_rules! measure {
        ($name:literal, $work:expr) => {{
            app.drain().await;
            app.advance(60); // the buckets are calm
            let _before = app.calls();
            let answer = app.stack.held($work).await;
            found.insert($name.to_owned(), cost(&app.calls()));
            answer
        }};
    }
    measure!("POST /register", app.register("ann")).expect(202);
    let email = "ann@example.com";
    let token = app.link_token(email, "verify").await;
    measure!("POST /request/verify", app.post("/request/verify", json!({"email": email}))).expect(202);
    measure!("POST /verify", app.post("/verify", json!({"token": token}))).expect(200);
    let answer = measure!("POST /login", app.login(email, PASSWORD)).expect(200);
    measure!("POST /login refused", app.login(email, "not the password")).refused(401, "invalid_credentials");
    let session = tollgate_tests::app::Session::of(&answer);
    let answer = measure!("POST /refresh-token", app.refresh(&session.refresh)).expect(200);
    let session = tollgate_tests::app::Session::of(&answer);
    measure!("GET /me", app.get_as(&session, "/me")).expect(200);
    measure!("GET /sessions", app.get_as(&session, "/sessions")).expect(200);
    app.post("/request/login-code", json!({"email": email})).await.expect(202);
    let code = json!({"email": email, "code": app.code(email, "login_code").await});
    measure!("POST /login/code", app.post("/login/code", code.clone())).expect(200);
    measure!("POST /login/code refused", app.post("/login/code", code)).refused(401, "invalid_code");
    measure!("POST /request/login-code", app.post("/request/login-code", json!({"email": email}))).expect(202);
    let session = app.sign_in(email).await;
    measure!(
        "POST /change-email",
        app.post_as(&session, "/change-email", json!({"new_email": "a@example.com", "password": PASSWORD}))
    )
    .expect(202);
    let token = app.link_token("a@example.com", "verify").await;
    let email = "a@example.com";
    measure!("POST /verify of a new address", app.post("/verify", json!({"token": token}))).expect(200);
    let link = json!({"password": PASSWORD});
    let answer = measure!("POST /me/links/{provider}", app.post_as(&session, "/me/links/google", link)).expect(200);
    let subject = proved(&app, "google", "else@example.com").await;
    let browser = Browser::new(&app);
    browser.set_cookie("oauth_state", &answer.cookie("oauth_state").unwrap());
    let back = browser.consent_at(answer.body["authorize_url"].as_str().unwrap().to_owned(), &subject).await;
    measure!("GET /auth/social/callback/google that links", browser.get(&back)).expect(302);
    measure!("GET /google/login", browser.get("/google/login")).expect(302);
    let back = browser.consent("google", &subject, "").await;
    measure!("GET /auth/social/callback/google", browser.get(&back)).expect(302);
    let subject = proved(&app, "google", "newcomer@example.com").await;
    let back = browser.consent("google", &subject, "").await;
    measure!("GET /auth/social/callback/google of a newcomer", browser.get(&back)).expect(302);
    measure!("DELETE /me/links/{provider}", app.delete_as(&session, "/me/links/google")).expect(204);
    let change = json!({"old_password": PASSWORD, "new_password": "another horse staple"});
    measure!("POST /change-password", app.post_as(&session, "/change-password", change)).expect(200);
    measure!("POST /forget-password", app.post("/forget-password", json!({"email": email}))).expect(202);
    let token = app.link_token(email, "reset").await;
    measure!("POST /new-password", app.post("/new-password", json!({"token": token, "password": PASSWORD})))
        .expect(200);
    let one = app.sign_in(email).await;
    measure!("POST /logout", app.with_cookie("/logout", &one.refresh)).expect(204);
    let two = app.sign_in(email).await;
    let id = app.get_as(&two, "/sessions").await.body["items"][0]["id"].as_str().unwrap().to_owned();
    measure!("DELETE /sessions/{id}", app.delete_as(&two, &format!("/sessions/{id}"))).expect(204);
    let three = app.sign_in(email).await;
    measure!("GET /billing/plans", app.get("/billing/plans")).expect(200);
    let pro = json!({"plan_code": "pro"});
    let path = "/billing/subscriptions/subscribe";
    let checkout =
        measure!("POST /billing/subscriptions/subscribe", app.post_as(&three, path, pro.clone())).expect(201);
    measure!("POST /billing/subscriptions/subscribe again", app.post_as(&three, path, pro)).expect(201);
    app.pay(&checkout.body).await.expect(303);
    app.drain().await;
    measure!("GET /billing/subscriptions/me", app.get_as(&three, "/billing/subscriptions/me")).expect(200);
    measure!("GET /billing/payments/me", app.get_as(&three, "/billing/payments/me")).expect(200);
    let team = json!({"plan_code": "team"});
    let path = "/billing/subscriptions/preview";
    measure!("POST /billing/subscriptions/preview", app.post_as(&three, path, team.clone())).expect(200);
    let path = "/billing/subscriptions/upgrade";
    measure!("POST /billing/subscriptions/upgrade", app.post_as(&three, path, team)).expect(200);
    let pro = json!({"plan_code": "pro"});
    measure!("POST /billing/subscriptions/upgrade to a lower plan", app.post_as(&three, path, pro)).expect(200);
    let cancel = "/billing/subscriptions/cancel";
    measure!("POST /billing/subscriptions/cancel", app.post_as(&three, cancel, json!({}))).expect(200);
    let resume = "/billing/subscriptions/resume";
    measure!("POST /billing/subscriptions/resume", app.post_as(&three, resume, json!({}))).expect(200);
    measure!("POST /billing/portal", app.post_as(&three, "/billing/portal", json!({}))).expect(201);
    measure!("an event that changes nothing", app.event_about_nothing(&app.stripe("subscriptions").await[0]));
    let three = app.sign_in(email).await;
    measure!("POST /deactivate", app.post_as(&three, "/deactivate", json!({}))).expect(200);
    measure!("GET /.well-known/jwks.json", app.get("/.well-known/jwks.json")).expect(200);
    app.missed_by_relay(app.register("bob")).await.expect(202);
    app.advance(10 * 60);
    let swept = measure!("the sweep of the outbox that finds one message", app.sweep("outbox")).expect(200);
    assert_eq!(swept.body["handled"], 1);
    app.advance(7 * 86_400);
    app.sweep("accounts").await.expect(200);
    app.register("cem").await.expect(202);
    app.advance(7 * 86_400);
    let swept = measure!("the sweep of accounts that finds one", app.sweep("accounts")).expect(200);
    assert_eq!(swept.body["handled"], 1);

    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/budget.json");
    let budget: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let found = Value::Object(found);
    assert_eq!(found, budget["operations"], "measured:\n{found:#}");
    let limits = budget["limits"].as_object().unwrap();
    for (operation, limit) in limits {
        for unit in ["read_units", "write_units"] {
            assert!(found[operation][unit].as_f64() <= limit[unit].as_f64(), "{operation} {unit}");
        }
    }
}
