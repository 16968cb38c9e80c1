//! The fault injector between the store under test and the engine: counts calls, loses answers, gives answers that the
//! engine never gives, lets another writer write just before a call, and records requested waits.

use aws_sdk_dynamodb::config::http::{HttpRequest, HttpResponse};
use aws_sdk_dynamodb::config::{HttpClient, RuntimeComponents};
use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The fault of a call.
pub enum Fault {
    /// Nothing.
    Pass,
    /// This answer, without a call of the engine.
    Answer(u16, Value),
    /// The engine does the work; the answer never arrives.
    LostAnswer,
    /// No connection, and no call of the engine.
    Unreachable,
    /// The engine executes only the statements without a code here; the others fail with their code.
    InPart(Vec<Option<&'static str>>),
    /// Work of another writer, done just before the call.
    Rival(BoxFuture),
}

impl Fault {
    /// The work of a rival.
    pub fn rival(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self::Rival(Box::pin(work))
    }

    /// DynamoDB's error `code`.
    pub fn error(code: &str) -> Self {
        Self::Answer(
            400,
            json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "made to fail"}),
        )
    }

    /// A transaction that was cancelled with a reason for each of its items.
    pub fn canceled(reasons: &[&str]) -> Self {
        let reasons: Vec<_> = reasons.iter().map(|code| json!({"Code": code, "Message": "made to fail"})).collect();
        let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
        Self::Answer(400, json!({"__type": kind, "Message": "canceled", "CancellationReasons": reasons}))
    }
}

/// A call of the store: its operation by its name in the API, and its body.
#[derive(Debug, Clone)]
pub struct Call {
    pub operation: String,
    pub body: Value,
}

#[derive(Clone)]
pub struct FaultInjector(Arc<Shared>);

struct Shared {
    engine: Connector,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    planned: VecDeque<(String, Fault)>,
    calls: Vec<Call>,
    waits: Vec<Duration>,
}

impl FaultInjector {
    pub fn new() -> Self {
        Self(Arc::new(Shared { engine: Connector::builder().build_http(), state: Mutex::default() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }

    /// The next calls of `operation` meet these faults, one each, in this order.
    pub fn next(&self, operation: &str, planned: impl IntoIterator<Item = Fault>) {
        self.state().planned.extend(planned.into_iter().map(|fault| (operation.to_owned(), fault)));
    }

    /// Removes the remaining faults: a call that is not retried meets its fault once.
    pub fn clear(&self) {
        self.state().planned.clear();
    }

    /// The calls since this was last called. Faults for calls that never came are a mistake of the test.
    pub fn take_calls(&self) -> Vec<Call> {
        let mut state = self.state();
        assert!(state.planned.is_empty(), "not every fault met its call");
        std::mem::take(&mut state.calls)
    }

    /// The number of calls since the last query.
    pub fn count(&self) -> usize {
        self.take_calls().len()
    }

    /// Records a wait of the store or the SDK, which ends at once.
    pub fn wait(&self, duration: Duration) {
        self.state().waits.push(duration);
    }

    /// The waits since this was last called.
    pub fn take_waits(&self) -> Vec<Duration> {
        std::mem::take(&mut self.state().waits)
    }

    async fn executed_in_part(
        &self,
        mut request: HttpRequest,
        codes: Vec<Option<&str>>,
    ) -> Result<HttpResponse, ConnectorError> {
        let mut body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let statements = body["Statements"].as_array_mut().unwrap();
        assert_eq!(statements.len(), codes.len(), "a code for each statement");
        let mut passed = codes.iter().map(Option::is_none);
        statements.retain(|_| passed.next().unwrap());
        let mut executed = Vec::new().into_iter();
        if !statements.is_empty() {
            let body = body.to_string();
            request.headers_mut().insert("content-length", body.len().to_string());
            *request.body_mut() = SdkBody::from(body);
            let answer = self.0.engine.call(request).await?.into_body().collect().await.map_err(ConnectorError::io)?;
            let answer: Value = serde_json::from_slice(&answer.to_bytes()).unwrap();
            executed = answer["Responses"].as_array().unwrap().clone().into_iter();
        }
        let failed = |code: &str| json!({"Error": {"Code": code, "Message": "made to fail"}});
        let answers: Vec<_> = codes.iter().map(|code| code.map_or_else(|| executed.next().unwrap(), failed)).collect();
        let mut answer =
            HttpResponse::new(200.try_into().unwrap(), SdkBody::from(json!({"Responses": answers}).to_string()));
        answer.headers_mut().insert("content-type", "application/x-amz-json-1.0");
        Ok(answer)
    }

    async fn pass(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let fault = {
            let mut state = self.state();
            state.calls.push(Call { operation: operation.clone(), body });
            let place = state.planned.iter().position(|(of, _)| *of == operation);
            place.and_then(|place| state.planned.remove(place)).map_or(Fault::Pass, |(_, fault)| fault)
        };
        match fault {
            Fault::Pass => {}
            Fault::Answer(status, body) => {
                let mut answer = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body.to_string()));
                answer.headers_mut().insert("content-type", "application/x-amz-json-1.0");
                return Ok(answer);
            }
            Fault::LostAnswer => {
                assert!(
                    self.0.engine.call(request).await?.status().is_success(),
                    "there was no call whose answer could be lost"
                );
                return Err(ConnectorError::io("the connection was closed before the answer".into()));
            }
            Fault::InPart(codes) => return self.executed_in_part(request, codes).await,
            Fault::Unreachable => return Err(ConnectorError::io("no connection".into())),
            Fault::Rival(work) => work.await,
        }
        self.0.engine.call(request).await
    }
}

impl HttpConnector for FaultInjector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().pass(request))
    }
}

impl HttpClient for FaultInjector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl fmt::Debug for FaultInjector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}
