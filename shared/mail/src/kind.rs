//! What a mail defines: content, values, secret.

use crate::content::Content;
use crate::page::{Context, Page};
use crate::texts::Texts;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tollgate_domain::onetime::Purpose;
use tollgate_domain::{InvitationId, UserId};

/// What a mail defines, in a file of its own that has the name of its kind.
pub trait MailKind {
    /// What it says.
    fn content(&self, context: &Context<'_>, t: &Texts) -> Content;

    /// Fills in its values.
    fn show(&self, _page: &mut Page<'_>, _t: &Texts) {}

    /// The secret that it contains.
    fn secret(&self) -> Option<Secret<'_>> {
        None
    }

    /// A mail of each form that it has, for tests.
    #[cfg(test)]
    fn samples() -> Vec<Self>
    where
        Self: Sized;
}

/// The parameters from which a mailed link or code is derived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneTime {
    /// The user of the row.
    pub user_id: UserId,
    /// The row's id.
    pub id: String,
    /// The id of the key.
    pub generation: String,
    /// It is invalid after this, and is not sent.
    pub expires_at: Timestamp,
}

/// The secret of a mail. It is derived when the mail is sent: a message only holds ids.
pub enum Secret<'a> {
    /// A link and a code.
    OneTime(Purpose, &'a OneTime),
    /// The link of an invitation.
    Invitation {
        /// The invitation.
        id: &'a InvitationId,
        /// The id of the key.
        generation: &'a str,
        /// It is invalid after this.
        expires_at: Timestamp,
    },
}

impl Secret<'_> {
    /// From then on it is invalid, and its mail is not sent (R15).
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        match self {
            Self::OneTime(_, otp) => otp.expires_at,
            Self::Invitation { expires_at, .. } => *expires_at,
        }
    }
}

/// The values of samples.
#[cfg(test)]
pub mod sample {
    use super::*;

    pub const AT: Timestamp = Timestamp::UNIX_EPOCH;

    pub fn to() -> String {
        "ann@example.com".to_owned()
    }

    pub fn username() -> String {
        "<b>ann</b>".to_owned()
    }

    pub fn plan() -> String {
        "<b>ann's plan</b>".to_owned()
    }

    pub fn invoice_url() -> Option<String> {
        Some("https://pay.example/in_1".to_owned())
    }

    pub fn otp() -> OneTime {
        OneTime { user_id: UserId::new(AT, [0; 10]), id: "row".into(), generation: "g".into(), expires_at: AT }
    }
}
