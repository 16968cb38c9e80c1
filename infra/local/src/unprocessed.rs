//! Answers to `BatchGetItem` that lack a table, as DynamoDB gives them where that table alone is throttled.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use serde_json::{Map, Value, json};

/// Removes the last table of the request, by its name: returns its part, which is not read, if another table is left.
pub(crate) fn leave_out(request: &mut HttpRequest) -> (Value, bool) {
    let body = request.body().bytes().and_then(|body| serde_json::from_slice::<Value>(body).ok());
    let mut body = body.unwrap_or_default();
    let Some(tables) = body["RequestItems"].as_object_mut() else { return (json!({}), false) };
    let last = tables.keys().max().cloned().unwrap_or_default();
    let left_out: Map<_, _> = tables.remove(&last).map(|keys| (last, keys)).into_iter().collect();
    let is_any_left = !tables.is_empty();
    let body = body.to_string();
    request.headers_mut().insert("content-length", body.len().to_string());
    *request.body_mut() = SdkBody::from(body);
    (left_out.into(), is_any_left)
}

/// Adds the omitted part to `answer`.
pub(crate) fn add(answer: &[u8], left_out: Value) -> String {
    let mut answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    answer["UnprocessedKeys"] = left_out;
    answer.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(tables: &Value) -> HttpRequest {
        let body = json!({"RequestItems": tables, "ReturnConsumedCapacity": "TOTAL"}).to_string();
        http::Request::post("http://localhost/").body(SdkBody::from(body)).unwrap().try_into().unwrap()
    }

    #[test]
    fn the_last_table_is_left_out_and_named_in_the_answer() {
        let mut both = request(&json!({"t-gate": {"Keys": [1]}, "t-identity": {"Keys": [2]}}));
        let (left_out, is_any_left) = leave_out(&mut both);
        let body: Value = serde_json::from_slice(both.body().bytes().unwrap()).unwrap();
        assert_eq!((&body["RequestItems"], is_any_left), (&json!({"t-gate": {"Keys": [1]}}), true));
        let answer: Value = serde_json::from_str(&add(br#"{"Responses":{"t-gate":[]}}"#, left_out)).unwrap();
        let wanted = json!({"Responses": {"t-gate": []}, "UnprocessedKeys": {"t-identity": {"Keys": [2]}}});
        assert_eq!(answer, wanted);
        let (_, is_any_left) = leave_out(&mut request(&json!({"t-gate": {"Keys": [1]}})));
        assert!(!is_any_left);
    }
}
