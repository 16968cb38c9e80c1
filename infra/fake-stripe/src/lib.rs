//! A Stripe for one machine: the part of its API that a subscription business uses, with Stripe's shapes of one
//! version, a checkout page, an invoice page, a portal, renewals and retries by an injected clock, and signed webhooks.
//! It does not know its callers.
//!
//! Simpler than Stripe: a renewal is charged when its period ends, without the hour of waiting; the items of a
//! subscription have one interval; a schedule's phases begin with a period, and only its schedule changes or ends a
//! subscription that has one; there is one webhook endpoint.

#![recursion_limit = "256"] // the objects are written out, and some are long

mod amounts;
mod api;
mod calendar;
mod call;
mod cards;
mod control_error;
mod controls;
mod core;
mod credit_notes;
mod dashboard;
mod debits;
mod discounts;
mod disputes;
mod documents;
mod endpoints;
mod error;
mod events;
mod expand;
mod foreign;
mod html;
mod idempotency;
mod index;
mod invoices;
mod items;
mod links;
mod lists;
mod objects;
mod outcome;
mod pages;
mod params;
mod parts;
mod pauses;
mod phases;
mod portal;
mod portal_page;
mod preview;
mod proration;
mod record;
mod refusals;
mod resources;
mod rules;
mod schedules;
mod settings;
mod status;
mod stripe;
mod subscriptions;
mod taxes;
mod tick;
mod updates;

pub use self::core::Records;
pub use control_error::ControlError;
pub use controls::Listed;
pub use dashboard::NewDiscount;
pub use documents::{DocumentStore, DocumentStoreError, MemoryDocumentStore};
pub use events::{Delivery, Mode};
pub use foreign::Foreign;
pub use outcome::Outcome;
pub use refusals::Refusal;
pub use settings::{API_VERSION, Now, Settings, Wake};
pub use stripe::Stripe;
