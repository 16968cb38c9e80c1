//! Calls of which DynamoDB does a part only, as it does where one table alone is throttled: `BatchGetItem` without its last
//! table, and `BatchExecuteStatement` without its last statement.

use crate::statements::set_body;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use serde_json::{Map, Value, json};

/// The operations that can be done in part.
pub const OPERATIONS: [&str; 2] = ["BatchGetItem", crate::statements::OPERATION];

/// What is missing in an answer.
pub(crate) enum LeftOut {
    /// The keys of a table.
    Keys(Value),
    /// The last statement.
    Statement,
}

/// Removes the last part of the request: the last table, by its name, or the last statement. Returns it, and whether
/// another part is left.
pub(crate) fn leave_out(request: &mut HttpRequest) -> (LeftOut, bool) {
    let body = request.body().bytes().and_then(|body| serde_json::from_slice::<Value>(body).ok());
    let mut body = body.unwrap_or_default();
    let (left_out, is_any_left) = if let Some(statements) = body["Statements"].as_array_mut() {
        statements.pop();
        (LeftOut::Statement, !statements.is_empty())
    } else if let Some(tables) = body["RequestItems"].as_object_mut() {
        let last = tables.keys().max().cloned().unwrap_or_default();
        let left_out: Map<_, _> = tables.remove(&last).map(|keys| (last, keys)).into_iter().collect();
        (LeftOut::Keys(left_out.into()), !tables.is_empty())
    } else {
        return (LeftOut::Keys(json!({})), false);
    };
    set_body(request, &body);
    (left_out, is_any_left)
}

/// Adds the omitted part to `answer`: the body of an answer, or of none.
pub(crate) fn add(answer: &[u8], left_out: LeftOut) -> String {
    let mut answer: Value = serde_json::from_slice(answer).unwrap_or_else(|_| json!({}));
    match left_out {
        LeftOut::Keys(keys) => {
            answer["UnprocessedKeys"] = keys;
            if answer["Responses"].is_null() {
                answer["Responses"] = json!({});
            }
        }
        LeftOut::Statement => {
            let throttled = json!({"Error": {"Code": "ThrottlingError", "Message": "slow down"}});
            match answer["Responses"].as_array_mut() {
                Some(responses) => responses.push(throttled),
                None => answer["Responses"] = json!([throttled]),
            }
        }
    }
    answer.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_types::body::SdkBody;

    fn request(body: &Value) -> HttpRequest {
        let body = body.to_string();
        http::Request::post("http://localhost/").body(SdkBody::from(body)).unwrap().try_into().unwrap()
    }

    #[test]
    fn the_last_table_is_left_out_and_named_in_the_answer() {
        let mut both = request(&json!({"RequestItems": {"t-gate": {"Keys": [1]}, "t-identity": {"Keys": [2]}}}));
        let (left_out, is_any_left) = leave_out(&mut both);
        let body: Value = serde_json::from_slice(both.body().bytes().unwrap()).unwrap();
        assert_eq!((&body["RequestItems"], is_any_left), (&json!({"t-gate": {"Keys": [1]}}), true));
        let answer: Value = serde_json::from_str(&add(br#"{"Responses":{"t-gate":[]}}"#, left_out)).unwrap();
        let wanted = json!({"Responses": {"t-gate": []}, "UnprocessedKeys": {"t-identity": {"Keys": [2]}}});
        assert_eq!(answer, wanted);
        let (_, is_any_left) = leave_out(&mut request(&json!({"RequestItems": {"t-gate": {"Keys": [1]}}})));
        assert!(!is_any_left);
    }

    #[test]
    fn the_last_statement_is_left_out_and_fails() {
        let mut both = request(&json!({"Statements": [1, 2]}));
        let (left_out, is_any_left) = leave_out(&mut both);
        let body: Value = serde_json::from_slice(both.body().bytes().unwrap()).unwrap();
        assert_eq!((body, is_any_left), (json!({"Statements": [1]}), true));
        let throttled = json!({"Error": {"Code": "ThrottlingError", "Message": "slow down"}});
        let answer: Value = serde_json::from_str(&add(br#"{"Responses":[{}]}"#, left_out)).unwrap();
        assert_eq!(answer, json!({"Responses": [{}, throttled]}));
        let (left_out, is_any_left) = leave_out(&mut request(&json!({"Statements": [1]})));
        let answer: Value = serde_json::from_str(&add(b"", left_out)).unwrap();
        assert_eq!((answer, is_any_left), (json!({"Responses": [throttled]}), false));
    }
}
