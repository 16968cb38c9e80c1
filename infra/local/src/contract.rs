//! Compares each answer of a function with the OpenAPI document: a status, a media type or a code that the document
//! does not name is a fault of one of the two.

use http::{Method, StatusCode};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const PROBLEM: &str = "application/problem+json";

/// A documented response: its media types with their error codes. Without a media type it has no body.
type Allowed = BTreeMap<String, BTreeSet<String>>;

/// The operations of the document, and the answers that it lacks.
#[derive(Clone)]
pub struct Contract {
    operations: Arc<BTreeMap<(String, String), BTreeMap<u16, Allowed>>>,
    undocumented: Arc<Mutex<BTreeSet<String>>>,
}

/// The documented parts of an answer.
pub struct Answer<'a> {
    /// The status.
    pub status: StatusCode,
    /// The media type, if there is a body.
    pub content_type: Option<&'a str>,
    /// The body.
    pub body: &'a str,
}

impl Contract {
    /// Reads this OpenAPI document.
    pub fn new(document: &Value) -> Self {
        let mut operations = BTreeMap::new();
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                let responses = operation["responses"].as_object().into_iter().flatten();
                let responses =
                    responses.filter_map(|(status, response)| Some((status.parse().ok()?, allowed(response))));
                operations.insert((method.to_uppercase(), path.clone()), responses.collect());
            }
        }
        Self { operations: Arc::new(operations), undocumented: Arc::default() }
    }

    /// The same operations, and no answers yet.
    pub fn without_answers(&self) -> Self {
        Self { operations: Arc::clone(&self.operations), undocumented: Arc::default() }
    }

    /// Compares an answer of the operation `method path`, with the path as the document writes it. HEAD is compared as
    /// GET without the body. An operation that is not in the document is not compared.
    pub fn compare(&self, method: &Method, path: &str, answer: &Answer<'_>) {
        let name = if method == Method::HEAD { "GET" } else { method.as_str() };
        let Some(responses) = self.operations.get(&(name.to_owned(), path.to_owned())) else { return };
        if let Some(difference) = difference(responses, answer) {
            let text = format!("{name} {path}: {difference}");
            tracing::error!(answer = text, "an answer that the OpenAPI document does not name");
            self.lock().insert(text);
        }
    }

    /// The answers that the document does not name, each once.
    pub fn undocumented(&self) -> Vec<String> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.undocumented.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The documented response; its description names the codes between backticks.
fn allowed(response: &Value) -> Allowed {
    let description = response["description"].as_str().unwrap_or_default();
    let codes: BTreeSet<_> = description.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    let types = response["content"].as_object().into_iter().flatten();
    types.map(|(name, _)| (name.clone(), codes.clone())).collect()
}

fn difference(responses: &BTreeMap<u16, Allowed>, answer: &Answer<'_>) -> Option<String> {
    let status = answer.status.as_u16();
    let code = || {
        let body: Value = serde_json::from_str(answer.body).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    };
    let Some(allowed) = responses.get(&status) else { return Some(format!("{status} {}", code())) };
    let media_type = answer.content_type.map(|text| text.split(';').next().unwrap_or_default().trim());
    match media_type {
        None if answer.body.is_empty() => None,
        None => Some(format!("{status} with a body of no type")),
        Some(PROBLEM) => {
            let codes = allowed.get(PROBLEM);
            let code = code();
            // HEAD: there is no code to compare.
            let is_named = |codes: &BTreeSet<String>| answer.body.is_empty() || codes.contains(&code);
            if codes.is_some_and(is_named) { None } else { Some(format!("{status} {code}")) }
        }
        Some(media_type) if allowed.contains_key(media_type) => None,
        Some(media_type) => Some(format!("{status} as {media_type}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    // C1
    #[test]
    fn an_answer_is_named_by_its_status_its_media_type_and_its_code() {
        let problem = json!({"description": "`not_found`, `no_plan`", "content": {PROBLEM: {}}});
        let done = json!({"description": "Done", "content": {"application/json": {}}});
        let responses = json!({"200": done, "204": {"description": "Ended"}, "404": problem});
        let contract = Contract::new(&json!({"paths": {"/x/{id}": {"get": {"responses": responses}}}}));
        let json = Some("application/json; charset=utf-8");
        let cases = [
            (Method::GET, 200, json, "{}", None),
            (Method::HEAD, 200, json, "", None),
            (Method::GET, 204, None, "", None),
            (Method::GET, 404, Some(PROBLEM), r#"{"code": "no_plan"}"#, None),
            (Method::HEAD, 404, Some(PROBLEM), "", None),
            (Method::POST, 500, Some(PROBLEM), "", None),
            (Method::GET, 200, Some("text/html"), "<p>", Some("GET /x/{id}: 200 as text/html")),
            (Method::GET, 204, json, "{}", Some("GET /x/{id}: 204 as application/json")),
            (Method::GET, 200, None, "x", Some("GET /x/{id}: 200 with a body of no type")),
            (Method::GET, 404, Some(PROBLEM), r#"{"code": "other"}"#, Some("GET /x/{id}: 404 other")),
            (Method::GET, 403, Some(PROBLEM), r#"{"code": "forbidden"}"#, Some("GET /x/{id}: 403 forbidden")),
            (Method::HEAD, 403, Some(PROBLEM), "", Some("GET /x/{id}: 403 ")),
        ];
        for (method, status, content_type, body, expected) in cases {
            contract.lock().clear();
            let status = StatusCode::from_u16(status).unwrap();
            contract.compare(&method, "/x/{id}", &Answer { status, content_type, body });
            assert_eq!(contract.undocumented().first().map(String::as_str), expected, "{method} {status} {body}");
        }
    }
}
