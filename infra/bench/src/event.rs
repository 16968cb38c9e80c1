//! An event of the gateway (HTTP API, payload format 2.0).

use aws_lc_rs::hmac;
use axum::body::Bytes;
use serde_json::{Value, json};

/// `method path` with its query, and, where given, a bearer token and a JSON body.
pub fn event(method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> Bytes {
    let authorization = token.map(|token| ("authorization", format!("Bearer {token}")));
    with(method, path, authorization, body.map(Value::to_string))
}

/// A POST with this body; the body need not be valid.
pub fn post(path: &str, body: String) -> Bytes {
    with("POST", path, None, Some(body))
}

/// An event of Stripe, signed at this second with `secret`.
pub fn webhook(secret: &str, at: i64, body: &str) -> Bytes {
    let signature = ("stripe-signature", signature(secret, at, body));
    with("POST", "/billing/stripe/webhook", Some(signature), Some(body.to_owned()))
}

/// The header with Stripe's signature of `body`.
pub fn signature(secret: &str, at: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{at}.{body}").as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={at},v1={hex}")
}

fn with(method: &str, address: &str, header: Option<(&str, String)>, body: Option<String>) -> Bytes {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
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
    if let Some((name, value)) = header {
        headers[name] = value.into();
    }
    let event = json!({
        "version": "2.0",
        "routeKey": format!("ANY {path}"),
        "rawPath": path,
        "rawQueryString": query,
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
        "body": body,
        "isBase64Encoded": false,
    });
    event.to_string().into()
}
