//! The keys of metadata at Stripe.

/// The metadata key that links an object at Stripe to its cause.
pub const ATTEMPT: &str = "tollgate_attempt";
/// The key of the user in Stripe's metadata, for people who read it there. No code depends on it.
pub const USER: &str = "tollgate_user";
