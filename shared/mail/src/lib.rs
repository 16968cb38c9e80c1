//! Mails: the messages that cause them and the templates that they are rendered with.

mod brand;
mod compose;
mod content;
mod kind;
mod mails;
mod money;
#[cfg(test)]
#[path = "../build/overlay.rs"]
mod overlay;
mod page;
mod render;
mod texts;
mod values;

pub use brand::{Accent, Brand, brand};
pub use compose::{Envelope, Mailbox, compose};
pub use kind::{OneTime, Secret};
pub use mails::*;
pub use page::Context;
pub use render::{Mail, render};
pub use texts::{LANGUAGES, Texts, language_of};
