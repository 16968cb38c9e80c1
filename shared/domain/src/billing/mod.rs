//! Billing: plans, Stripe's subscriptions, the access that they give, payments, and the convergence.

pub mod access;
pub mod changes;
pub mod command;
pub mod convergence;
pub mod customer;
pub mod discount;
pub mod money;
pub mod payment;
pub mod plan;
pub mod refunds;
pub mod reminder;
pub mod shown;
pub mod state;
pub mod subscription;
pub mod view;

#[cfg(test)]
mod tests;

pub use access::{Access, Grace};
pub use changes::{Changed, Changes, ChargeRefund, EndReason, Ending, InvoiceRefund};
pub use command::{Command, DuePlace, PlanCommand, UserCommand};
pub use convergence::{converge, recompute_access};
pub use customer::{Attempt, Checkout, Customer, ShownCopy};
pub use discount::{Discount, Percent};
pub use money::Currency;
pub use payment::{Charge, ChargeStatus, Dispute, Invoice, InvoiceStatus, Payment, PaymentStatus};
pub use plan::{BillingPeriod, Features, Plan, PlanCode, Terms};
pub use reminder::Reminder;
pub use shown::ShownSubscription;
pub use state::{Account, Catalogue, RefundOnDeletion, Rules, StripeState};
pub use subscription::{
    AuditedSubscription, DuplicateRefund, Interval, Schedule, Status, StripeSubscription, Subscription,
    SubscriptionItem, SubscriptionTerms,
};
pub use view::{PaymentView, PlanView, SubscriptionView};
