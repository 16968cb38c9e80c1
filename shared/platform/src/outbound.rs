//! Calls to services that are not AWS: the same HTTP client as the SDKs', with a deadline and a limit on the answer.

use aws_config::SdkConfig;
use aws_smithy_async::future::timeout::Timeout;
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::default_connector;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use http_body_util::{BodyExt, Limited};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How long a call may take, from its start to the last byte of its answer: three in a row stay below R16's 15 s.
const DEADLINE: Duration = Duration::from_millis(4500);
const CONNECT_DEADLINE: Duration = Duration::from_secs(2);
/// The largest answer, in bytes: a hundred of Stripe's invoices with many lines each.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// A client for one service.
#[derive(Clone)]
pub struct Outbound {
    connector: Arc<OnceLock<SharedHttpConnector>>,
    sleep: SharedAsyncSleep,
}

/// No answer, or none that can be read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct OutboundError(pub String);

impl Outbound {
    /// Over TLS, with the machine's own root certificates.
    #[must_use]
    pub fn system() -> Self {
        // Made at the first call: reading the root certificates is no part of a cold start.
        Self { connector: Arc::default(), sleep: tokio_sleep() }
    }

    /// Over another client, with the sleep of `sdk` for its deadline.
    #[must_use]
    pub fn over(connector: SharedHttpConnector, sdk: &SdkConfig) -> Self {
        Self { connector: Arc::new(connector.into()), sleep: sdk.sleep_impl().unwrap_or_else(tokio_sleep) }
    }

    /// Sends `request` and reads the whole answer.
    ///
    /// # Errors
    /// When there is none in time, or it is too large.
    pub async fn send(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, OutboundError> {
        let failed = |error: String| OutboundError(error);
        let request = HttpRequest::try_from(request.map(SdkBody::from)).map_err(|error| failed(error.to_string()))?;
        let exchange = async {
            let answer = self
                .connector
                .get_or_init(tls_connector)
                .call(request)
                .await
                .map_err(|error| failed(format!("{error:?}")))?;
            let answer = answer.try_into_http1x().map_err(|error| failed(error.to_string()))?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, MAX_BYTES).collect().await.map_err(|error| failed(error.to_string()))?;
            Ok(http::Response::from_parts(parts, body.to_bytes().to_vec()))
        };
        match Timeout::new(Box::pin(exchange), self.sleep.sleep(DEADLINE)).await {
            Ok(answer) => answer,
            Err(_) => Err(failed("no answer in time".into())),
        }
    }
}

fn tokio_sleep() -> SharedAsyncSleep {
    SharedAsyncSleep::new(TokioSleep::new())
}

fn tls_connector() -> SharedHttpConnector {
    let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT_DEADLINE).build();
    #[allow(clippy::expect_used)] // the crate's TLS feature is on: there is a default
    default_connector(&settings, Some(tokio_sleep())).expect("an HTTP client")
}
