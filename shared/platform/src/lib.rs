//! The platform of a function: configuration, the clock, randomness, telemetry, the AWS client settings, buckets and the
//! SQS batch runner. Keys and tokens are in `tollgate-tokens`, the rules of the business in `tollgate-domain`.

pub mod aws;
pub mod bucket;
mod clock;
mod encoding;
mod env;
mod outbound;
mod random;
pub mod sqs;
pub mod telemetry;

pub use clock::Clock;
pub use encoding::{constant_time_eq, fingerprint, hex, ten_bytes};
pub use env::{ConfigError, Env, Origins, ReadNames, SignUp};
pub use outbound::{Outbound, OutboundError};
pub use random::random_bytes;
pub use tollgate_domain::secret::Secret;

/// The allocator of each program that links this crate (D-214).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
