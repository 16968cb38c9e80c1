//! The cost of each operation: DynamoDB units and calls, compared with `docs/budget.json`. They are exact, so a rise
//! fails.

use reqwest::Method;
use serde_json::{Value, json};
use std::path::Path;
use tollgate_local::Options;
use tollgate_local::faults::Call;
use tollgate_local::service::Service;
use tollgate_tests::app::{Answer, PASSWORD, Session, TestApp, limited};
use tollgate_tests::browser::{Browser, verified_account};
use tollgate_tests::guards::assert_same_json;
use tollgate_tests::request::Request;

fn cost(calls: &[Call]) -> Value {
    let own: Vec<_> = calls.iter().filter(|call| call.service == Service::Dynamodb).collect();
    let sum = |pick: fn(&(String, f64, f64)) -> f64| {
        own.iter().flat_map(|call| call.units.iter().map(pick)).fold(0.0, |sum, units| sum + units)
    };
    let depth = own.iter().map(|call| call.depth).max().unwrap_or_default();
    json!({"calls": own.len(), "depth": depth, "read_units": sum(|unit| unit.1), "write_units": sum(|unit| unit.2)})
}

/// Sends it twice: only the second time counts.
async fn again<R: Future<Output = Answer>>(app: &TestApp, ask: impl Fn() -> R) -> Answer {
    ask().await.expect(200);
    let _first = app.calls();
    ask().await
}

/// Makes every function that verifies tokens read the published keys now, and `auth` the features of the free plan:
/// otherwise some operation would read them, which each function does every five minutes. For the keys an invalid token
/// is enough; `warm` has no plan.
async fn read_published_keys(app: &TestApp, warm: &Session) {
    app.get_as(warm, "/me").await;
    for path in ["/billing/payments/me", "/admin/stats", "/example/me"] {
        let bearer = [("authorization", "Bearer none")];
        app.send(Method::GET, path, &bearer, None).await.refused(401, "unauthenticated");
    }
}

#[tokio::test]
async fn every_operation_costs_as_much_as_the_budget_states() {
    let env = vec![("ACCESS_TOKEN_EXPIRE".to_owned(), "1d".to_owned())]; // the clock moves at each of them
    let app = TestApp::start_with(Options { env, ..limited() }).await;
    let (_, warm) = app.person("warm").await;
    let mut found = serde_json::Map::new();
    macro_rules! measure {
        ($name:literal, $work:expr) => {{
            app.drain().await;
            app.advance(60); // the rate limits have recovered
            read_published_keys(&app, &warm).await;
            let _before = app.calls();
            // On the heap: the future of this test contains all of them.
            let answer = app.stack.held(Box::pin($work)).await;
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
    measure!("PATCH /me", Request::patch_as(&session, "/me", json!({"locale": "fr"})).send(&app)).expect(200);
    measure!("GET /sessions", app.get_as(&session, "/sessions")).expect(200);
    app.post("/request/login-code", json!({"email": email})).await.expect(202);
    let code = json!({"email": email, "code": app.code(email, "login_code").await});
    measure!("POST /login/code", app.post("/login/code", code.clone())).expect(200);
    measure!("POST /login/code refused", app.post("/login/code", code)).refused(401, "invalid_code");
    measure!("POST /request/login-code", app.post("/request/login-code", json!({"email": email}))).expect(202);
    let own = app.register("zoe").await.expect(202).cookie("registered").unwrap();
    let code = json!({"email": "zoe@example.com", "code": app.code("zoe@example.com", "verify").await});
    let here = Request::post("/verify", code).with_header("cookie", &format!("registered={own}"));
    measure!("POST /verify in the browser that registered", here.send(&app)).expect(200);
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
    let subject = verified_account(&app, "google", "else@example.com").await;
    let browser = Browser::new(&app);
    browser.set_cookie("oauth_state", &answer.cookie("oauth_state").unwrap());
    let back = browser.consent_at(answer.body["authorize_url"].as_str().unwrap().to_owned(), &subject).await;
    measure!("GET /auth/social/callback/google that links", browser.get(&back)).expect(302);
    measure!("GET /google/login", browser.get("/google/login")).expect(302);
    let back = browser.consent("google", &subject, "").await;
    measure!("GET /auth/social/callback/google", browser.get(&back)).expect(302);
    let subject = verified_account(&app, "google", "newcomer@example.com").await;
    let back = browser.consent("google", &subject, "").await;
    measure!("GET /auth/social/callback/google of a newcomer", browser.get(&back)).expect(302);
    let session = app.sign_in(email).await;
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
    measure!("DELETE /sessions", app.delete_as(&two, "/sessions")).expect(204);
    app.sign_in(email).await;
    let id = app.get_as(&two, "/sessions").await.body["items"][0]["id"].as_str().unwrap().to_owned();
    measure!("DELETE /sessions/{id}", app.delete_as(&two, &format!("/sessions/{id}"))).expect(204);
    let three = app.sign_in(email).await;
    measure!("GET /billing/plans", app.get("/billing/plans")).expect(200);
    measure!("GET /example/me", app.get_as(&three, "/example/me")).expect(200);
    measure!("GET /example/tier refused", app.get_as(&three, "/example/tier")).refused(403, "tier_required");
    measure!("GET /billing/plans, again", again(&app, || app.get("/billing/plans"))).expect(200);
    let pro = json!({"plan_code": "pro"});
    let path = "/billing/subscriptions/subscribe";
    let checkout =
        measure!("POST /billing/subscriptions/subscribe", app.post_as(&three, path, pro.clone())).expect(201);
    measure!("POST /billing/subscriptions/subscribe again", app.post_as(&three, path, pro)).expect(201);
    app.pay(&checkout.body).await.expect(303);
    app.drain().await;
    measure!("GET /billing/subscriptions/me", app.get_as(&three, "/billing/subscriptions/me")).expect(200);
    let mine = || app.get_as(&three, "/billing/subscriptions/me");
    measure!("GET /billing/subscriptions/me, again", again(&app, mine)).expect(200);
    measure!("GET /billing/payments/me", app.get_as(&three, "/billing/payments/me")).expect(200);
    let payment = app.get_as(&three, "/billing/payments/me").await.expect(200).body["items"][0]["id"].clone();
    let path = format!("/billing/payments/{}/invoice", payment.as_str().unwrap());
    measure!("GET /billing/payments/{id}/invoice", app.get_as(&three, &path)).expect(200);
    measure!("GET /example/feature", app.get_as(&three, "/example/feature")).expect(200);
    measure!("POST /example/quota", app.post_as(&three, "/example/quota", json!({}))).expect(200);
    let team = json!({"plan_code": "team"});
    let path = "/billing/subscriptions/preview";
    measure!("POST /billing/subscriptions/preview", app.post_as(&three, path, team.clone())).expect(200);
    let path = "/billing/subscriptions/upgrade";
    measure!("POST /billing/subscriptions/upgrade", app.post_as(&three, path, team)).expect(200);
    app.drain().await;
    measure!("GET /example/tier", app.get_as(&three, "/example/tier")).expect(200);
    let pro = json!({"plan_code": "pro"});
    measure!("POST /billing/subscriptions/upgrade to a lower plan", app.post_as(&three, path, pro)).expect(200);
    let cancel = "/billing/subscriptions/cancel";
    measure!("POST /billing/subscriptions/cancel", app.post_as(&three, cancel, json!({}))).expect(200);
    let resume = "/billing/subscriptions/resume";
    measure!("POST /billing/subscriptions/resume", app.post_as(&three, resume, json!({}))).expect(200);
    measure!("POST /billing/portal", app.post_as(&three, "/billing/portal", json!({}))).expect(201);
    measure!(
        "an event that changes nothing",
        app.event_about_nothing("evt_nothing", &app.stripe("subscriptions").await[0])
    );
    let three = app.sign_in(email).await;
    measure!("POST /deactivate", app.post_as(&three, "/deactivate", json!({}))).expect(200);
    measure!("GET /.well-known/jwks.json", app.get("/.well-known/jwks.json")).expect(200);
    let (_, admin) = app.person("admin").await;
    app.make_admins(&[&admin]).await;
    let name = json!({"name": "the API"});
    let services = "/admin/service-credentials";
    let service = measure!("POST /admin/service-credentials", app.post_as(&admin, services, name)).expect(201).body;
    measure!("GET /admin/service-credentials", app.get_as(&admin, services)).expect(200);
    let introspect = Request::post_form("/introspect", &format!("token={}", admin.access));
    let introspect = introspect.bearing(service["secret"].as_str().unwrap());
    measure!("POST /introspect, the first of a day", introspect.send(&app)).expect(200);
    introspect.send(&app).await.expect(200);
    app.drain().await;
    let _before = app.calls();
    introspect.send(&app).await.expect(200);
    found.insert("POST /introspect".to_owned(), cost(&app.calls()));
    let path = format!("{services}/{}", service["id"].as_str().unwrap());
    measure!("DELETE /admin/service-credentials/{id}", app.delete_as(&admin, &path)).expect(204);
    let (_, dan) = app.subscriber("dan").await;
    let user = format!("/admin/users/{}", dan.user["id"].as_str().unwrap());
    let one = async |list: &str| {
        let page = app.get_as(&admin, &format!("/admin/{list}")).await.expect(200).body;
        format!("/admin/{list}/{}", page["items"][0]["id"].as_str().unwrap())
    };
    let (subscription, payment) = (one("subscriptions").await, one("payments").await);
    measure!("GET /admin/stats", app.get_as(&admin, "/admin/stats")).expect(200);
    measure!("GET /admin/users", app.get_as(&admin, "/admin/users")).expect(200);
    measure!("GET /admin/users that are searched", app.get_as(&admin, "/admin/users?q=dan")).expect(200);
    measure!("GET /admin/users/{id}", app.get_as(&admin, &user)).expect(200);
    let of_user = |list: &str| format!("{user}/{list}");
    measure!("GET /admin/users/{id}/subscriptions", app.get_as(&admin, &of_user("subscriptions"))).expect(200);
    measure!("GET /admin/users/{id}/payments", app.get_as(&admin, &of_user("payments"))).expect(200);
    measure!("GET /admin/users/{id}/sessions", app.get_as(&admin, &of_user("sessions"))).expect(200);
    measure!("GET /admin/subscriptions", app.get_as(&admin, "/admin/subscriptions")).expect(200);
    measure!("GET /admin/subscriptions/{id}", app.get_as(&admin, &subscription)).expect(200);
    measure!("GET /admin/payments", app.get_as(&admin, "/admin/payments")).expect(200);
    measure!("GET /admin/payments/{id}", app.get_as(&admin, &payment)).expect(200);
    measure!("GET /admin/audit-logs", app.get_as(&admin, "/admin/audit-logs?limit=100")).expect(200);
    let body = json!({"sql": "SELECT count(*) FROM users", "format": "preview"});
    let report = measure!("POST /admin/reports", app.post_as(&admin, "/admin/reports", body)).expect(202).body;
    app.drain().await;
    let path = format!("/admin/reports/{}", report["id"].as_str().unwrap());
    measure!("GET /admin/reports", app.get_as(&admin, "/admin/reports")).expect(200);
    measure!("GET /admin/reports/{id}", app.get_as(&admin, &path)).expect(200);
    measure!("GET /admin/reports/schema", app.get_as(&admin, "/admin/reports/schema")).expect(200);
    measure!("GET /admin/reports/gallery", app.get_as(&admin, "/admin/reports/gallery")).expect(200);
    let question = json!({"question": "How many users are there?"});
    measure!("POST /admin/ai/ask", app.post_as(&admin, "/admin/ai/ask", question)).expect(200);
    let dan = app.sign_in("dan@example.com").await;
    measure!("GET /me/export", app.get_as(&dan, "/me/export")).expect(200);
    measure!("POST /me/export", app.post_as(&dan, "/me/export", json!({"password": PASSWORD}))).expect(200);
    let decide = |act: &str, body| Request::patch_as(&admin, &of_user(act), body);
    let status = |is_active: bool| decide("status", json!({"is_active": is_active}));
    measure!("GET /admin/users/{id}/export", app.get_as(&admin, &of_user("export"))).expect(200);
    let mail = json!({"kind": "reset"});
    measure!("POST /admin/users/{id}/mail", app.post_as(&admin, &of_user("mail"), mail)).expect(202);
    let sessions = app.get_as(&admin, &of_user("sessions")).await.expect(200).body;
    let session = format!("{user}/sessions/{}", sessions["items"][0]["id"].as_str().unwrap());
    let revoke = Request::delete_as(&admin, &session);
    measure!("DELETE /admin/users/{id}/sessions/{sid}", revoke.send(&app)).expect(204);
    app.sign_in("dan@example.com").await;
    let revoke = Request::delete_as(&admin, &of_user("sessions"));
    measure!("DELETE /admin/users/{id}/sessions", revoke.send(&app)).expect(204);
    measure!("PATCH /admin/users/{id}/status, closed", status(false).send(&app)).expect(200);
    measure!("PATCH /admin/users/{id}/status, opened", status(true).send(&app)).expect(200);
    measure!("PATCH /admin/users/{id}/role", decide("role", json!({"is_admin": true})).send(&app)).expect(200);
    measure!("PATCH /admin/users/{id}/role, the same again", decide("role", json!({"is_admin": true})).send(&app))
        .expect(200);
    app.register("eve").await.expect(202);
    let unverified = app.get_as(&admin, "/admin/users?email_verified=false").await.expect(200).body;
    let path = format!("/admin/users/{}/verify", unverified["items"][0]["id"].as_str().unwrap());
    let verify = Request::patch_as(&admin, &path, json!({}));
    measure!("PATCH /admin/users/{id}/verify", verify.send(&app)).expect(200);
    let (_, fay) = app.person("fay").await;
    let user = format!("/admin/users/{}", fay.user["id"].as_str().unwrap());
    measure!("DELETE /admin/users/{id}", Request::delete_as(&admin, &user).send(&app)).expect(202);
    let (_, gil) = app.person("gil").await;
    let path = format!("/admin/users/{}/status", gil.user["id"].as_str().unwrap());
    let body = json!({"is_active": false, "subscription": "cancel_at_period_end"});
    let disable = Request::patch_as(&admin, &path, body);
    measure!("PATCH /admin/users/{id}/status, disabled with its subscription", disable.send(&app)).expect(200);
    app.drain().await;
    app.sweep("accounts").await.expect(200);
    let dan = app.sign_in("dan@example.com").await;
    measure!("POST /me/delete", app.post_as(&dan, "/me/delete", json!({}))).expect(202);
    app.drain().await;
    let swept = measure!("the sweep of accounts that erases one", app.sweep("accounts")).expect(200);
    assert_eq!(swept.body["handled"], 1);
    measure!("the statistics", app.sweep("rollup")).expect(200);
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
    let admin = app.sign_in("admin@example.com").await;
    let invitations = "/admin/invitations";
    let address = json!({"email": "invited@example.com"});
    let body = address.clone();
    let invitation = measure!("POST /admin/invitations", app.post_as(&admin, invitations, body)).expect(201).body;
    measure!("POST /admin/invitations again", app.post_as(&admin, invitations, address.clone())).expect(201);
    measure!("GET /admin/invitations", app.get_as(&admin, invitations)).expect(200);
    let path = format!("{invitations}/{}", invitation["id"].as_str().unwrap());
    app.delete_as(&admin, &path).await.refused(404, "not_found");
    let (invitation, _) = app.invite(&admin, "invited@example.com").await;
    let path = format!("{invitations}/{}", invitation["id"].as_str().unwrap());
    measure!("DELETE /admin/invitations/{id}", app.delete_as(&admin, &path)).expect(204);
    let (_, token) = app.invite(&admin, "invited@example.com").await;
    let register = json!({"invitation": token, "username": "invited", "password": PASSWORD});
    measure!("POST /register by an invitation", app.post("/register", register)).expect(200);

    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/budget.json");
    let mut budget: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let found = Value::Object(found);
    if std::env::var_os("UPDATE").is_some() {
        budget["operations"] = found.clone();
        std::fs::write(file, format!("{}\n", serde_json::to_string_pretty(&budget).unwrap())).unwrap();
    }
    let edit = "docs/budget.json by UPDATE=1 cargo test --workspace budget where the new cost is meant, then run \
                UPDATE=1 cargo test --workspace documents";
    assert_same_json("the measured costs and the budget", &found, &budget["operations"], edit);
    let limits = budget["limits"].as_object().unwrap();
    for (operation, limit) in limits {
        for unit in ["read_units", "write_units"] {
            assert!(found[operation][unit].as_f64() <= limit[unit].as_f64(), "{operation} {unit}");
        }
    }
}
