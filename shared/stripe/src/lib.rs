//! The Stripe gateway: every call of Stripe's API that this system makes, on async-stripe's requests, and what its objects
//! are here. Nothing else knows Stripe's shapes.

mod catalogue;
mod changes;
mod checkouts;
mod client;
mod customers;
mod endings;
mod everything;
mod lists;
mod reads;

pub use changes::{Preview, PreviewLine, PriceChange, Settled, Unpaid};
pub use checkouts::{CheckoutOrder, CheckoutSession, CheckoutState};
pub use client::{Gateway, GatewayError, Mode};
pub use everything::{Page, Price, Product};
pub use reads::Looking;

/// Where Stripe's API is.
pub const STRIPE_API: &str = "https://api.stripe.com";

/// The version of Stripe's API that every call asks for.
pub const API_VERSION: &str = "2026-08-26.dahlia";

/// The key of what ties an object at Stripe to what caused it here.
const ATTEMPT: &str = "tollgate_attempt";
/// The key of the user in Stripe's metadata: for people who look there. Nothing here rests on it.
const USER: &str = "tollgate_user";

#[cfg(test)]
mod tests {
    // The version is the library's own: its types are of that version's shapes.
    #[test]
    fn every_call_asks_for_the_version_that_the_types_are_of() {
        assert_eq!(stripe_client_core::VERSION.as_str(), super::API_VERSION);
    }
}
