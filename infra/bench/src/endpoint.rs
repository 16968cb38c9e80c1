//! The endpoint of the functions' AWS calls: TLS on loopback in front of the local stack. It replays recorded answers,
//! so that the time of the stack does not count in a figure.

use crate::error::{BenchError, While};
use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::serve::Listener;
use http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use http_body_util::BodyExt;
use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

/// How a call is handled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It is passed to the stack, and the answer is recorded.
    Record,
    /// The recorded answer is returned; without one, an error.
    Replay,
    /// It is passed to the stack.
    Forward,
}

/// A call: its operation by the name in the API, and its body.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Call {
    /// `x-amz-target`.
    pub operation: String,
    /// The body as it was sent.
    /// The body.
    pub body: Bytes,
}

/// An answer that was read to the end.
#[derive(Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// A 200 of DynamoDB.
    pub fn json(body: &serde_json::Value) -> Self {
        let headers = [(header::CONTENT_TYPE, header::HeaderValue::from_static("application/x-amz-json-1.0"))];
        Self { status: StatusCode::OK, headers: HeaderMap::from_iter(headers), body: body.to_string().into() }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        (self.status, self.headers, self.body).into_response()
    }
}

/// A listener in front of one of the stack's own.
#[derive(Clone)]
pub struct Endpoint(Arc<Shared>);

struct Shared {
    address: SocketAddr,
    upstream: String,
    connector: Connector,
    state: Mutex<Recordings>,
}

struct Recordings {
    mode: Mode,
    least: Duration,
    calls: Vec<Call>,
    answers: HashMap<Call, Answer>,
}

impl Endpoint {
    /// Listens in front of `upstream`, an address of the stack.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(upstream: &str, tls: Arc<ServerConfig>) -> Result<Self, BenchError> {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.doing("the endpoint")?;
        let endpoint = Self(Arc::new(Shared {
            address: tcp.local_addr().doing("the endpoint")?,
            upstream: upstream.to_owned(),
            connector: Connector::builder().build_http(),
            state: Mutex::new(Recordings {
                mode: Mode::Record,
                least: Duration::ZERO,
                calls: Vec::new(),
                answers: HashMap::new(),
            }),
        }));
        let router = Router::new().fallback(answer).with_state(endpoint.clone());
        let listener = TlsListener { tcp, acceptor: TlsAcceptor::from(tls) };
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(endpoint)
    }

    /// Its address, with the host name of its certificate.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.0.address.port())
    }

    /// Sets how calls are handled from now on.
    pub fn set(&self, mode: Mode) {
        self.state().mode = mode;
    }

    /// From now on each call takes at least this long.
    pub fn take_at_least(&self, least: Duration) {
        self.state().least = least;
    }

    /// The calls that were recorded since the last time this was called, in their order.
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.state().calls)
    }

    fn state(&self) -> MutexGuard<'_, Recordings> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn handle(&self, request: Request<Body>) -> Result<Answer, BenchError> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.doing("a call")?.to_bytes();
        let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
        let call = Call { operation: target.unwrap_or_default().to_owned(), body: in_one_order(&body) };
        let mode = {
            let state = self.state();
            if state.mode == Mode::Replay {
                let answer = state.answers.get(&call).cloned();
                return answer.ok_or_else(|| BenchError::new(&call.operation, "it was not recorded"));
            }
            state.mode
        };
        let url = format!("{}{}", self.0.upstream, parts.uri.path());
        let answer = send(&self.0.connector, parts.method, &url, parts.headers, body).await?;
        if mode == Mode::Record {
            let mut state = self.state();
            state.calls.push(call.clone());
            state.answers.insert(call, answer.clone());
        }
        Ok(answer)
    }
}

/// The same JSON with sorted fields: the SDK writes a map in another order each time.
fn in_one_order(body: &Bytes) -> Bytes {
    match serde_json::from_slice::<serde_json::Value>(body) {
        Ok(json) => json.to_string().into(),
        Err(_) => body.clone(),
    }
}

async fn answer(State(endpoint): State<Endpoint>, request: Request<Body>) -> Response {
    let least = endpoint.state().least;
    let pause = async {
        // A sleep of nothing lasts until the timer's next millisecond.
        if !least.is_zero() {
            sleep(least).await;
        }
    };
    let (handled, ()) = tokio::join!(endpoint.handle(request), pause);
    match handled {
        Ok(answer) => answer.into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Sends a request.
///
/// # Errors
/// When there is no answer.
pub async fn send(
    connector: &Connector,
    method: Method,
    url: &str,
    mut headers: HeaderMap,
    body: Bytes,
) -> Result<Answer, BenchError> {
    headers.remove(header::HOST);
    let uri: Uri = url.parse().doing(url)?;
    let mut request = Request::new(SdkBody::from(body.to_vec()));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    let request = HttpRequest::try_from(request).doing(url)?;
    let answer = connector.call(request).await.map_err(|error| BenchError::new(url, format!("{error:?}")))?;
    let (parts, body) = answer.try_into_http1x().doing(url)?.into_parts();
    let body = body.collect().await.doing(url)?.to_bytes();
    Ok(Answer { status: parts.status, headers: parts.headers, body })
}

/// Sends JSON to the stack and reads JSON.
///
/// # Errors
/// When the answer is not a 200 with JSON.
pub async fn post(url: &str, body: &serde_json::Value) -> Result<serde_json::Value, BenchError> {
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"))]);
    let connector = Connector::builder().build_http();
    read(url, send(&connector, Method::POST, url, headers, body.to_string().into()).await?)
}

/// Reads JSON from the stack.
///
/// # Errors
/// When the answer is not a 200 with JSON.
pub async fn get(url: &str) -> Result<serde_json::Value, BenchError> {
    let connector = Connector::builder().build_http();
    read(url, send(&connector, Method::GET, url, HeaderMap::new(), Bytes::new()).await?)
}

fn read(url: &str, answer: Answer) -> Result<serde_json::Value, BenchError> {
    if answer.status != StatusCode::OK {
        return Err(BenchError::new(url, format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body))));
    }
    serde_json::from_slice(&answer.body).doing(url)
}

struct TlsListener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, peer) = Listener::accept(&mut self.tcp).await;
            let _as_it_comes = stream.set_nodelay(true);
            // A function that stops during its handshake must not stop the endpoint.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, peer);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate;
    use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
    use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
    use axum::routing::post;

    /// A client that trusts `root` alone.
    fn trusting(root: &str) -> Connector {
        let trust = TrustStore::empty().with_pem_certificate(root);
        let context = TlsContext::builder().with_trust_store(trust).build().unwrap();
        Connector::builder().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).tls_context(context).build()
    }

    async fn ask(connector: &Connector, endpoint: &Endpoint, body: &'static str) -> Result<(u16, Bytes), BenchError> {
        let headers = HeaderMap::from_iter([("x-amz-target".parse().unwrap(), "Shop.Buy".parse().unwrap())]);
        let answer = send(connector, Method::POST, &endpoint.url(), headers, body.into()).await?;
        Ok((answer.status.as_u16(), answer.body))
    }

    #[tokio::test]
    async fn recorded_calls_are_replayed_without_the_stack_and_others_fail() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let upstream = format!("http://{}", listener.local_addr().unwrap());
        let stack = Router::new().route("/", post(async |body: String| format!("one {body}")));
        let stack = tokio::spawn(async move { axum::serve(listener, stack).await });
        let (root, tls) = certificate::made().unwrap();
        let endpoint = Endpoint::start(&upstream, tls).await.unwrap();
        let connector = trusting(&root);
        assert_eq!(ask(&connector, &endpoint, "apple").await.unwrap(), (200, "one apple".into()));
        let calls = endpoint.take_calls();
        assert_eq!((calls.len(), calls[0].operation.as_str(), &calls[0].body[..]), (1, "Shop.Buy", &b"apple"[..]));

        stack.abort();
        endpoint.set(Mode::Replay);
        assert_eq!(ask(&connector, &endpoint, "apple").await.unwrap(), (200, "one apple".into()));
        assert_eq!(ask(&connector, &endpoint, "pear").await.unwrap().0, 500);
        assert!(endpoint.take_calls().is_empty());
    }

    #[tokio::test]
    async fn a_client_that_trusts_another_authority_gets_no_answer() {
        let (_, tls) = certificate::made().unwrap();
        let (another, _) = certificate::made().unwrap();
        let endpoint = Endpoint::start("http://127.0.0.1:9", tls).await.unwrap();
        assert!(ask(&trusting(&another), &endpoint, "apple").await.is_err());
    }
}
