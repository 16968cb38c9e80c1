//! The `billing` table. One partition holds the plans and their lookup rows; one holds all rows of a user: the
//! customer, the subscriptions, the payments. One item leads from Stripe's customer to the user; there is one for each
//! handled event and for each trial.

mod checkouts;
mod customers;
mod due;
mod events;
mod lists;
mod plans;
mod rows;
mod trials;
mod writes;

pub use checkouts::CheckoutReservation;
pub use customers::{CustomerOf, CustomerVersion, VersionPage, VersionPlace};
pub use due::{Due, DuePage};
pub use events::EventRow;
pub use lists::{BillingFilter, Owned};
pub use plans::{PlanReservation, PlanWrite};
pub use trials::TrialEntry;
pub use writes::AccountWrite;
