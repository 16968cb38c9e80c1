//! A proxy to a stack that stops answering at a chosen call. The command waits there, and a test kills or interrupts it
//! at the same place in every run.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, Method, Uri};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tollgate_tests::app::TestApp;

/// The state that the handlers share.
struct Passage {
    url: String,
    stack: String,
    tables: String,
    queues: String,
    client: reqwest::Client,
    /// The operation that stops answering, such as `AmazonSQS.ListMessageMoveTasks`.
    operation: &'static str,
    /// The number of calls of it that are answered first.
    answered: usize,
    calls: AtomicUsize,
    reached: Notify,
}

/// The proxy; when this value is dropped, it stops, and its connections are cut.
pub struct Gate {
    passage: Arc<Passage>,
    server: Option<Runtime>,
}

impl Drop for Gate {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.shutdown_background();
        }
    }
}

impl Gate {
    /// A proxy to the stack of `app` that answers only the first `answered` calls of `operation`.
    pub async fn start(app: &TestApp, operation: &'static str, answered: usize) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let stack = app.stack.origin();
        let client = reqwest::Client::new();
        let about = describe(&client, &stack).await;
        let text = |name: &str| about[name].as_str().unwrap().to_owned();
        let passage = Arc::new(Passage {
            url: format!("http://{}", listener.local_addr().unwrap()),
            tables: text("tables_url"),
            queues: text("aws_url"),
            stack,
            client,
            operation,
            answered,
            calls: AtomicUsize::new(0),
            reached: Notify::new(),
        });
        let router = Router::new().fallback(pass).with_state(Arc::clone(&passage));
        let server = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        server.spawn(async move { axum::serve(TcpListener::from_std(listener).unwrap(), router).await.unwrap() });
        Self { passage, server: Some(server) }
    }

    /// The address to use in place of the stack's.
    pub fn url(&self) -> &str {
        &self.passage.url
    }

    /// Waits for the call that is not answered.
    pub async fn reached(&self) {
        self.passage.reached.notified().await;
    }
}

/// The stack's description of itself, with the address of the proxy.
async fn describe(client: &reqwest::Client, stack: &str) -> Value {
    let request = client.get(format!("{stack}/_local")).header("accept", "application/json");
    serde_json::from_slice(&request.send().await.unwrap().bytes().await.unwrap()).unwrap()
}

async fn pass(
    State(passage): State<Arc<Passage>>,
    method: Method,
    uri: Uri,
    mut headers: HeaderMap,
    body: Bytes,
) -> Response {
    if uri.path() == "/_local" {
        let mut about = describe(&passage.client, &passage.stack).await;
        about["tables_url"] = json!(format!("{}/tables", passage.url));
        about["aws_url"] = json!(format!("{}/queues", passage.url));
        return Response::new(Body::from(about.to_string()));
    }
    let is_operation = headers.get("x-amz-target").is_some_and(|target| target == passage.operation);
    if is_operation && passage.calls.fetch_add(1, Ordering::SeqCst) >= passage.answered {
        passage.reached.notify_one();
        return std::future::pending().await;
    }
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let target = match (path.strip_prefix("/tables"), path.strip_prefix("/queues")) {
        (Some(rest), _) => format!("{}{rest}", passage.tables),
        (None, Some(rest)) => format!("{}{rest}", passage.queues),
        (None, None) => format!("{}{path}", passage.stack),
    };
    for own in ["host", "content-length"] {
        headers.remove(own);
    }
    let sent = passage.client.request(method, target).headers(headers).body(body).send().await.unwrap();
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = sent.status();
    *answer.headers_mut() = sent.headers().clone();
    for own in ["content-length", "transfer-encoding", "connection"] {
        answer.headers_mut().remove(own);
    }
    *answer.body_mut() = Body::from(sent.bytes().await.unwrap());
    answer
}
