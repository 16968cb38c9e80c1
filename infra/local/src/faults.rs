//! The fault injector: the HTTP client between the functions and the fakes. It counts their calls and makes them fail
//! on request. The dev console and the fakes' own pages do not pass here.

mod fault;

pub use crate::invocation::Order;
pub use crate::unprocessed::OPERATIONS as DONE_IN_PARTS;
pub use fault::{Fault, Kind, OPERATIONS};

use crate::clock::LocalClock;
use crate::denials::access_denied;
use crate::failures::{CONFLICT, answered, internal, lost, throttled};
use crate::fakes::{Fakes, TARGET};
use crate::invocation::{CurrentCall, Invocation};
use crate::permissions::{Access, Accesses, Decide, accesses, file_access};
use crate::s3::{Call as FileCall, FakeS3};
use crate::service::Service;
use crate::statements;
use crate::steps::{Step, turn};
use crate::transactions::{Answered, Transactions};
use crate::unprocessed;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use futures_util::future::try_join_all;
use http_body_util::BodyExt;
use serde_json::Value;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, mpsc};

/// A fault that is active.
struct Waiting {
    fault: Fault,
    /// Whether it applies to one call and its retries only: concurrent calls succeed.
    is_of_one_call: bool,
    /// The request of that call: its retries repeat it.
    call: Option<(String, Vec<u8>)>,
}

/// A call that a function made.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The service.
    pub service: Service,
    /// Its operation, by its name in the API.
    pub operation: String,
    /// The DynamoDB units that it used, by table: read and written. A failed condition counts one written unit.
    pub units: Vec<(String, f64, f64)>,
    /// For a call to a table within a function's run: its depth, the number of calls to tables that followed one
    /// another up to this one. Otherwise 0.
    pub depth: u32,
    /// When it was made, among the calls of its function's run. [`Order::First`] outside of a run.
    pub order: Order,
}

/// The fault injector, and the function that it belongs to, if any.
#[derive(Clone)]
pub struct FaultInjector(Arc<Shared>, Option<&'static str>);

struct Shared {
    inner: SharedHttpConnector,
    fakes: Fakes,
    clock: LocalClock,
    state: Mutex<State>,
    cleared: Notify,
    /// Notified of each write to a table; the write may be one to the outbox.
    pub wrote: Notify,
    transactions: Transactions,
}

#[derive(Default)]
struct State {
    faults: Vec<Waiting>,
    /// `None` where they are not counted.
    calls: Option<Vec<Call>>,
    steps: Option<mpsc::UnboundedSender<Step>>,
    roles: Option<Roles>,
}

/// The roles of the functions: what they allow, and what the functions used.
struct Roles {
    decide: Arc<Decide>,
    used: Accesses,
    denied: Vec<String>,
}

impl FaultInjector {
    /// A fault injector without faults, for the listeners on loopback and these fakes.
    #[must_use]
    pub fn new(fakes: Fakes) -> Self {
        let inner = SharedHttpConnector::new(aws_smithy_http_client::Connector::builder().build_http());
        let clock = fakes.clock.clone();
        let state = Mutex::new(State { calls: Some(Vec::new()), ..State::default() });
        let (cleared, wrote, transactions) = (Notify::new(), Notify::new(), Transactions::default());
        Self(Arc::new(Shared { inner, fakes, clock, state, cleared, wrote, transactions }), None)
    }

    /// The same fault injector for this function, whose role decides about its calls.
    #[must_use]
    pub fn of(&self, function: &'static str) -> Self {
        Self(Arc::clone(&self.0), Some(function))
    }

    /// The function that it belongs to, if any.
    #[must_use]
    pub fn function(&self) -> Option<&'static str> {
        self.1
    }

    /// Whether its function may do `action` with a file, by the enforced roles.
    #[must_use]
    pub fn allows_file(&self, action: &str) -> bool {
        self.refuse(vec![file_access(action)]).is_none()
    }

    /// Enforces roles: from now on a function's call is denied, as by IAM, unless `decide` allows it.
    pub fn enforce_roles(&self, decide: Arc<Decide>) {
        self.state().roles = Some(Roles { decide, used: Accesses::new(), denied: Vec::new() });
    }

    /// The permissions that the functions have used since the roles are enforced, with those of denied calls.
    #[must_use]
    pub fn accesses(&self) -> Accesses {
        self.state().roles.as_ref().map(|roles| roles.used.clone()).unwrap_or_default()
    }

    /// The calls that were denied since the roles are enforced.
    #[must_use]
    pub fn denied(&self) -> Vec<String> {
        self.state().roles.as_ref().map(|roles| roles.denied.clone()).unwrap_or_default()
    }

    /// The permissions of this call that the role of the calling function lacks.
    fn deny(&self, service: Service, operation: &str, request: &HttpRequest) -> Option<Access> {
        self.refuse(accesses(service, operation, request.body().bytes().unwrap_or_default()))
    }

    /// The first of these accesses that the role does not allow.
    fn refuse(&self, all: Vec<Access>) -> Option<Access> {
        let function = self.1?;
        let mut state = self.state();
        let roles = state.roles.as_mut()?;
        let denied = all.iter().find(|access| !(roles.decide)(function, access)).cloned();
        if let Some(Access { permission, .. }) = &denied {
            roles.denied.push(format!("{function}: {} on {}", permission.action, permission.resource));
        }
        let used = roles.used.entry(function).or_default();
        used.extend(all);
        denied
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a fault; `false` for an operation that no function calls, or that cannot fail in this way.
    #[must_use]
    pub fn add(&self, fault: Fault) -> bool {
        self.add_waiting(fault, false)
    }

    /// The same for a single call, the first that matches: its retries fail, and concurrent calls succeed.
    #[must_use]
    pub fn add_to_one_call(&self, fault: Fault) -> bool {
        self.add_waiting(fault, true)
    }

    fn add_waiting(&self, fault: Fault, is_of_one_call: bool) -> bool {
        let is_partial = |name: &str| DONE_IN_PARTS.contains(&name);
        if fault.kind == Kind::Unprocessed && !fault.operation.as_deref().is_some_and(is_partial) {
            return false;
        }
        let known = OPERATIONS.iter().any(|(service, operations)| {
            *service == fault.service && fault.operation.as_deref().is_none_or(|name| operations.contains(&name))
        });
        if known {
            self.state().faults.push(Waiting { fault, is_of_one_call, call: None });
        }
        known
    }

    /// Removes all faults and returns the unfinished ones: those that have not happened as often as configured. Hanging
    /// calls get an error.
    pub fn clear(&self) -> Vec<Fault> {
        let left = std::mem::take(&mut self.state().faults);
        self.0.cleared.notify_waiters();
        left.into_iter().map(|waiting| waiting.fault).collect()
    }

    /// The faults that have not happened as often as configured.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.state().faults.iter().map(|waiting| waiting.fault.clone()).collect()
    }

    /// Removes the faults of this kind. Hanging calls get an error.
    pub fn remove(&self, service: Service, operation: Option<&str>, kind: Kind) {
        let is_meant =
            |fault: &Fault| fault.service == service && fault.kind == kind && fault.operation.as_deref() == operation;
        self.state().faults.retain(|waiting| !is_meant(&waiting.fault));
        self.0.cleared.notify_waiters();
    }

    /// Whether a fault has not happened as often as configured.
    #[must_use]
    pub fn has_faults(&self) -> bool {
        !self.state().faults.is_empty()
    }

    /// From now on each call of a function to the tables or to Stripe waits until a test releases it: the test chooses
    /// the order of two functions' calls.
    #[must_use]
    pub fn step(&self) -> mpsc::UnboundedReceiver<Step> {
        let (steps, heard) = mpsc::unbounded_channel();
        self.state().steps = Some(steps);
        heard
    }

    /// Releases all calls from now on.
    pub fn run_free(&self) {
        self.state().steps = None;
    }

    /// The calls since this was last called.
    #[must_use]
    pub fn take_calls(&self) -> Vec<Call> {
        self.state().calls.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Stops recording calls: without a reader they would fill the memory.
    pub fn count_no_calls(&self) {
        self.state().calls = None;
    }

    fn count(
        &self,
        (service, operation): (Service, String),
        units: Vec<(String, f64, f64)>,
        current: Option<&CurrentCall>,
    ) {
        let depth = current.map_or(0, |call| call.depth);
        let order = current.map_or(Order::First, CurrentCall::order);
        if let Some(calls) = &mut self.state().calls {
            calls.push(Call { service, operation, units, depth, order });
        }
    }

    /// Announces a write to the tables that another process has made.
    pub fn announce_write(&self) {
        self.0.wrote.notify_one();
    }

    /// Waits for a write to some table.
    pub async fn write(&self) {
        self.0.wrote.notified().await;
    }

    /// The fault that applies to this call, if any.
    fn meet(&self, service: Service, operation: &str, body: Option<&[u8]>) -> Option<Kind> {
        let mut state = self.state();
        let call = (operation.to_owned(), body.unwrap_or_default().to_vec());
        let matches = |Waiting { fault, call: met, .. }: &Waiting| {
            fault.service == service
                && fault.operation.as_deref().is_none_or(|name| name == operation)
                && met.as_ref().is_none_or(|met| *met == call)
        };
        let Waiting { fault, is_of_one_call, call: met } = state.faults.iter_mut().find(|waiting| matches(waiting))?;
        if fault.after > 0 {
            fault.after -= 1;
            return None;
        }
        let kind = fault.kind;
        fault.times = fault.times.saturating_sub(1);
        if *is_of_one_call {
            *met = Some(call);
        }
        state.faults.retain(|waiting| waiting.fault.times > 0);
        Some(kind)
    }

    /// Makes a call, or fails it as the faults say.
    pub(crate) async fn pass(
        self,
        (service, operation): (Service, String),
        request: HttpRequest,
    ) -> Result<HttpResponse, ConnectorError> {
        if let (Some(access), Some(function)) = (self.deny(service, &operation, &request), self.1) {
            return access_denied(service, function, &access.permission, &request);
        }
        let current = Invocation::current().map(|run| run.begin_call(service == Service::Dynamodb));
        let steps = self.state().steps.clone().filter(|_| matches!(service, Service::Dynamodb | Service::Stripe));
        if steps.is_some()
            && operation == statements::OPERATION
            && let Some(parts) = statements::split(&request)
        {
            // Other functions' calls may come between the statements.
            let alone = |part| Box::pin(self.clone().pass((service, operation.clone()), part));
            let answers = try_join_all(parts.into_iter().map(alone)).await?;
            return statements::join(answers).ok_or_else(lost);
        }
        let _until_it_is_over = turn(steps, (service, &operation), request.body().bytes()).await;
        let table_request =
            (service == Service::Dynamodb).then(|| request.body().bytes().map(<[u8]>::to_vec)).flatten();
        match self.meet(service, &operation, request.body().bytes()) {
            Some(Kind::Throttle) => {
                let (status, body) = throttled(service);
                return answered(status, body);
            }
            Some(Kind::Error) => return answered(500, internal(service)),
            Some(Kind::Unprocessed) => {
                let mut request = request;
                let (left_out, is_any_left) = unprocessed::leave_out(&mut request);
                if !is_any_left {
                    self.count((service, operation), Vec::new(), current.as_ref());
                    return answered(200, unprocessed::add(b"", left_out));
                }
                let answer = self.forward(request, service, operation, table_request, current.as_ref()).await?;
                return answered(200, unprocessed::add(answer.body().bytes().unwrap_or_default(), left_out));
            }
            Some(Kind::Conflict) => return answered(400, CONFLICT.to_owned()),
            Some(Kind::Hang) => {
                self.hang().await;
                return Err(lost());
            }
            Some(Kind::LostResponse) => {
                let _never_arrives = self.forward(request, service, operation, table_request, current.as_ref()).await;
                return Err(lost());
            }
            Some(Kind::StopBefore) => {
                stop().await;
                return Err(lost());
            }
            Some(Kind::StopAfter) => {
                let _never_arrives = self.forward(request, service, operation, table_request, current.as_ref()).await;
                stop().await;
                return Err(lost());
            }
            None => {}
        }
        self.forward(request, service, operation, table_request, current.as_ref()).await
    }

    async fn forward(
        &self,
        request: HttpRequest,
        service: Service,
        operation: String,
        table_request: Option<Vec<u8>>,
        current: Option<&CurrentCall>,
    ) -> Result<HttpResponse, ConnectorError> {
        if service == Service::S3 {
            self.count((service, operation), Vec::new(), current);
            return self.put_file(request).await;
        }
        if let Service::Sqs | Service::Ses | Service::Secrets = service {
            let target = request.headers().get(TARGET).unwrap_or_default();
            let answer = self.0.fakes.answer(target, request.body().bytes().unwrap_or_default());
            self.count((service, operation), Vec::new(), current);
            return answered(answer.status.as_u16(), answer.body);
        }
        let Answered { status, headers, body } = match operation.as_str() {
            "TransactWriteItems" if service == Service::Dynamodb => {
                let inner = self.0.inner.clone();
                self.0.transactions.once(request, &self.0.clock, |request| read(inner, request)).await?
            }
            _ => read(self.0.inner.clone(), request).await?,
        };
        let units =
            table_request.map(|request| units(&operation, &request, &body, status.as_u16())).unwrap_or_default();
        let wrote = service == Service::Dynamodb && units.iter().any(|(_, _, written)| *written > 0.0);
        self.count((service, operation), units, current);
        if wrote {
            self.0.wrote.notify_one();
        }
        let mut answer = HttpResponse::new(status, SdkBody::from(body));
        *answer.headers_mut() = headers;
        Ok(answer)
    }

    /// Stores a file, as S3 does. The caller has checked that the role allows it.
    async fn put_file(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let other = |error: String| ConnectorError::other(error.into(), None);
        let request = request.try_into_http1x().map_err(|error| other(error.to_string()))?;
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(ConnectorError::io)?.to_bytes();
        let s3 = FakeS3 { documents: self.0.fakes.documents.clone(), clock: self.0.clock.clone() };
        let call = FileCall { method: &parts.method, uri: &parts.uri, headers: &parts.headers, body: &body };
        let answer = s3.answer(&call, |_, _| true);
        let status = answer.status().as_u16();
        let text =
            axum::body::to_bytes(answer.into_body(), usize::MAX).await.map_err(|error| other(error.to_string()))?;
        answered(status, String::from_utf8_lossy(&text).into_owned())
    }

    /// Waits until the caller's timeout or until the faults are removed. On a frozen clock the caller's timeout ends at
    /// once.
    async fn hang(&self) {
        let cleared = self.0.cleared.notified();
        tokio::pin!(cleared);
        loop {
            self.0.clock.end_next_sleep();
            tokio::select! {
                () = &mut cleared => return,
                () = tokio::time::sleep(std::time::Duration::from_millis(5)) => {}
            }
        }
    }
}

/// Makes a call and reads its answer to the end.
async fn read(connector: SharedHttpConnector, request: HttpRequest) -> Result<Answered, ConnectorError> {
    let response = connector.call(request).await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.into_body().collect().await.map_err(ConnectorError::io)?.to_bytes();
    Ok(Answered { status, headers, body })
}

/// Stops the calling function. Outside of a function there is no process to stop.
async fn stop() {
    if let Some(invocation) = Invocation::current() {
        invocation.stop().await;
    }
}

/// Service and operation of a request.
fn called(request: &HttpRequest) -> (Service, String) {
    let target = request.headers().get(TARGET).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    match target.split('.').next().unwrap_or_default() {
        "AmazonSQS" => (Service::Sqs, operation),
        "secretsmanager" => (Service::Secrets, operation),
        "" => {
            let form: HashMap<String, String> =
                request.body().bytes().and_then(|body| serde_urlencoded::from_bytes(body).ok()).unwrap_or_default();
            (Service::Ses, form.get("Action").cloned().unwrap_or_default())
        }
        _ => (Service::Dynamodb, operation),
    }
}

/// The units by table, from `ConsumedCapacity`; for a failed condition one written unit on each table of the request.
fn units(operation: &str, request: &[u8], answer: &[u8], status: u16) -> Vec<(String, f64, f64)> {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let reads = matches!(operation, "GetItem" | "Query" | "Scan" | "BatchGetItem");
    if status != 200 {
        let refused = answer["__type"].as_str().is_some_and(|kind| {
            kind.ends_with("ConditionalCheckFailedException") || kind.ends_with("TransactionCanceledException")
        });
        let request: Value = serde_json::from_slice(request).unwrap_or_default();
        let table = request["TableName"].as_str().unwrap_or("transaction").to_owned();
        return if refused { vec![(table, 0.0, 1.0)] } else { Vec::new() };
    }
    let consumed = match &answer["ConsumedCapacity"] {
        Value::Array(tables) => tables.clone(),
        Value::Null => Vec::new(),
        table => vec![table.clone()],
    };
    let split = |table: &Value| {
        let total = table["CapacityUnits"].as_f64().unwrap_or_default();
        let name = table["TableName"].as_str().unwrap_or_default().to_owned();
        if reads { (name, total, 0.0) } else { (name, 0.0, total) }
    };
    consumed.iter().map(split).collect()
}

impl HttpConnector for FaultInjector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().pass(called(&request), request))
    }
}

impl HttpClient for FaultInjector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl fmt::Debug for FaultInjector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultInjector")
    }
}
