//! The cryptography of tokens and one-time secrets: what is derived from the secrets of a deployment, created and verified.
//! Nothing is stored here.

pub mod access;
mod auth_keys;
pub mod claims;
pub mod codes;
pub mod device;
mod edge;
mod generation;
pub mod keys;
pub mod oauth;
pub mod refresh;
pub mod registered;
mod sealed;
mod service_secret;
mod signing;
pub mod trials;
mod verified;

#[cfg(test)]
mod tests;

pub use auth_keys::{AuthKeys, InvalidTokenError};
pub use edge::EdgeKeys;
pub use generation::{InvalidSecretError, appended, check_secret};
pub use service_secret::ServiceSecret;
pub use signing::{TokenAlgorithm, UnknownAlgorithmError};
