//! `BatchExecuteStatement`: several writes in one call, of which each succeeds or fails alone, at its own time.

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

/// The operation.
pub const OPERATION: &str = "BatchExecuteStatement";

/// Replaces the body of a request.
pub(crate) fn set_body(request: &mut HttpRequest, body: &Value) {
    let body = body.to_string();
    request.headers_mut().insert("content-length", body.len().to_string());
    *request.body_mut() = SdkBody::from(body);
}

/// A request for each statement of `request`, if it has several.
pub(crate) fn split(request: &HttpRequest) -> Option<Vec<HttpRequest>> {
    let body: Value = serde_json::from_slice(request.body().bytes()?).ok()?;
    let statements = body["Statements"].as_array().filter(|statements| statements.len() > 1)?;
    let alone = |statement: &Value| {
        let mut one = request.try_clone()?;
        let mut body = body.clone();
        body["Statements"] = json!([statement]);
        set_body(&mut one, &body);
        Some(one)
    };
    statements.iter().map(alone).collect()
}

/// The answer to several statements from `answers`, each to one of them; the first that is an error is the answer to all.
pub(crate) fn join(answers: Vec<HttpResponse>) -> Option<HttpResponse> {
    let (mut responses, mut consumed) = (Vec::new(), Vec::new());
    let mut whole = None;
    for answer in answers {
        if !answer.status().is_success() {
            return Some(answer);
        }
        let body: Value = serde_json::from_slice(answer.body().bytes().unwrap_or_default()).unwrap_or_default();
        responses.extend(body["Responses"].as_array().into_iter().flatten().cloned());
        consumed.extend(body["ConsumedCapacity"].as_array().into_iter().flatten().cloned());
        whole = Some(answer);
    }
    whole.map(|mut answer| {
        let body = json!({"Responses": responses, "ConsumedCapacity": consumed}).to_string();
        // The headers of one statement's answer: the length, and a checksum of its body.
        answer.headers_mut().remove("x-amz-crc32");
        answer.headers_mut().insert("content-length", body.len().to_string());
        *answer.body_mut() = SdkBody::from(body);
        answer
    })
}

/// The verb of a statement, and the table that it names.
pub fn verb_and_table(statement: &str) -> (&str, &str) {
    let verb = statement.split_whitespace().next().unwrap_or_default();
    (verb, statement.split('"').nth(1).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(statements: &Value) -> HttpRequest {
        let body = json!({"Statements": statements, "ReturnConsumedCapacity": "INDEXES"}).to_string();
        http::Request::post("http://localhost/").body(SdkBody::from(body)).unwrap().try_into().unwrap()
    }

    fn response(status: u16, body: &Value) -> HttpResponse {
        HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body.to_string()))
    }

    #[test]
    fn several_statements_become_requests_of_one() {
        let parts = split(&request(&json!([{"Statement": "a"}, {"Statement": "b"}]))).unwrap();
        let bodies = parts.iter().map(|part| serde_json::from_slice(part.body().bytes().unwrap()).unwrap());
        let wanted =
            ["a", "b"].map(|text| json!({"Statements": [{"Statement": text}], "ReturnConsumedCapacity": "INDEXES"}));
        assert_eq!(bodies.collect::<Vec<Value>>(), wanted);
        assert!(split(&request(&json!([{"Statement": "a"}]))).is_none());
    }

    #[test]
    fn answers_are_joined_in_their_order_and_an_error_is_the_answer_to_all() {
        let of = |name: &str| response(200, &json!({"Responses": [name], "ConsumedCapacity": [{"TableName": name}]}));
        let both = join(vec![of("a"), of("b")]).unwrap();
        let body: Value = serde_json::from_slice(both.body().bytes().unwrap()).unwrap();
        let consumed = [json!({"TableName": "a"}), json!({"TableName": "b"})];
        assert_eq!(body, json!({"Responses": ["a", "b"], "ConsumedCapacity": consumed}));
        let refused = join(vec![of("a"), response(500, &json!({}))]).unwrap();
        assert_eq!(refused.status().as_u16(), 500);
        assert!(join(Vec::new()).is_none());
    }

    #[test]
    fn a_statement_names_its_verb_and_its_table() {
        assert_eq!(verb_and_table(r#"UPDATE "t-gate" SET sessions."x" = ?"#), ("UPDATE", "t-gate"));
        assert_eq!(verb_and_table(r#"INSERT INTO "t-audit" VALUE {'pk': ?}"#), ("INSERT", "t-audit"));
    }
}
