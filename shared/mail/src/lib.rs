//! Mails: the messages that cause them and the templates that they are rendered with.

mod brand;
mod compose;
mod message;
mod money;
mod templates;

pub use brand::{Accent, Brand, brand};
pub use compose::{Envelope, Mailbox, compose};
pub use message::{Amount, Message, OneTime, RefundReason};
pub use templates::{Context, Mail, render};
