//! The example of a product's own endpoints, and the guard crate alone: which requests each refuses.

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use http::{Request as HttpRequest, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tollgate_guard::{ActiveUser, Feature, Guard, GuardError, Quota, RequireFeature, RequireTier};
use tollgate_local::Options;
use tollgate_local::faults::Kind;
use tollgate_local::service::Service;
use tollgate_tests::app::{Answer, Session, TestApp, options};
use tollgate_tests::request::Request;
use tower::ServiceExt;

const TIER: &str = "/example/tier";
const FEATURE: &str = "/example/feature";
const QUOTA: &str = "/example/quota";

/// The longest time for which a guard caches the free plan.
const HELD_SECONDS: i64 = 5 * 60;

async fn use_quota(app: &TestApp, session: &Session) -> Answer {
    app.post_as(session, QUOTA, json!({})).await
}

/// A member who has paid for the plan with this code.
async fn subscriber(app: &TestApp, name: &str, code: &str) -> Session {
    let (_, session) = app.person(name).await;
    let checkout = app.subscribe(&session, code).await.expect(201);
    app.pay(&checkout.body).await.expect(303);
    app.drain().await;
    session
}

/// Changes the features of the plan with this code, for its subscribers and the guards.
async fn set_features(app: &TestApp, admin: &Session, code: &str, features: &Value) {
    let plans = app.get("/billing/plans").await.expect(200).body["items"].clone();
    let plan = plans.as_array().unwrap().iter().find(|plan| plan["code"] == code).unwrap();
    let path = format!("/billing/plans/{}", plan["id"].as_str().unwrap());
    Request::patch_as(admin, &path, json!({"features": features})).send(app).await.expect(200);
    app.drain().await;
    app.advance(HELD_SECONDS);
}

async fn admin(app: &TestApp) -> Session {
    let (_, admin) = app.person("admin").await;
    app.make_admins(&[&admin]).await;
    admin
}

/// A token that outlives the steps of a test.
fn patient() -> Options {
    let mut options = options();
    options.env.push(("ACCESS_TOKEN_EXPIRE".to_owned(), "60d".to_owned()));
    options
}

#[tokio::test]
async fn each_refusal_says_what_is_missing_and_where_to_get_it() {
    let app = TestApp::start().await;
    let (_, free) = app.person("ann").await;
    let upgrade_url = format!("{}/account/billing", app.stack.base_url());
    app.get_as(&free, "/example/me").await.expect(200);

    let refusal = app.get_as(&free, TIER).await.refused(403, "tier_required").body;
    assert_eq!((&refusal["required_tier"], &refusal["tier"]), (&json!(2), &json!(0)));
    assert_eq!(refusal["upgrade_url"], upgrade_url);

    let refusal = app.get_as(&free, FEATURE).await.refused(403, "feature_required").body;
    assert_eq!((&refusal["feature"], &refusal["upgrade_url"]), (&json!("exports"), &json!(upgrade_url)));

    let resets_at = "2026-04-01T00:00:00Z";
    for used in 1..=3 {
        let counted = use_quota(&app, &free).await.expect(200).body;
        assert_eq!(counted, json!({"limit": 3, "used": used, "resets_at": resets_at}));
    }
    let refusal = use_quota(&app, &free).await.refused(402, "quota_exceeded").body;
    assert_eq!((&refusal["limit"], &refusal["used"]), (&json!(3), &json!(3)));
    assert_eq!((&refusal["resets_at"], &refusal["upgrade_url"]), (&json!(resets_at), &json!(upgrade_url)));

    // A plan applies from the next request on, with the earlier token.
    let checkout = app.subscribe(&free, "pro").await.expect(201);
    app.pay(&checkout.body).await.expect(303);
    app.drain().await;
    app.get_as(&free, FEATURE).await.expect(200);
    assert_eq!(app.get_as(&free, TIER).await.refused(403, "tier_required").body["tier"], 1);
    let counted = use_quota(&app, &free).await.expect(200).body;
    assert_eq!((&counted["limit"], &counted["used"]), (&json!(100), &json!(4)), "uses of this month stay counted");

    let team = subscriber(&app, "tom", "team").await;
    app.get_as(&team, TIER).await.expect(200);
}

#[tokio::test]
async fn the_upgrade_address_is_a_setting() {
    let mut options = options();
    options.env.push(("UPGRADE_URL".to_owned(), "https://app.example.com/pricing".to_owned()));
    let app = TestApp::start_with(options).await;
    let (_, ann) = app.person("ann").await;
    let refusal = app.get_as(&ann, TIER).await.refused(403, "tier_required").body;
    assert_eq!(refusal["upgrade_url"], "https://app.example.com/pricing");
}

// S17
#[tokio::test]
async fn a_session_that_ends_is_refused_at_the_next_request() {
    let app = TestApp::start().await;
    let admin = admin(&app).await;
    let team = subscriber(&app, "tom", "team").await;
    app.get_as(&team, TIER).await.expect(200);
    let status = format!("/admin/users/{}/status", team.user["id"].as_str().unwrap());
    Request::patch_as(&admin, &status, json!({"is_active": false})).send(&app).await.expect(200);
    for path in ["/example/me", TIER, FEATURE] {
        app.get_as(&team, path).await.refused(401, "unauthenticated");
    }
    use_quota(&app, &team).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn counting_starts_again_with_the_month() {
    let app = TestApp::start_with(patient()).await;
    let (_, ann) = app.person("ann").await;
    for _ in 0..3 {
        use_quota(&app, &ann).await.expect(200);
    }
    // The test begins on 1 March at noon.
    app.advance(31 * 86_400 - 12 * 3600 - 60);
    use_quota(&app, &ann).await.refused(402, "quota_exceeded");
    app.advance(120);
    let counted = use_quota(&app, &ann).await.expect(200).body;
    assert_eq!(counted, json!({"limit": 3, "used": 1, "resets_at": "2026-05-01T00:00:00Z"}));
}

#[tokio::test]
async fn a_value_of_the_wrong_type_grants_nothing() {
    let app = TestApp::start_with(patient()).await;
    let admin = admin(&app).await;
    let (_, ann) = app.person("ann").await;
    let pro = subscriber(&app, "pia", "pro").await;
    for features in [
        json!({}),
        json!({"exports": "true", "limits": {}}),
        json!({"exports": 1, "limits": {"exports": 0}}),
        json!({"exports": null, "limits": {"exports": -1}}),
        json!({"exports": [true], "limits": {"exports": 2.5}}),
        json!({"exports": false, "limits": {"exports": "5"}}),
        json!({"limits": {"exports": true}}),
        json!({"limits": 5}),
    ] {
        set_features(&app, &admin, "free", &features).await;
        set_features(&app, &admin, "pro", &features).await;
        for session in [&ann, &pro] {
            app.get_as(session, FEATURE).await.refused(403, "feature_required");
            let refusal = use_quota(&app, session).await.refused(402, "quota_exceeded").body;
            assert_eq!((&refusal["limit"], &refusal["used"]), (&json!(0), &json!(0)), "{features}");
        }
    }
    let counters =
        app.table("limits").await.into_iter().filter(|row| row["pk"]["S"].as_str().unwrap().starts_with("USES#"));
    assert_eq!(counters.count(), 0, "a plan without uses costs no write");
    for code in ["free", "pro"] {
        set_features(&app, &admin, code, &json!({"exports": true, "limits": {"exports": 1}})).await;
    }
    for session in [&ann, &pro] {
        app.get_as(session, FEATURE).await.expect(200);
        use_quota(&app, session).await.expect(200);
        use_quota(&app, session).await.refused(402, "quota_exceeded");
    }
}

#[tokio::test]
async fn the_plan_of_price_0_applies_to_users_without_access() {
    let app = TestApp::start_with(patient()).await;
    let admin = admin(&app).await;
    let (_, ann) = app.person("ann").await;
    use_quota(&app, &ann).await.expect(200);
    let plans = app.get("/billing/plans").await.expect(200).body["items"].clone();
    let path = format!("/billing/plans/{}", plans[0]["id"].as_str().unwrap());
    Request::delete_as(&admin, &path).send(&app).await.expect(204);
    app.advance(HELD_SECONDS);
    assert_eq!(use_quota(&app, &ann).await.refused(402, "quota_exceeded").body["limit"], 0, "there is no free plan");
    for (code, uses) in [("beta", 7), ("alpha", 9)] {
        let plan = json!({
            "code": code, "name": code, "price_cents": 0, "currency": "usd", "billing_period": "month", "tier": 0,
            "features": {"limits": {"exports": uses}},
        });
        app.post_as(&admin, "/billing/plans", plan).await.expect(201);
        app.advance(HELD_SECONDS);
        assert_eq!(use_quota(&app, &ann).await.expect(200).body["limit"], uses, "the one with the first code");
    }
}

/// The name `exports` in features and limits.
struct Exports;

impl Feature for Exports {
    const NAME: &'static str = "exports";
}

/// A product's router with only the guards, and the same for a handler that fails after its use was counted.
fn product(app: &TestApp) -> Router {
    async fn me(user: ActiveUser) -> String {
        user.id.to_string()
    }
    async fn both(_: RequireTier<0>, _: RequireFeature<Exports>, quota: Quota<Exports>) -> String {
        quota.used.to_string()
    }
    async fn fails(_: Quota<Exports>) -> Result<String, StatusCode> {
        Err(StatusCode::INTERNAL_SERVER_ERROR)
    }
    let guard = Guard::from_env(app.stack.environment(), app.stack.sdk(), app.stack.clock().platform()).unwrap();
    Router::new().route("/me", get(me)).route("/both", get(both)).route("/fails", post(fails)).with_state(guard)
}

async fn ask(product: &Router, method: &str, path: &str, token: Option<&str>) -> (http::response::Parts, String) {
    let request = HttpRequest::builder().method(method).uri(path);
    let request =
        token.into_iter().fold(request, |request, token| request.header("authorization", format!("Bearer {token}")));
    let (parts, body) = product.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().into_parts();
    (parts, String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap())
}

#[tokio::test]
async fn the_guards_alone_answer_with_problems() {
    let app = TestApp::start().await;
    let (_, ann) = app.person("ann").await;
    let product = product(&app);
    let (parts, text) = ask(&product, "GET", "/me", Some(&ann.access)).await;
    assert_eq!((parts.status, text), (StatusCode::OK, ann.user["id"].as_str().unwrap().to_owned()));
    for token in [None, Some("none"), Some(ann.refresh.as_str())] {
        let (parts, text) = ask(&product, "GET", "/me", token).await;
        assert_eq!(
            (parts.status, &parts.headers["www-authenticate"]),
            (StatusCode::UNAUTHORIZED, &"Bearer".parse().unwrap())
        );
        assert_eq!(parts.headers["content-type"], "application/problem+json");
        let problem: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&problem["code"], &problem["status"]), (&json!("unauthenticated"), &json!(401)));
        assert_eq!(problem["type"], "/problems/unauthenticated");
    }
    let (parts, text) = ask(&product, "GET", "/both", Some(&ann.access)).await;
    let problem: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((parts.status.as_u16(), &problem["code"]), (403, &json!("feature_required")));
    assert!(matches!(parts.extensions.get(), Some(GuardError::FeatureRequired { feature: "exports", .. })));
}

#[tokio::test]
async fn several_guards_of_one_request_read_the_gate_once() {
    let app = TestApp::start().await;
    let pro = subscriber(&app, "pia", "pro").await;
    let product = product(&app);
    ask(&product, "GET", "/me", Some(&pro.access)).await;
    let _before = app.calls();
    let (parts, text) = ask(&product, "GET", "/both", Some(&pro.access)).await;
    assert_eq!((parts.status, text.as_str()), (StatusCode::OK, "1"));
    let calls: Vec<_> = app.calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(calls, ["GetItem", "UpdateItem"]);
}

#[tokio::test]
async fn a_use_whose_work_fails_stays_counted() {
    let app = TestApp::start().await;
    let pro = subscriber(&app, "pia", "pro").await;
    let product = product(&app);
    assert_eq!(ask(&product, "POST", "/fails", Some(&pro.access)).await.0.status, 500);
    assert_eq!(ask(&product, "GET", "/both", Some(&pro.access)).await.1, "2");
}

#[tokio::test]
async fn a_guard_without_its_tables_answers_503() {
    let app = TestApp::start().await;
    let (_, ann) = app.person("ann").await;
    let product = product(&app);
    ask(&product, "GET", "/me", Some(&ann.access)).await;
    app.fail(Service::Dynamodb, Kind::Error, 0, 3);
    let (parts, text) = ask(&product, "GET", "/me", Some(&ann.access)).await;
    assert_eq!((parts.status.as_u16(), &parts.headers["retry-after"]), (503, &"2".parse().unwrap()));
    assert!(text.contains("unavailable") && !text.contains("DynamoDB"), "{text}");
}
