//! The rendering: each message as text and as HTML, with the same content.

use crate::mails::Message;
use crate::page::{Context, Page};
use crate::texts::Texts;

/// A mail, ready to be sent.
pub struct Mail {
    /// The bare address.
    pub to: String,
    /// One line.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// The kind of the mail.
    pub kind: &'static str,
}

/// Renders `message`.
///
/// # Errors
/// When a template fails.
pub fn render(message: &Message, context: &Context<'_>) -> Result<Mail, askama::Error> {
    let t = Texts::of(context.locale);
    let template = message.template();
    let mut page = Page::new(context, template.link(context));
    template.show(&mut page, t);
    page.subject = page.fill(template.subject(t));
    let [text, html] = template.parts(&page, t)?;
    Ok(Mail { to: message.to().to_owned(), subject: page.subject, text, html, kind: template.kind() })
}

#[cfg(test)]
mod tests;
