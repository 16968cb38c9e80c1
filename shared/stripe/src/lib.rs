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
mod metadata;
mod objects;
mod reads;
mod schedules;
mod setup;

pub use changes::{Preview, PreviewLine, PriceChange, PriceChanged, TrialEnd, Unpaid};
pub use checkouts::{CheckoutSession, CheckoutState, NewCheckout};
pub use client::{API_VERSION, Gateway, GatewayError, Mode, STRIPE_API};
pub use listings::{Page, Price, Product};
pub use lists::UnreadableEntry;
pub use reads::{BoxFuture, InvoiceLinks};
pub use setup::{
    KEY_PERMISSIONS, KeyPermission, PortalConfiguration, WEBHOOK_EVENTS, WebhookEndpoint, secret_metadata,
};

#[cfg(test)]
mod tests;
