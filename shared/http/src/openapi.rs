//! The OpenAPI document: combined from its parts, with the additions of the conventions to every operation.

use crate::describe::{as_problem, describe_conventions, operations};
use serde_json::{Value, json};
use utoipa::openapi::path::Operation;
use utoipa::openapi::{OpenApi, RefOr};

pub use crate::describe::{Describe, Signature, refuse, responses};

/// The methods of operations.
pub const METHODS: [&str; 4] = ["get", "post", "patch", "delete"];

/// The tags of operations, in the order of a reader.
pub const TAGS: [&str; 9] =
    ["Accounts", "Sign-in", "Providers", "Sessions", "Billing", "Admin", "Reports", "Service", "Example"];

/// The document that combines these parts, one of each function. If two parts have the same operation, the last one
/// counts.
pub fn document(parts: impl IntoIterator<Item = OpenApi>) -> Value {
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
            "service": {
                "type": "http", "scheme": "basic",
                "description": "A service credential that an admin created: its id and its secret.",
            },
        }},
    });
    for mut part in parts {
        operations(&mut part.paths).for_each(|(_, operation)| complete(operation));
        let part = json!(part);
        for (path, item) in part["paths"].as_object().into_iter().flatten() {
            merged["paths"][path] = item.clone();
        }
        for (name, schema) in part["components"]["schemas"].as_object().into_iter().flatten() {
            merged["components"]["schemas"][name] = schema.clone();
        }
    }
    name_items(&mut merged["components"]["schemas"]);
    merged
}

/// Names the items of each list, whose schema repeats them.
fn name_items(schemas: &mut Value) {
    let names: Vec<_> = schemas.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
    for list in &names {
        if let Some(item) = list.strip_prefix("Page_").filter(|item| names.iter().any(|name| name == item)) {
            schemas[list]["properties"]["items"]["items"] = json!({"$ref": format!("#/components/schemas/{item}")});
        }
    }
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
            "required_tier": {"type": "integer", "description": "With `tier_required`: the lowest tier that is accepted."},
            "tier": {"type": "integer", "description": "With `tier_required`: the caller's tier."},
            "feature": {"type": "string", "description": "With `feature_required`: its name."},
            "limit": {"type": "integer", "description": "With `quota_exceeded`: the uses that the plan gives in a month."},
            "used": {"type": "integer", "description": "With `quota_exceeded`: the uses counted so far."},
            "resets_at": {"type": "string", "format": "date-time", "description": "With `quota_exceeded`: when counting starts again."},
            "upgrade_url": {"type": "string", "description": "With these three codes: where to get another plan."},
        },
    })
}

/// A comment of the code without line ends and the numbers of requirements.
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

/// Formats the texts of an operation, and adds the parts that every one has.
fn complete(operation: &mut Operation) {
    for text in [&mut operation.summary, &mut operation.description].into_iter().flatten() {
        *text = in_one_line(text);
    }
    describe_conventions(operation);
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        if status.as_str() >= "400" {
            as_problem(response);
        }
        if response.description.is_empty() {
            response.description = "Done".to_owned();
        }
    }
}
