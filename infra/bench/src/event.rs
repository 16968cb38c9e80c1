//! An event of the gateway (HTTP API, payload format 2.0).

use axum::body::Bytes;
use serde_json::{Value, json};

/// `method path`, with a bearer token and a JSON body where there are some.
pub fn event(method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> Bytes {
    let mut headers = json!({
        "accept": "application/json",
        "accept-encoding": "gzip, br",
        "content-type": "application/json",
        "host": "accounts.example.com",
        "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "x-amzn-trace-id": "Root=1-5e6722a7-cc56a1b2c3d4e5f6a7b8c9d0",
        "x-forwarded-for": "203.0.113.7",
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    });
    if let Some(token) = token {
        headers["authorization"] = format!("Bearer {token}").into();
    }
    let event = json!({
        "version": "2.0",
        "routeKey": format!("ANY {path}"),
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": "000000000000", "apiId": "bench", "domainName": "accounts.example.com",
            "domainPrefix": "accounts",
            "http": {
                "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7",
                "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            },
            "requestId": "JKJaXmPLvHcESHA=", "routeKey": format!("ANY {path}"), "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 1_767_225_600_000_u64,
        },
        "body": body.map(Value::to_string),
        "isBase64Encoded": false,
    });
    event.to_string().into()
}
