//! The rules: accounts, sessions, passwords, billing. Sync and pure: no AWS, no HTTP, no environment, no clock; the
//! current time and all randomness are arguments.

pub mod audit;
pub mod billing;
pub mod email;
pub mod features;
pub mod gate;
pub mod ids;
pub mod invitation;
pub mod language;
pub mod limit;
pub mod onetime;
pub mod outbox;
pub mod password;
pub mod report;
pub mod secret;
pub mod service;
pub mod session;
pub mod statistics;
pub mod user;

pub use email::Email;
pub use ids::{
    AuditId, InvitationId, MessageId, PaymentId, PlanId, ReportId, RequestId, ServiceId, SessionId, SubscriptionId,
    UserId,
};
pub use secret::Secret;
pub use user::{User, Username};
