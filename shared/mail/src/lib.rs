//! Mails: the messages that cause them and the templates that they are rendered with.

mod brand;
mod compose;
mod message;
mod money;
#[cfg(test)]
#[path = "../build/overlay.rs"]
mod overlay;
mod page;
mod templates;
mod texts;

pub use brand::{Accent, Brand, brand};
pub use compose::{Envelope, Mailbox, compose};
pub use message::{Addressed, Amount, Message, OneTime, RefundReason};
pub use templates::{Context, Mail, render};
pub use texts::{LANGUAGES, Texts, language_of};
