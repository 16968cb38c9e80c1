//! How every AWS client behaves: which retries, which deadlines, which clock.

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use std::time::Duration;

/// The settings of a deployed function: region, credentials and endpoints from its environment.
pub async fn load() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .retry_config(retries())
        .timeout_config(timeouts())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .load()
        .await
}

/// The same retries and deadlines on settings that were put together elsewhere.
#[must_use]
pub fn defaults(builder: aws_types::sdk_config::Builder) -> aws_types::sdk_config::Builder {
    builder.behavior_version(BehaviorVersion::latest()).retry_config(retries()).timeout_config(timeouts())
}

/// Bounded and jittered (R8): with [`timeouts`] a call that cannot be done has failed after 4.5 seconds, so that
/// a request which meets one slow call and one dead one is still answered within 10.
fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(50))
        .with_max_backoff(Duration::from_millis(500))
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_millis(1500))
        .operation_timeout(Duration::from_millis(4500))
        .build()
}
