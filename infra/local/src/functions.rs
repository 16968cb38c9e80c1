//! The functions as Lambda sees them: an event in, an answer out, both JSON.

use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Context, LambdaEvent, Service as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// A function: an event in, an answer out.
pub type Function = Arc<dyn Fn(Value) -> Pin<Box<dyn Future<Output = Result<Value, String>> + Send>> + Send + Sync>;

/// A function behind the gateway: its router behind the adapter of Lambda.
pub fn http_function(router: axum::Router) -> Function {
    Arc::new(move |event| {
        let router = router.clone();
        Box::pin(async move {
            let request: LambdaRequest = serde_json::from_value(event).map_err(|error| error.to_string())?;
            let answer = Adapter::from(router).call(LambdaEvent::new(request, Context::default()));
            let Ok(response) = answer.await;
            serde_json::to_value(response).map_err(|error| error.to_string())
        })
    })
}

/// A function behind an event source: its handler, with the state that its invocations share.
pub fn event_function<S, E, A, R, F>(state: S, handle: impl Fn(E, S) -> F + Send + Sync + 'static) -> Function
where
    S: Clone + Send + Sync + 'static,
    E: DeserializeOwned,
    A: Serialize,
    R: Display,
    F: Future<Output = Result<A, R>> + Send + 'static,
{
    Arc::new(move |event| {
        let answer = serde_json::from_value(event).map(|event| handle(event, state.clone()));
        Box::pin(async move {
            let answer = answer.map_err(|error| error.to_string())?.await.map_err(|error| error.to_string())?;
            serde_json::to_value(answer).map_err(|error| error.to_string())
        })
    })
}
