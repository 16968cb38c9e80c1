//! The gateway, which behaves like API Gateway's HTTP API: each request becomes an event of payload format 2.0 and is
//! passed through the same adapter as on Lambda.

use crate::contract::{self, Contract};
use crate::functions::Function;
use crate::invocation::invoke;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use url::Url;

/// The function for each path, as in the template.
#[derive(Clone)]
pub struct Gateway {
    routes: Arc<Vec<(String, Function)>>,
    default: Function,
    contract: Contract,
}

/// API Gateway's own limit of a request, in bytes.
const MAX_BYTES: usize = 10 * 1024 * 1024;

impl Gateway {
    /// `default` answers where no route matches; each answer is compared with `contract`.
    #[must_use]
    pub fn new(routes: Vec<(String, Function)>, default: Function, contract: Contract) -> Self {
        Self { routes: Arc::new(routes), default, contract }
    }

    /// The function for `path` and the template's route key.
    fn route(&self, path: &str) -> (String, &Function) {
        let found = self.routes.iter().find(|(pattern, _)| matches(pattern, path));
        found.map_or(("$default".to_owned(), &self.default), |(pattern, function)| (format!("ANY {pattern}"), function))
    }

    /// Compares an answer with the document, in which the routes of the default function have their paths.
    fn compare(&self, method: &http::Method, route_key: &str, path: &str, answer: &Value) {
        let status = answer["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok());
        let Some(status) = status.and_then(|status| StatusCode::from_u16(status).ok()) else { return };
        let headers = [&answer["headers"]["content-type"], &answer["multiValueHeaders"]["content-type"][0]];
        let content_type = headers.into_iter().find_map(Value::as_str);
        let body = answer["body"].as_str().unwrap_or_default();
        let path = route_key.strip_prefix("ANY ").unwrap_or(path);
        self.contract.compare(method, path, &contract::Answer { status, content_type, body });
    }

    /// The gateway as a router for all paths.
    pub fn router(self) -> Router {
        Router::new().fallback(enter).with_state(self)
    }
}

/// Whether `path` matches `pattern`: literal segments, and `{name}` for one segment.
fn matches(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            (Some(want), Some(have)) if want == have || (want.starts_with('{') && !have.is_empty()) => {}
            _ => return false,
        }
    }
}

async fn enter(
    State(gateway): State<Gateway>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BYTES).await else {
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    if !is_routable(&parts.uri, &parts.headers) {
        return refuse(StatusCode::BAD_REQUEST, "Bad Request");
    }
    let (route_key, function) = gateway.route(parts.uri.path());
    let event = event(&route_key, &parts.method, &parts.uri, &parts.headers, peer, &body);
    let answer = match invoke(function(event)).await {
        Some(Ok(answer)) => {
            gateway.compare(&parts.method, &route_key, parts.uri.path(), &answer);
            respond(&answer)
        }
        Some(Err(error)) => {
            tracing::error!(error, "a function failed");
            None
        }
        None => None,
    };
    answer.unwrap_or_else(|| refuse(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"))
}

/// Whether API Gateway passes the request on: its target is a path, and its host a name.
fn is_routable(uri: &http::Uri, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    uri.path().starts_with('/')
        && host.parse::<http::uri::Authority>().is_ok()
        && Url::parse(&format!("https://{host}{}", uri.path())).is_ok()
}

fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"message": message}))).into_response()
}

fn event(
    route_key: &str,
    method: &http::Method,
    uri: &http::Uri,
    headers: &HeaderMap,
    peer: SocketAddr,
    body: &[u8],
) -> Value {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let mut joined = Map::new();
    let mut cookies = Vec::new();
    for name in headers.keys() {
        let values = headers.get_all(name).iter().map(text).collect::<Vec<_>>();
        if name == header::COOKIE {
            cookies.extend(values.iter().flat_map(|value| value.split("; ")).map(|cookie| json!(cookie)));
        } else {
            joined.insert(name.as_str().to_owned(), json!(values.join(",")));
        }
    }
    // The gateway appends the peer's address to the header.
    let forwarded = joined.get("x-forwarded-for").and_then(Value::as_str).map(|before| format!("{before}, "));
    let forwarded = format!("{}{}", forwarded.unwrap_or_default(), peer.ip());
    joined.insert("x-forwarded-for".to_owned(), json!(forwarded));
    let (body, is_base64) = match std::str::from_utf8(body) {
        Ok("") => (Value::Null, false),
        Ok(text) => (json!(text), false),
        Err(_) => (json!(STANDARD.encode(body)), true),
    };
    let query = uri.query().unwrap_or_default();
    let user_agent = joined.get("user-agent").cloned().unwrap_or(json!(""));
    let host = joined.get("host").cloned().unwrap_or(json!(""));
    json!({
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": uri.path(),
        "rawQueryString": query,
        "cookies": cookies,
        "headers": joined,
        "requestContext": {
            "accountId": "000000000000", "apiId": "local", "domainName": host, "domainPrefix": "local",
            "http": {
                "method": method.as_str(), "path": uri.path(), "protocol": "HTTP/1.1",
                "sourceIp": peer.ip().to_string(), "userAgent": user_agent,
            },
            "requestId": "local", "routeKey": route_key, "stage": "$default",
            "time": "01/Jan/1970:00:00:00 +0000", "timeEpoch": 0,
        },
        "body": body,
        "isBase64Encoded": is_base64,
    })
}

/// The function's answer as HTTP; `None` when it is not valid.
fn respond(answer: &Value) -> Option<Response> {
    let status = StatusCode::from_u16(u16::try_from(answer["statusCode"].as_u64()?).ok()?).ok()?;
    let text = answer["body"].as_str().unwrap_or_default();
    let body = match answer["isBase64Encoded"].as_bool() {
        Some(true) => STANDARD.decode(text).ok()?,
        _ => text.as_bytes().to_vec(),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let many = answer["multiValueHeaders"].as_object();
    let is_many = |name: &String| many.is_some_and(|many| many.contains_key(name));
    let single = answer["headers"].as_object().into_iter().flatten().filter(|(name, _)| !is_many(name));
    let single = single.filter_map(|(name, value)| Some((name, value.as_str()?)));
    let many = many.into_iter().flatten().flat_map(|(name, values)| {
        values.as_array().into_iter().flatten().filter_map(move |value| Some((name, value.as_str()?)))
    });
    let headers = response.headers_mut();
    for (name, value) in many.chain(single) {
        let name: HeaderName = name.parse().ok()?;
        if name != header::SET_COOKIE {
            headers.append(name, value.parse().ok()?);
        }
    }
    for cookie in answer["cookies"].as_array().into_iter().flatten() {
        headers.append(header::SET_COOKIE, cookie.as_str()?.parse().ok()?);
    }
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    // S8
    #[test]
    fn only_the_path_itself_takes_a_route() {
        for (pattern, path, fits) in [
            ("/login", "/login", true),
            ("/login", "//login", false),
            ("/login", "/login/", false),
            ("/login", "/LOGIN", false),
            ("/sessions/{id}", "/sessions/ses_1", true),
            ("/sessions/{id}", "/sessions/", false),
            ("/sessions/{id}", "/sessions/a/b", false),
        ] {
            assert_eq!(matches(pattern, path), fits, "{pattern} {path}");
        }
    }

    // S8
    #[test]
    fn the_event_carries_the_peer_address_and_ignores_forwarding_headers() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "6.6.6.6".parse().unwrap());
        headers.append("cookie", "a=1; b=2".parse().unwrap());
        headers.append("accept", "a".parse().unwrap());
        headers.append("accept", "b".parse().unwrap());
        let peer = "127.0.0.3:9".parse().unwrap();
        let event = event("$default", &http::Method::GET, &"/x?y=1".parse().unwrap(), &headers, peer, b"\xff");
        assert_eq!(event["requestContext"]["http"]["sourceIp"], "127.0.0.3");
        assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
        assert_eq!(event["headers"]["accept"], "a,b");
        assert_eq!(event["headers"]["x-forwarded-for"], "6.6.6.6, 127.0.0.3");
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("/w=="), &json!(true)));
    }

    #[test]
    fn every_response_header_value_is_passed_on_once() {
        let answer = json!({
            "statusCode": 200, "headers": {"x-a": "1", "x-b": "1", "vary": "origin"},
            "multiValueHeaders": {"x-a": ["1"], "vary": ["origin", "accept-encoding"]},
            "cookies": ["a=1", "b=2"], "body": "x",
        });
        let response = respond(&answer).unwrap();
        let count = |name: &str| response.headers().get_all(name).iter().count();
        assert_eq!(["set-cookie", "x-a", "x-b", "vary"].map(count), [2, 1, 1, 2]);
    }
}
