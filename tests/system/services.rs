//! An adopter's own services: their credentials, introspection, discovery, the Lambda authorizer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use tollgate_local::faults::Kind;
use tollgate_local::service::Service;
use tollgate_tests::app::{ADMIN, Answer, PASSWORD, Session, TestApp, limited};
use tollgate_tests::request::Request;

const PATH: &str = "/admin/service-credentials";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

async fn admin_of(app: &TestApp) -> Session {
    Session::of(&app.login(ADMIN.0, ADMIN.1).await.expect(200))
}

/// A new credential: its id and its secret.
async fn created(app: &TestApp, admin: &Session, name: &str) -> (String, String) {
    let body = app.post_as(admin, PATH, json!({"name": name})).await.expect(201).body;
    (body["id"].as_str().unwrap().to_owned(), body["secret"].as_str().unwrap().to_owned())
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

async fn introspect_as(app: &TestApp, authorization: &str, token: &str) -> Answer {
    let headers = [FORM, ("authorization", authorization)];
    app.send(Method::POST, "/introspect", &headers, Some(format!("token={token}&token_type_hint=access_token"))).await
}

/// A stack with an admin, and the header of a service.
async fn with_service() -> (TestApp, Session, String) {
    let app = TestApp::start_with_admin().await;
    let admin = admin_of(&app).await;
    let (id, secret) = created(&app, &admin, "the API").await;
    (app, admin, basic(&id, &secret))
}

#[tokio::test]
async fn introspection_returns_the_current_state_of_the_user() {
    let (app, admin, service) = with_service().await;
    let (_, ann) = app.person("ann").await;
    let claims = ann.claims();
    let answer = introspect_as(&app, &service, &ann.access).await.expect(200);
    assert_eq!(answer.headers["cache-control"], "no-store");
    let free = json!({"exports": false, "limits": {"exports": 3}});
    let mut expected = json!({"active": true, "token_type": "Bearer", "tier": 0, "features": free, "is_admin": false});
    for name in ["sub", "sid", "iss", "aud", "exp", "iat", "auth_time", "amr"] {
        expected[name] = claims[name].clone();
    }
    assert_eq!(answer.body, expected);
    // The token still has the values of the time when it was issued.
    let plans = app.get("/billing/plans").await.expect(200).body;
    let pro = plans["items"].as_array().unwrap().iter().find(|plan| plan["code"] == "pro").unwrap();
    let path = format!("/billing/plans/{}", pro["id"].as_str().unwrap());
    Request::patch_as(&admin, &path, json!({"features": {"exports": true}})).send(&app).await.expect(200);
    let checkout = app.subscribe(&ann, "pro").await.expect(201).body;
    app.pay(&checkout).await.expect(303);
    app.drain().await;
    app.make_admins(&[&ann]).await;
    let now = introspect_as(&app, &service, &ann.access).await.expect(200).body;
    assert_eq!(
        (&now["tier"], &now["features"], &now["is_admin"]),
        (&json!(1), &json!({"exports": true}), &json!(true))
    );
}

// S17
#[tokio::test]
async fn introspection_of_an_invalid_token_says_only_that_it_is_not_active() {
    let (app, admin, service) = with_service().await;
    let inactive = async |token: &str| {
        let answer = introspect_as(&app, &service, token).await.expect(200);
        assert_eq!(answer.body, json!({"active": false}), "{token}");
    };
    let (_, signed_out) = app.person("ann").await;
    let (_, disabled) = app.person("bob").await;
    let (_, expired) = app.person("cem").await;
    for token in ["", "x", "a.b.c", signed_out.refresh.as_str(), &format!("{}x", signed_out.access)] {
        inactive(token).await;
    }
    for session in [&signed_out, &disabled, &expired] {
        assert_eq!(introspect_as(&app, &service, &session.access).await.expect(200).body["active"], true);
    }
    app.with_cookie("/logout", &signed_out.refresh).await.expect(204);
    inactive(&signed_out.access).await;
    let path = format!("/admin/users/{}/status", disabled.user["id"].as_str().unwrap());
    Request::patch_as(&admin, &path, json!({"is_active": false})).send(&app).await.expect(200);
    inactive(&disabled.access).await;
    app.advance(960);
    inactive(&expired.access).await;
}

#[tokio::test]
async fn a_service_authenticates_only_by_basic_or_bearer() {
    let (app, admin, service) = with_service().await;
    let (id, secret) = created(&app, &admin, "another").await;
    let (other, _) = created(&app, &admin, "a third").await;
    let token = &admin.access;
    for good in [&service, &basic(&id, &secret), &format!("Bearer {secret}"), &format!("bearer {secret}")] {
        assert_eq!(introspect_as(&app, good, token).await.expect(200).body["active"], true, "{good}");
    }
    let wrong = format!("{}0", &secret[..secret.len() - 1]);
    let wrong = if wrong == secret { format!("{}1", &secret[..secret.len() - 1]) } else { wrong };
    for bad in [
        String::new(),
        "Basic".to_owned(),
        "Basic !!!".to_owned(),
        basic(&id, &wrong),
        basic(&id, ""),
        basic(&other, &secret),
        basic("", &secret),
        format!("Bearer {wrong}"),
        format!("Bearer {token}"),
        format!("Digest {secret}"),
    ] {
        let answer = introspect_as(&app, &bad, token).await.refused(401, "invalid_client");
        assert_eq!(answer.headers["www-authenticate"], "Basic realm=\"services\", Bearer", "{bad}");
    }
    let two = [FORM, ("authorization", service.as_str()), ("authorization", service.as_str())];
    app.send(Method::POST, "/introspect", &two, Some(format!("token={token}"))).await.refused(401, "invalid_client");
    // A client that is not a service does not learn whether the body is valid.
    app.send(Method::POST, "/introspect", &[], None).await.refused(401, "invalid_client");
    let json = [("content-type", "application/json"), ("authorization", service.as_str())];
    let body = json!({"token": token}).to_string();
    app.send(Method::POST, "/introspect", &json, Some(body)).await.refused(415, "unsupported_media_type");
    let form = [FORM, ("authorization", service.as_str())];
    app.send(Method::POST, "/introspect", &form, Some("x=y".to_owned())).await.refused(422, "validation_failed");
    // A service credential opens no route of a user.
    app.with_token(Method::GET, "/me", &secret).await.refused(401, "unauthenticated");
    app.with_token(Method::GET, PATH, &secret).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn credentials_are_listed_without_secrets_and_refused_once_deleted() {
    let app = TestApp::start_with_admin().await;
    let admin = admin_of(&app).await;
    let answer = app.post_as(&admin, PATH, json!({"name": "  the API "})).await.expect(201);
    let (id, secret) = (answer.body["id"].as_str().unwrap(), answer.body["secret"].as_str().unwrap());
    assert!(id.starts_with("svc_") && secret.starts_with(&format!("tgs_{}_", &id[4..])), "{id} {secret}");
    let listed = async || app.get_as(&admin, PATH).await.expect(200).body["items"].clone();
    let mut expected = json!([{"id": id, "name": "the API", "created_at": answer.body["created_at"],
        "created_by": admin.user["id"], "last_used_on": null}]);
    assert_eq!(listed().await, expected);
    let service = basic(id, secret);
    introspect_as(&app, &service, &admin.access).await.expect(200);
    expected[0]["last_used_on"] = json!("2026-03-01");
    assert_eq!(listed().await, expected);
    let _before = app.calls();
    introspect_as(&app, &service, &admin.access).await.expect(200);
    introspect_as(&app, &service, &admin.access).await.expect(200);
    let writes = app.calls().into_iter().filter(|call| call.operation == "UpdateItem").count();
    assert_eq!(writes, 0, "one write a day");
    let path = format!("{PATH}/{id}");
    app.advance(1);
    app.delete_as(&admin, &path).await.expect(204);
    app.delete_as(&admin, &path).await.refused(404, "not_found");
    introspect_as(&app, &service, &admin.access).await.refused(401, "invalid_client");
    assert_eq!(listed().await, json!([]));
    let logs = app.get_as(&admin, &format!("/admin/audit-logs?target_id={id}")).await.expect(200).body;
    let entries: Vec<_> = logs["items"].as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
    assert_eq!(entries, ["service_credential.deleted", "service_credential.created"]);
    let entry = &logs["items"][1];
    assert_eq!((&entry["actor_id"], &entry["after"]), (&admin.user["id"], &json!({"name": "the API"})));
}

#[tokio::test]
async fn at_most_twenty_credentials_exist_and_a_name_is_checked() {
    let app = TestApp::start_with_admin().await;
    let admin = admin_of(&app).await;
    for name in ["", "  ", "a\nb", &"n".repeat(81)] {
        let refused = app.post_as(&admin, PATH, json!({"name": name})).await.refused(422, "validation_failed");
        assert_eq!(refused.body["errors"][0]["field"], "name");
    }
    let mut ids = Vec::new();
    for n in 0..20 {
        ids.push(created(&app, &admin, &format!("service {n}")).await.0);
    }
    app.post_as(&admin, PATH, json!({"name": "x"})).await.refused(409, "too_many_service_credentials");
    app.delete_as(&admin, &format!("{PATH}/{}", ids[7])).await.expect(204);
    created(&app, &admin, "x").await;
    app.post_as(&admin, PATH, json!({"name": "x"})).await.refused(409, "too_many_service_credentials");
}

// S5
#[tokio::test]
async fn a_credential_is_created_with_the_password_or_a_fresh_sign_in() {
    let app = TestApp::start_with_admin().await;
    let admin = admin_of(&app).await;
    app.advance(301);
    let body = |password: &str| json!({"name": "x", "password": password});
    app.post_as(&admin, PATH, json!({"name": "x"})).await.refused(403, "reauthentication_required");
    app.post_as(&admin, PATH, body(PASSWORD)).await.refused(403, "wrong_password");
    assert!(!app.actions().await.contains(&"service_credential.created".to_owned()));
    app.post_as(&admin, PATH, body(ADMIN.1)).await.expect(201);
}

// S7
#[tokio::test]
async fn unauthenticated_clients_have_five_attempts_and_services_no_limit() {
    let app = TestApp::start_with(tollgate_local::Options { admin: None, ..limited() }).await;
    let (_, admin) = app.person("admin").await;
    app.make_admins(&[&admin]).await;
    let (id, secret) = created(&app, &admin, "the API").await;
    let service = basic(&id, &secret);
    let stranger = "Bearer x";
    for _ in 0..5 {
        introspect_as(&app, stranger, &admin.access).await.refused(401, "invalid_client");
    }
    let refused = introspect_as(&app, stranger, &admin.access).await.refused(429, "rate_limited");
    assert!(refused.headers.contains_key("retry-after"));
    for _ in 0..10 {
        introspect_as(&app, &service, &admin.access).await.expect(200);
    }
}

#[tokio::test]
async fn introspection_works_while_the_use_of_a_service_cannot_be_recorded() {
    let (app, admin, service) = with_service().await;
    app.fail_operation(Service::Dynamodb, "UpdateItem", Kind::Error, 3);
    assert_eq!(introspect_as(&app, &service, &admin.access).await.expect(200).body["active"], true);
    app.fail_operation(Service::Dynamodb, "GetItem", Kind::Error, 100);
    introspect_as(&app, &service, &admin.access).await.refused(503, "unavailable");
    app.stack.fault_injector().clear();
}

#[tokio::test]
async fn discovery_names_the_issuer_the_keys_and_existing_endpoints() {
    let app = TestApp::start().await;
    let base = app.stack.base_url();
    let documents = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];
    for path in documents {
        let answer = app.get(path).await.expect(200);
        assert_eq!(answer.headers["cache-control"], "public, max-age=300");
        assert_eq!((&answer.body["issuer"], &answer.body["response_types_supported"]), (&json!(base), &json!([])));
        let jwks = answer.body["jwks_uri"].as_str().unwrap().strip_prefix(&base).unwrap();
        let keys = app.get(jwks).await.expect(200).body["keys"].clone();
        let algorithms = answer.body["id_token_signing_alg_values_supported"].as_array().unwrap();
        assert_eq!(algorithms.len(), 2);
        assert!(keys.as_array().unwrap().iter().all(|key| algorithms.contains(&key["alg"])));
        for (name, value) in answer.body.as_object().unwrap() {
            if let Some(endpoint) = value.as_str().filter(|_| name.ends_with("_endpoint")) {
                let path = endpoint.strip_prefix(&base).unwrap();
                let exists = app.send(Method::PUT, path, &[], None).await;
                assert_eq!(exists.status, 405, "{endpoint}");
            }
        }
    }
    let (_, ann) = app.person("ann").await;
    let claims = ann.claims();
    let supported = app.get(documents[0]).await.expect(200).body["claims_supported"].clone();
    let named: Vec<_> = supported.as_array().unwrap().iter().map(|claim| claim.as_str().unwrap().to_owned()).collect();
    let mut own: Vec<_> = claims.as_object().unwrap().keys().cloned().collect();
    own.sort();
    let mut named = named;
    named.sort();
    assert_eq!(named, own);
}

/// The authorizer's answer to the token in this identity source.
async fn authorize(app: &TestApp, source: &str) -> Result<Value, String> {
    let event = json!({"version": "2.0", "type": "REQUEST", "identitySource": [source]});
    app.stack.invoke("authorizer", event).await
}

#[tokio::test]
async fn the_authorizer_returns_the_current_state_of_the_user() {
    let app = TestApp::start().await;
    let (_, ann) = app.subscriber("ann").await;
    let bearer = format!("Bearer {}", ann.access);
    let answer = authorize(&app, &bearer).await.unwrap();
    assert_eq!(answer["isAuthorized"], true);
    let claims = ann.claims();
    let features = json!({"exports": true, "limits": {"exports": 100}}).to_string();
    let context =
        json!({"sub": claims["sub"], "sid": claims["sid"], "tier": 1, "is_admin": false, "features": features});
    assert_eq!(answer["context"], context);
    app.with_cookie("/logout", &ann.refresh).await.expect(204);
    assert_eq!(authorize(&app, &bearer).await.unwrap(), json!({"isAuthorized": false}));
}

// S15
#[tokio::test]
async fn the_authorizer_refuses_an_invalid_token_without_an_error() {
    let app = TestApp::start().await;
    let (_, ann) = app.person("ann").await;
    let refused = json!({"isAuthorized": false});
    for source in
        ["", "Bearer", "Bearer x", "Basic eDp5", "Bearer a.b.c", &ann.access, &format!("Bearer {}", ann.refresh)]
    {
        assert_eq!(authorize(&app, source).await.unwrap(), refused, "{source}");
    }
    for event in [json!(null), json!({}), json!([]), json!("x"), json!({"headers": 5}), json!({"identitySource": 5})] {
        assert_eq!(app.stack.invoke("authorizer", event.clone()).await.unwrap(), refused, "{event}");
    }
    let good = format!("Bearer {}", ann.access);
    let event = |sources: Value| json!({"identitySource": sources, "headers": {"authorization": good}});
    for sources in [json!([]), json!([good, good]), json!([good, "GET /"]), json!(["Bearer x"])] {
        assert_eq!(app.stack.invoke("authorizer", event(sources.clone())).await.unwrap(), refused, "{sources}");
    }
    let answer = app.stack.invoke("authorizer", event(Value::Null)).await.unwrap();
    assert_eq!(answer["isAuthorized"], true, "without an identity source nothing is cached");
}

#[tokio::test]
async fn the_authorizer_fails_while_the_tables_do_not_answer() {
    let app = TestApp::start().await;
    let (_, ann) = app.person("ann").await;
    let bearer = format!("Bearer {}", ann.access);
    for _ in 0..2 {
        app.fail_operation(Service::Dynamodb, "GetItem", Kind::Error, 100);
        authorize(&app, &bearer).await.unwrap_err();
        app.stack.fault_injector().clear();
        assert_eq!(authorize(&app, &bearer).await.unwrap()["isAuthorized"], true);
    }
}
