//! The platform of a function: configuration, secrets and keys, the clock, randomness, telemetry, the AWS client
//! settings and the SQS batch runner. The rules of the business are in `tollgate-domain`.

pub mod aws;
pub mod bucket;
mod clock;
pub mod codes;
pub mod device;
mod edge;
mod encoding;
mod env;
mod generation;
pub mod keys;
pub mod oauth;
mod outbound;
mod random;
pub mod registered;
mod sealed;
mod service_secret;
mod signing;
pub mod sqs;
pub mod telemetry;
pub mod tokens;
pub mod trials;

pub use clock::Clock;
pub use edge::EdgeKeys;
pub use encoding::{fingerprint, ten_bytes};
pub use env::{ConfigError, Env, Origins, SignUp};
pub use generation::{InvalidSecretError, appended, check_secret};
pub use outbound::{Outbound, OutboundError};
pub use random::random_bytes;
pub use service_secret::ServiceSecret;
pub use signing::{TokenAlgorithm, UnknownAlgorithmError};
pub use tollgate_domain::secret::Secret;
