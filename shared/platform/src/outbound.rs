//! Calls to services other than AWS: the same HTTP client as the SDKs', with a deadline and a limit on the answer. A
//! call over a pooled connection that the other side has closed, for example while this process was frozen, is repeated
//! once if that is safe (D8).

use aws_config::SdkConfig;
use aws_smithy_async::future::timeout::Timeout;
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::default_connector;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::display::DisplayErrorContext;
use http_body_util::{BodyExt, Limited};
use std::error::Error;
use std::fmt::Display;
use std::io::{self, ErrorKind};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The default timeout of a call, from its start to the last byte of its answer: three in a row stay below R16's 15 s.
const DEADLINE: Duration = Duration::from_millis(4500);
const CONNECT_DEADLINE: Duration = Duration::from_secs(2);
/// Before a request, the runtime gets this number of turns. In a process that was frozen, the first turn shows which
/// pooled connections have ended, and in the second their tasks remove them from the pool.
const TURNS_AFTER_A_FREEZE: usize = 3;
/// The largest answer, in bytes: a hundred of Stripe's invoices with many lines each.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// A client for one service.
#[derive(Clone)]
pub struct Outbound {
    connector: Arc<OnceLock<SharedHttpConnector>>,
    sleep: SharedAsyncSleep,
    deadline: Duration,
}

/// No answer, or one that cannot be read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct OutboundError(pub String);

impl Outbound {
    /// Over TLS, with the machine's own root certificates.
    #[must_use]
    pub fn system() -> Self {
        // Created at the first call: reading the root certificates is not part of a cold start.
        Self { connector: Arc::default(), sleep: tokio_sleep(), deadline: DEADLINE }
    }

    /// Over another client, with the sleep of `sdk` for its deadline.
    #[must_use]
    pub fn over(connector: SharedHttpConnector, sdk: &SdkConfig) -> Self {
        let sleep = sdk.sleep_impl().unwrap_or_else(tokio_sleep);
        Self { connector: Arc::new(connector.into()), sleep, deadline: DEADLINE }
    }

    /// The same client with this timeout.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Sends `request` and reads the whole answer. If the connection turns out to be closed, it is repeated once: a
    /// GET, a request with an idempotency key, or any request of which nothing was sent.
    ///
    /// # Errors
    /// When there is none in time, or it is too large.
    pub async fn send(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, OutboundError> {
        let is_repeatable = request.method().is_safe() || request.headers().contains_key(IDEMPOTENCY_KEY);
        let exchange = async {
            for _ in 0..TURNS_AFTER_A_FREEZE {
                tokio::task::yield_now().await;
            }
            let answer = match self.call(request.clone()).await? {
                Err(error) if may_repeat(&error, is_repeatable) => {
                    tracing::warn!(error = %DisplayErrorContext(&error), "the connection was closed: sent once more");
                    self.call(request).await?
                }
                answer => answer,
            };
            let answer = answer.map_err(|error| OutboundError(format!("{error:?}")))?;
            let answer = answer.try_into_http1x().map_err(failed)?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, MAX_BYTES).collect().await.map_err(failed)?;
            Ok(http::Response::from_parts(parts, body.to_bytes().to_vec()))
        };
        match Timeout::new(Box::pin(exchange), self.sleep.sleep(self.deadline)).await {
            Ok(answer) => answer,
            Err(_) => Err(failed("no answer in time")),
        }
    }

    /// One attempt, up to the head of the answer.
    async fn call(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<Result<HttpResponse, ConnectorError>, OutboundError> {
        let request = HttpRequest::try_from(request.map(SdkBody::from)).map_err(failed)?;
        Ok(self.connector.get_or_init(tls_connector).call(request).await)
    }
}

const IDEMPOTENCY_KEY: &str = "idempotency-key";

fn failed(error: impl Display) -> OutboundError {
    OutboundError(error.to_string())
}

/// Whether a request that failed with this error may be repeated.
fn may_repeat(error: &ConnectorError, is_repeatable: bool) -> bool {
    let Some(error) = sources(error).find_map(|error| error.downcast_ref::<hyper::Error>()) else { return false };
    // The connection was closed before it accepted the request.
    let is_unsent = error.is_canceled() || error.is_closed();
    is_unsent || (is_repeatable && (error.is_incomplete_message() || is_reset(error)))
}

/// The causes of an error.
fn sources<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), next_source)
}

fn next_source<'a>(error: &&'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    (*error).source()
}

/// Whether the other side has ended the connection.
fn is_reset(error: &hyper::Error) -> bool {
    let mut kinds = sources(error).filter_map(|error| error.downcast_ref::<io::Error>()).map(io::Error::kind);
    kinds.any(|kind| matches!(kind, ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe))
}

fn tokio_sleep() -> SharedAsyncSleep {
    SharedAsyncSleep::new(TokioSleep::new())
}

fn tls_connector() -> SharedHttpConnector {
    let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT_DEADLINE).build();
    #[allow(clippy::expect_used)] // the crate's TLS feature is on: there is a default
    default_connector(&settings, Some(tokio_sleep())).expect("an HTTP client")
}
