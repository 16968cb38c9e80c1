//! Mails: the messages that cause them and the templates that they are rendered with.

mod message;

pub use message::{Message, OneTime};
