//! The OpenAPI document: generated from the code of each function, merged here, served by `pages`.

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tollgate_http::openapi::{METHODS, TAGS};
use tollgate_local::openapi;
use tollgate_tests::app::{ADMIN, Answer, Session, TestApp};
use tollgate_tests::guards::{assert_same_json, assert_same_names};

/// The expected document.
pub fn document() -> Value {
    openapi::document().clone()
}

/// Every operation: `METHOD /path`, and its description.
pub fn operations() -> BTreeMap<String, Value> {
    let document = document();
    let mut found = BTreeMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                found.insert(format!("{} {path}", method.to_uppercase()), operation.clone());
            }
        }
    }
    found
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions/pages/web/openapi.json")
}

/// After a change of the code the file is written, and the test fails once.
#[test]
fn the_served_document_is_that_of_the_code() {
    let wanted = format!("{:#}\n", document());
    let served = std::fs::read_to_string(file()).unwrap();
    if served != wanted {
        std::fs::write(file(), wanted).unwrap();
        let edit = "nothing: functions/pages/web/openapi.json has been written. Look at it and build again";
        let served = serde_json::from_str(&served).unwrap_or_default();
        assert_same_json("the document that is served is not that of the code", &served, &document(), edit);
        panic!("functions/pages/web/openapi.json was out of date in its form alone: it has been written");
    }
}

#[tokio::test]
async fn the_document_and_its_page_are_served() {
    let app = TestApp::start().await;
    let answer = app.get("/openapi.json").await.expect(200);
    let edit = "nothing: build again, the pages hold an older functions/pages/web/openapi.json";
    assert_same_json("the document that is served", &answer.body, &document(), edit);
    assert_eq!(answer.headers["content-type"], "application/json");
    let page = app.get("/docs").await.expect(200);
    assert!(page.text.contains("/docs/bundle.js?v="));
    app.get("/docs/docs.js").await.expect(200);
    app.get("/docs/none.js").await.refused(404, "not_found");
}

fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get("$ref").and_then(Value::as_str));
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn every_reference_resolves_and_every_operation_has_a_description() {
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 5);
    for reference in found {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
    let mut ids = BTreeSet::new();
    for (name, operation) in operations() {
        let field = |field: &str| {
            let text = operation.pointer(field).and_then(Value::as_str);
            text.unwrap_or_else(|| panic!("{name} has no {field}: edit the #[utoipa::path(…)] of its handler"))
        };
        assert!(!field("/summary").is_empty(), "{name} says nothing: its handler needs a comment");
        assert!(TAGS.contains(&field("/tags/0")), "{name}: {} is not one of {TAGS:?}", field("/tags/0"));
        let id = field("/operationId");
        assert!(ids.insert(id.to_owned()), "{name}: another operation has the operationId {id}");
    }
}

#[tokio::test]
async fn every_path_of_the_document_is_routed_and_takes_exactly_its_methods() {
    let app = TestApp::start().await;
    let document = document();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path.replace("{provider}", "google").replace("{id}", "ses_0");
        let answer = app.send(reqwest::Method::PUT, &path, &[], None).await.refused(405, "method_not_allowed");
        let mut allowed: Vec<_> = answer.headers["allow"]
            .to_str()
            .unwrap()
            .split(',')
            .filter(|name| *name != "HEAD")
            .map(str::to_lowercase)
            .collect();
        let mut wanted: Vec<_> =
            METHODS.into_iter().filter(|method| item.get(method).is_some()).map(str::to_owned).collect();
        allowed.sort();
        wanted.sort();
        assert_eq!(allowed, wanted, "{path}");
    }
}

#[test]
fn exactly_the_limited_operations_document_their_limit() {
    let rows = tollgate_tests::operations::operations();
    let limited = rows.iter().filter(|row| row.is_limited).map(|row| row.name.to_owned());
    let documents_it = |(_, operation): &(String, Value)| operation["responses"].get("429").is_some();
    let documented = operations().into_iter().filter(documents_it).map(|(name, _)| name);
    let edit = "the row in tests/src/operations: .limited(), or the responses of the handler";
    assert_same_names("the limited operations and those that document 429", limited, documented, edit);
}

async fn admin_of(app: &TestApp) -> Session {
    Session::of(&app.login(ADMIN.0, ADMIN.1).await.expect(200))
}

/// A path with ids that do not exist.
fn filled(path: &str) -> String {
    path.replace("{provider}", "google").replace("{id}", "x").replace("{sid}", "x").replace("{jti}", "x")
}

async fn ask(app: &TestApp, name: &str, query: &str, headers: &[(&str, &str)], body: Option<String>) -> Answer {
    let (method, path) = name.split_once(' ').unwrap();
    app.send(method.parse().unwrap(), &format!("{}{query}", filled(path)), headers, body).await
}

/// Checks that the document names `answer`: its status, and the code between backticks.
fn assert_named(name: &str, operation: &Value, answer: &Answer) {
    let response = &operation["responses"][answer.status.as_str()];
    let code = answer.body["code"].as_str().unwrap_or_default();
    let description = response["description"].as_str().unwrap_or_default();
    assert!(description.contains(&format!("`{code}`")), "{name}: {} {code} is not named: {description}", answer.status);
}

// C1
#[tokio::test]
async fn every_refusal_of_an_extractor_is_named_on_every_operation_that_has_it() {
    let app = TestApp::start_with_admin().await;
    let (_, user) = app.person("ann").await;
    let admin = admin_of(&app).await;
    let (user, admin) = (format!("Bearer {}", user.access), format!("Bearer {}", admin.access));
    let json = ("content-type", "application/json");
    let (mut without, mut bodies, mut lists, mut admins) = (0, 0, 0, 0);
    for (name, operation) in operations() {
        if operation.get("security").is_some() {
            without += 1;
            let answer = ask(&app, &name, "", &[("authorization", "Bearer x")], None).await;
            assert_eq!(answer.status, 401, "{name}");
            assert_named(&name, &operation, &answer);
        }
        if name.contains("/admin/") || (name.contains("/billing/plans") && !name.starts_with("GET ")) {
            admins += 1;
            let answer = ask(&app, &name, "", &[("authorization", &user), json], Some("{}".to_owned())).await;
            assert_eq!(answer.status, 403, "{name}");
            assert_named(&name, &operation, &answer);
        }
        if operation["requestBody"].is_object() && !name.contains("webhook") && name != "POST /introspect" {
            bodies += 1;
            let large = format!("{{\"x\": \"{}\"}}", "x".repeat(70_000));
            for (status, kind, body) in [
                (400, "application/json", "{".to_owned()),
                (413, "application/json", large),
                (415, "text/plain", "x".to_owned()),
                (422, "application/json", "[]".to_owned()),
            ] {
                let headers = [("authorization", admin.as_str()), ("content-type", kind)];
                let answer = ask(&app, &name, "", &headers, Some(body)).await;
                // The id in the path is checked first.
                let expected = if name.contains("{id}") || name.contains("{sid}") { 404 } else { status };
                assert_eq!(answer.status, expected, "{name}: {}", answer.text);
                assert_named(&name, &operation, &answer);
            }
        }
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        if parameters.iter().any(|parameter| parameter["name"] == "limit") {
            lists += 1;
            for query in ["?limit=x", "?limit=0", "?limit=101", "?limit=", "?limit=1&limit=2", "?cursor=x", "?cursor="]
            {
                let answer = ask(&app, &name, query, &[("authorization", &admin)], None).await;
                let is_other = [400, 404, 422].contains(&answer.status.as_u16());
                assert!(is_other, "{name}{query}: {}", answer.text);
                assert_named(&name, &operation, &answer);
            }
        }
    }
    assert!(without > 35 && bodies > 15 && lists > 8 && admins > 15, "{without} {bodies} {lists} {admins}");
}

// C1
#[test]
fn every_error_code_is_documented_with_its_status() {
    let mut statuses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, operation) in operations() {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let content = response.get("content").and_then(Value::as_object);
            let is_problem = content.is_some_and(|content| content.contains_key("application/problem+json"));
            assert_eq!(is_problem, status.as_str() >= "400", "{name} {status}");
            let description = response["description"].as_str().unwrap();
            for code in description.split('`').skip(1).step_by(2).filter(|_| is_problem) {
                statuses.entry(code.to_owned()).or_default().insert(status.clone());
            }
        }
    }
    // A refusal by Stripe tells an admin what to change, and a user that the service failed.
    let several: Vec<_> = statuses.iter().filter(|(_, statuses)| statuses.len() > 1).map(|(code, _)| code).collect();
    assert_eq!(several, ["stripe_refused"]);
    assert!(statuses.len() > 50, "{statuses:?}");
}

// C2
#[tokio::test]
async fn a_body_is_required_exactly_where_no_body_is_refused() {
    let app = TestApp::start_with_admin().await;
    let admin = format!("Bearer {}", admin_of(&app).await.access);
    let (mut required, mut optional) = (0, 0);
    for (name, operation) in operations() {
        let body = &operation["requestBody"];
        if !body.is_object() || name.contains("webhook") || name == "POST /introspect" {
            continue;
        }
        for content in body["content"].as_object().unwrap().values() {
            let schema = content["schema"].as_object().unwrap();
            assert_eq!(schema.keys().collect::<Vec<_>>(), ["$ref"], "{name}: it is described as itself");
        }
        let path = name.replace("{id}", "plan_00000000000070008000000000000000");
        let answer = ask(&app, &path, "", &[("authorization", &admin)], None).await;
        if body["required"] == true {
            required += 1;
            let is_refused = answer.status == 415 || name.contains("/admin/");
            assert!(is_refused, "{name}: {}", answer.text);
        } else {
            optional += 1;
            assert_eq!(body["required"], false, "{name}: it says so");
            for code in ["unsupported_media_type", "invalid_json", "validation_failed"] {
                assert_ne!(answer.body["code"], code, "{name}");
            }
            for body in ["null", "{}"] {
                let headers = [("authorization", admin.as_str()), ("content-type", "application/json")];
                let same = ask(&app, &path, "", &headers, Some(body.to_owned())).await;
                assert!(same.body["code"] != "validation_failed", "{name} {body}: {}", same.text);
            }
        }
    }
    assert!(required > 12 && optional >= 6, "{required} {optional}");
}

// C3
#[test]
fn no_name_is_one_that_a_generator_derives_from_another() {
    let document = document();
    let schemas: BTreeSet<_> = document["components"]["schemas"].as_object().unwrap().keys().cloned().collect();
    let is_free = |derived: String, from: &str| {
        let taken = schemas.iter().find(|name| name.replace('_', "").eq_ignore_ascii_case(&derived.replace('_', "")));
        assert_eq!(taken, None, "a generator derives it from {from}");
    };
    for name in &schemas {
        // Go's constructors and nullable types; the converters of TypeScript.
        for derived in
            ["New{}", "New{}WithDefaults", "New{}FromValue", "Nullable{}", "{}FromJSON", "{}ToJSON", "{}Enum"]
        {
            is_free(derived.replace("{}", name), name);
        }
        let plain = name.replace('_', "");
        let twins = schemas.iter().filter(|other| other.replace('_', "").eq_ignore_ascii_case(&plain)).count();
        assert_eq!(twins, 1, "{name}: another name differs by case alone");
    }
    for operation in operations().values() {
        let id = operation["operationId"].as_str().unwrap();
        for suffix in [
            "Body",
            "Params",
            "PathParams",
            "PathParameters",
            "QueryParams",
            "Headers",
            "Data",
            "Error",
            "Errors",
            "Result",
            "Request",
            "Response",
            "Responses",
            "Variables",
            "Mutation",
            "Query",
            "Default",
        ] {
            is_free(format!("{id}{suffix}"), id);
        }
    }
}

// C3
#[tokio::test]
async fn a_filter_is_refused_whenever_the_document_refuses_it() {
    let app = TestApp::start_with_admin().await;
    let admin = format!("Bearer {}", admin_of(&app).await.access);
    let document = document();
    let mut count = 0;
    for (name, operation) in operations() {
        for parameter in operation["parameters"].as_array().cloned().unwrap_or_default() {
            let (parameter, schema) = (parameter["name"].as_str().unwrap(), &parameter["schema"]);
            let reference = schema["$ref"].as_str().map(|path| path.trim_start_matches('#'));
            let schema = reference.and_then(|path| document.pointer(path)).unwrap_or(schema);
            let wrong: &[&str] = match (schema["type"].as_str(), schema["format"].as_str()) {
                (Some("boolean"), _) => &["", "1", "TRUE", "%20true", "yes", "null", "%00"],
                (_, Some("date-time")) => &["", "now", "2026-01-01", "0", "null", "2026-01-01T00:00:00", "%00"],
                _ if schema.get("enum").is_some() && !name.contains("{provider}") => &["", "x", "null", "%20", "%00"],
                _ => continue,
            };
            for value in wrong {
                count += 1;
                let answer =
                    ask(&app, &name, &format!("?{parameter}={value}"), &[("authorization", &admin)], None).await;
                assert_eq!(
                    (answer.status.as_u16(), &answer.body["code"]),
                    (400, &json!("invalid_filter")),
                    "{name} {parameter}={value}"
                );
                assert_named(&name, &operation, &answer);
            }
        }
    }
    assert!(count > 40, "{count} values");
}
