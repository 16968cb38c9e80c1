//! The Stripe gateway: every call of Stripe's API that this system makes, and the objects that it reads. No other crate
//! knows Stripe's shapes. The requests are async-stripe's, over a client of our own; parameters and objects are small
//! types of this crate, because those of async-stripe are closed enums: one unknown currency or status would make a
//! whole list unreadable.

mod catalogue;
mod changes;
mod checkouts;
mod client;
mod coupons;
mod customers;
mod endings;
mod listings;
mod lists;
mod objects;
mod reads;
mod schedules;
mod setup;

pub use changes::{Preview, PreviewLine, PriceChange, PriceChanged, TrialEnd, Unpaid};
pub use checkouts::{CheckoutSession, CheckoutState, NewCheckout};
pub use client::{Gateway, GatewayError, Mode};
pub use listings::{Page, Price, Product};
pub use lists::UnreadableEntry;
pub use reads::{BoxFuture, InvoiceLinks};
pub use setup::{
    KEY_PERMISSIONS, KeyPermission, PortalConfiguration, WEBHOOK_EVENTS, WebhookEndpoint, secret_metadata,
};

/// The address of Stripe's API.
pub const STRIPE_API: &str = "https://api.stripe.com";

/// The version of Stripe's API that every call requests.
pub const API_VERSION: &str = "2026-08-26.dahlia";

/// The metadata key that links an object at Stripe to its cause.
const ATTEMPT: &str = "tollgate_attempt";
/// The key of the user in Stripe's metadata, for people who read it there. No code depends on it.
const USER: &str = "tollgate_user";

#[cfg(test)]
mod tests;
