//! The mail `invitation`.

use crate::content::{Button, Content, Part::Text};
#[cfg(test)]
use crate::kind::sample;
use crate::kind::{MailKind, Secret};
use crate::page::{Context, Page};
use crate::texts::Texts;
use crate::values::day;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tollgate_domain::InvitationId;

/// An admin invites an address: a link.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// The address.
    pub to: String,
    /// The invitation, from which the link is derived.
    pub invitation_id: InvitationId,
    /// The id of the key.
    pub generation: String,
    /// It is invalid after this, and is not sent.
    pub expires_at: Timestamp,
}

impl MailKind for Invitation {
    fn content(&self, context: &Context<'_>, t: &Texts) -> Content {
        // The page shows the address, and password managers store the password under it.
        let query = format!("email={}&invitation={}", query_value(&self.to), context.token);
        let link = context.account_page(&format!("/register?{query}"));
        Content {
            subject: t.invitation_subject,
            title: t.invitation_title,
            body: vec![Text(t.invitation_text), Text(t.invitation_advice)],
            button: Some(Button { label: t.invitation_button, link }),
            note: Some(t.invitation_note),
            ..Content::default()
        }
    }

    fn show(&self, page: &mut Page<'_>, t: &Texts) {
        page.at = day(t, &self.expires_at);
    }

    fn secret(&self) -> Option<Secret<'_>> {
        let Self { invitation_id: id, generation, expires_at, .. } = self;
        Some(Secret::Invitation { id, generation, expires_at: *expires_at })
    }

    #[cfg(test)]
    fn samples() -> Vec<Self> {
        vec![Self {
            to: "ann@example.com".into(),
            invitation_id: InvitationId::new(sample::AT, [0; 10]),
            generation: "g".into(),
            expires_at: sample::AT,
        }]
    }
}

/// `text` as the value of a query parameter.
fn query_value(text: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encoded).collect()
}
