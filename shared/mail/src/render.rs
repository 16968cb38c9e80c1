//! The rendering: each message as text and as HTML, with the same content.

use crate::content::{Content, Part};
use crate::mails::Message;
use crate::page::{Context, Page};
use crate::texts::Texts;
use askama::Template;

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
    let (mail, kind) = (message.mail(), message.kind());
    let content = &mail.content(context, t);
    // A template of `brand/mails` may have a link to the account where the mail itself has no button.
    let link = content.button.as_ref().map_or_else(|| context.account_page(""), |button| button.link.clone());
    let mut page = Page::new(context, link);
    mail.show(&mut page, t);
    page.subject = page.fill(content.subject);
    let text =
        own(&format!("{kind}.txt"), &page, t).unwrap_or_else(|| TextPart { content, page: &page, t }.render())?;
    let html =
        own(&format!("{kind}.html"), &page, t).unwrap_or_else(|| HtmlPart { content, page: &page, t }.render())?;
    Ok(Mail { to: message.to().to_owned(), subject: page.subject, text, html, kind })
}

/// The text part of each mail.
#[derive(Template)]
#[template(path = "mail.txt")]
struct TextPart<'a> {
    content: &'a Content,
    page: &'a Page<'a>,
    t: &'a Texts,
}

/// The HTML part of each mail.
#[derive(Template)]
#[template(path = "mail.html")]
struct HtmlPart<'a> {
    content: &'a Content,
    page: &'a Page<'a>,
    t: &'a Texts,
}

/// Declares `own`, with the names of the templates that `brand/mails` has for single mails. The build writes its call.
macro_rules! own_templates {
    ($($name:literal),*) => {
        /// The template `name` of `brand/mails`, rendered; `None` where there is none.
        fn own(name: &str, page: &Page<'_>, t: &Texts) -> Option<Result<String, askama::Error>> {
            match (name, page, t) {
                $(($name, page, t) => {
                    #[derive(Template)]
                    #[template(path = $name)]
                    #[allow(dead_code, reason = "a template need not show a value or a text")]
                    struct Own<'a> {
                        page: &'a Page<'a>,
                        t: &'a Texts,
                    }
                    Some(Own { page, t }.render())
                })*
                _ => None,
            }
        }
    };
}
include!(concat!(env!("OUT_DIR"), "/own_templates.rs"));

#[cfg(test)]
mod tests;
