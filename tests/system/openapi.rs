//! The OpenAPI document: made of the code of each function, merged here, served by `pages`.

use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tollgate_local::openapi;
use tollgate_tests::app::TestApp;

const METHODS: [&str; 4] = ["get", "post", "patch", "delete"];

/// What operations are about, in the order of a reader.
const TAGS: [&str; 7] = ["Accounts", "Sign-in", "Providers", "Sessions", "Billing", "Admin", "Service"];

/// The document as it must be.
pub fn document() -> Value {
    let mut merged = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tollgate",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Accounts and billing. Bodies are JSON; times are RFC 3339 in UTC; errors are `application/problem+json` (RFC 9457) with a stable `code`. Unknown fields are ignored.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": TAGS.map(|name| json!({"name": name})),
        "paths": {},
        "components": {"schemas": {"Problem": problem()}, "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        }},
    });
    for part in [openapi::auth(), openapi::admin(), openapi::billing(), openapi::stripe_webhook(), openapi::pages()] {
        for (path, item) in part["paths"].as_object().unwrap() {
            assert!(merged["paths"].get(path).is_none(), "{path} is two functions'");
            merged["paths"][path] = item.clone();
        }
        for (name, schema) in part["components"]["schemas"].as_object().unwrap_or(&Map::new()) {
            merged["components"]["schemas"][name] = schema.clone();
        }
    }
    for item in merged["paths"].as_object_mut().unwrap().values_mut() {
        for method in METHODS {
            if let Some(operation) = item.get_mut(method) {
                complete(operation);
            }
        }
    }
    merged
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "RFC 9457.",
        "required": ["type", "title", "status", "detail", "code", "request_id"],
        "properties": {
            "type": {"type": "string", "description": "A URI under `/problems/`."},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "For a person to read."},
            "code": {"type": "string", "description": "Stable, for a program."},
            "request_id": {"type": "string", "description": "That of the answer's `x-request-id`."},
            "errors": {"type": "array", "items": {"type": "object", "properties": {
                "field": {"type": "string"}, "code": {"type": "string"}, "message": {"type": "string"},
            }}},
        },
    })
}

/// A comment of the code without its line ends and the numbers of requirements.
fn in_one_line(text: &str) -> String {
    let is_number = |word: &str| {
        let number = word.strip_prefix("(S").or(word.strip_prefix("(R")).and_then(|rest| rest.split_once(')'));
        number.is_some_and(|(digits, _)| digits.parse::<u8>().is_ok())
    };
    let mut line = String::new();
    for word in text.split_whitespace() {
        let end = word.split_once(')').map_or("", |(_, end)| end);
        match is_number(word) {
            true => line.push_str(end),
            false if line.is_empty() => line.push_str(word),
            false => line.extend([" ", word]),
        }
    }
    line
}

/// What the conventions add to every operation.
fn complete(operation: &mut Value) {
    for text in ["summary", "description"] {
        if let Some(said) = operation.get(text).and_then(Value::as_str) {
            operation[text] = json!(in_one_line(said));
        }
    }
    let takes_body = operation.get("requestBody").is_some();
    let wants_bearer = operation.get("security").is_some();
    let responses = operation["responses"].as_object_mut().unwrap();
    let mut common = vec![("500", "`internal`"), ("503", "`unavailable`")];
    if takes_body {
        common.extend([
            ("400", "`invalid_json`"),
            ("413", "`body_too_large`"),
            ("415", "`unsupported_media_type`"),
            ("422", "`validation_failed`"),
        ]);
    }
    if wants_bearer {
        common.push(("401", "`unauthenticated`"));
    }
    for (status, code) in common {
        let response = responses.entry(status).or_insert_with(|| json!({"description": ""}));
        let codes = response["description"].as_str().unwrap().to_owned();
        if !codes.contains(code) {
            let both = if codes.is_empty() { code.to_owned() } else { format!("{codes}, {code}") };
            response["description"] = json!(both);
        }
    }
    for (status, response) in responses.iter_mut() {
        if status.as_str() >= "400" {
            let schema = json!({"$ref": "#/components/schemas/Problem"});
            response["content"] = json!({"application/problem+json": {"schema": schema}});
        }
        if status == "429" {
            response["headers"] = json!({
                "retry-after": {"description": "Seconds.", "schema": {"type": "integer"}},
                "ratelimit": {"description": "What is left.", "schema": {"type": "string"}},
                "ratelimit-policy": {"description": "The limit that refused.", "schema": {"type": "string"}},
            });
        }
        if response.get("description").is_none() {
            response["description"] = json!("Done");
        }
    }
}

/// Every operation: `METHOD /path`, and itself.
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

/// Where the code has changed the file is written anew, and the test fails this once.
#[test]
fn the_document_that_is_served_is_that_of_the_code() {
    let wanted = format!("{:#}\n", document());
    let served = std::fs::read_to_string(file()).unwrap();
    if served != wanted {
        std::fs::write(file(), wanted).unwrap();
        panic!("functions/pages/web/openapi.json was out of date: it has been written, look at it and build again");
    }
}

#[tokio::test]
async fn the_document_and_its_page_are_served() {
    let app = TestApp::start().await;
    let answer = app.get("/openapi.json").await.expect(200);
    assert_eq!(answer.body, document());
    assert_eq!(answer.headers["content-type"], "application/json");
    let page = app.get("/docs").await.expect(200);
    assert!(page.text.contains("/docs/docs.js"));
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
fn every_reference_leads_somewhere_and_every_operation_says_what_it_is() {
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 5);
    for reference in found {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
    let mut ids = BTreeSet::new();
    for (name, operation) in operations() {
        assert!(operation["summary"].is_string(), "{name}");
        assert!(TAGS.contains(&operation["tags"][0].as_str().unwrap()), "{name}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{name}");
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
fn every_limited_route_says_so_and_no_other() {
    for (name, operation) in operations() {
        let is_redirect = name.contains("/google") || name.contains("/github");
        let path = name.split(' ').nth(1).unwrap();
        let limited =
            ["/register", "/login", "/verify", "/forget-password", "/new-password", "/deactivate", "/me/delete"];
        let prefixes = ["/login/", "/request/", "/change-", "/me/links/"];
        let is_limited = name.starts_with("POST ")
            && (limited.contains(&path) || prefixes.iter().any(|prefix| path.starts_with(prefix)));
        let by_user = (name.starts_with("POST /billing/") && !name.contains("webhook"))
            || ["DELETE /me/links/{provider}", "GET /me/export"].contains(&name.as_str());
        assert_eq!(operation["responses"].get("429").is_some(), is_limited || is_redirect || by_user, "{name}");
    }
}
