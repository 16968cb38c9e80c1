//! The composition: a rendered mail as one message of RFC 5322, with its text and its HTML.

use crate::Mail;
use jiff::Timestamp;
use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address;
use mail_builder::headers::raw::Raw;
use tollgate_domain::Email;

/// The sender of mails: `no-reply@example.com`, or with a name `Tollgate <no-reply@example.com>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    name: Option<String>,
    address: Email,
}

/// Not a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an address such as Tollgate <no-reply@example.com>")]
pub struct InvalidMailboxError;

impl Mailbox {
    /// Reads a mailbox as a setting has it.
    ///
    /// # Errors
    /// When its address is not valid, or its name has a control character or an angle bracket.
    pub fn parse(text: &str) -> Result<Self, InvalidMailboxError> {
        let (name, address) = match text.trim().strip_suffix('>') {
            Some(text) => text.split_once('<').ok_or(InvalidMailboxError)?,
            None => ("", text),
        };
        let name = name.trim().trim_matches('"').trim();
        if name.chars().any(|c| c.is_control() || matches!(c, '<' | '>' | '"')) {
            return Err(InvalidMailboxError);
        }
        let address = Email::parse(address).map_err(|_| InvalidMailboxError)?;
        Ok(Self { name: (!name.is_empty()).then(|| name.to_owned()), address })
    }

    /// The address alone.
    #[must_use]
    pub fn address(&self) -> &str {
        self.address.as_str()
    }

    fn domain(&self) -> &str {
        self.address().rsplit('@').next().unwrap_or_default()
    }
}

/// The envelope of a message.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    /// The sender.
    pub from: &'a Mailbox,
    /// The message id: the same when it is sent again.
    pub id: &'a str,
    /// The time of its cause.
    pub date: Timestamp,
}

/// The message. No person sent it, so no auto-responder answers it (RFC 3834). It concerns the reader's own account and
/// is not a newsletter: there is no `List-Unsubscribe`.
#[must_use]
pub fn compose(mail: &Mail, envelope: &Envelope<'_>) -> Vec<u8> {
    let Envelope { from, id, date } = *envelope;
    let no_name: Option<&str> = None;
    // A plan's name may contain a line end; a header must not.
    let subject: String = mail.subject.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut message = Vec::new();
    MessageBuilder::new()
        .from(Address::new_address(from.name.as_deref(), from.address()))
        .to(Address::new_address(no_name, mail.to.as_str()))
        .subject(subject)
        .date(date.as_second())
        .message_id(format!("{id}@{}", from.domain()))
        .header("Auto-Submitted", Raw::new("auto-generated"))
        .text_body(mail.text.as_str())
        .html_body(mail.html.as_str())
        .serialize(&mut message);
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_parser::{Address as Parsed, MessageParser};

    fn mail(subject: &str) -> Mail {
        Mail {
            to: "Ann@example.com".into(),
            subject: subject.into(),
            text: format!("Grüße\n.\nFrom here: {}\n", "x".repeat(2000)),
            html: "<p>Grüße &amp; a link</p>\n".into(),
            kind: "verify",
        }
    }

    fn composed(from: &str, subject: &str) -> Vec<u8> {
        let from = Mailbox::parse(from).unwrap();
        let date = Timestamp::from_second(1_800_000_000).unwrap();
        compose(&mail(subject), &Envelope { from: &from, id: "msg_1", date })
    }

    // B18
    #[test]
    fn a_message_has_both_parts_and_the_header_auto_submitted() {
        let raw = composed("Tollgate <no-reply@example.com>", "Verify your address");
        let message = MessageParser::new().parse(&raw).unwrap();
        let [text, html] = [message.body_text(0), message.body_html(0)].map(|part| part.unwrap().replace("\r\n", "\n"));
        assert_eq!((text.trim_end(), html.trim_end()), (mail("").text.trim_end(), mail("").html.trim_end()));
        assert_eq!(message.message_id(), Some("msg_1@example.com"));
        assert_eq!(message.header_raw("Auto-Submitted").map(str::trim), Some("auto-generated"));
        assert_eq!(message.date().unwrap().to_timestamp(), 1_800_000_000);
        assert_eq!(message.header_raw("MIME-Version").map(str::trim), Some("1.0"));
    }

    // B18
    #[test]
    fn names_and_subjects_are_encoded_and_no_line_is_too_long() {
        let long = "ä".repeat(300);
        let mut texts = vec!["Tollgate", "Größe & Söhne", "日本語の名前", "a, b; c@d", "\u{1f510} Keys", long.as_str()];
        texts.push("line\r\nBcc: bob@example.com");
        for text in texts {
            let name = text.replace(['\r', '\n'], " ");
            let raw = composed(&format!("{name} <no-reply@example.com>"), text);
            let header = &raw[..raw.windows(4).position(|window| window == b"\r\n\r\n").unwrap()];
            assert!(header.is_ascii(), "{text}");
            for line in raw.split(|byte| *byte == b'\n') {
                assert!(line.len() <= 998 && line.last().is_none_or(|last| *last == b'\r'), "{text}");
            }
            let message = MessageParser::new().parse(&raw).unwrap();
            assert_eq!(message.subject(), Some(text.replace(['\r', '\n'], " ").as_str()));
            let Some(Parsed::List(from)) = message.from() else { panic!("one sender") };
            assert_eq!((from.len(), from[0].name.as_deref()), (1, Some(name.as_str())));
            let Some(Parsed::List(to)) = message.to() else { panic!("one receiver") };
            assert_eq!((to.len(), to[0].address.as_deref()), (1, Some("Ann@example.com")));
            assert!(message.bcc().is_none());
        }
    }

    // R1
    #[test]
    fn a_message_that_is_sent_again_has_the_same_id_and_date() {
        let [one, two] = [(); 2].map(|()| composed("no-reply@example.com", "x"));
        let [one, two] = [&one, &two].map(|raw| MessageParser::new().parse(raw).unwrap());
        assert_eq!((one.message_id(), one.date()), (two.message_id(), two.date()));
    }

    #[test]
    fn a_mailbox_is_an_address_with_or_without_a_name() {
        for (text, name, address) in [
            ("no-reply@example.com", None, "no-reply@example.com"),
            (" <a@b.example> ", None, "a@b.example"),
            ("Größe & Co <a@b.example>", Some("Größe & Co"), "a@b.example"),
            ("\"A, B\" <a@b.example>", Some("A, B"), "a@b.example"),
        ] {
            let mailbox = Mailbox::parse(text).unwrap();
            assert_eq!((mailbox.name.as_deref(), mailbox.address()), (name, address));
        }
        for bad in [
            "",
            "nobody",
            "a@b.example>",
            "<a@b.example",
            "A <B <a@b.example>",
            "a@b.example, c@d.example",
            "A\nB <a@b.example>",
            "ä@b.example",
        ] {
            assert_eq!(Mailbox::parse(bad), Err(InvalidMailboxError), "{bad}");
        }
    }
}
