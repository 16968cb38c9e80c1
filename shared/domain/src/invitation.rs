//! Invitations: an admin invites an address, and its owner creates the account by a mailed link.

use crate::onetime::OneTimeError;
use crate::{Email, InvitationId, UserId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How long an invitation is valid, in seconds.
pub const INVITATION_SECONDS: u32 = 7 * 86_400;

/// An invitation that was not accepted or revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    /// Its id.
    #[schema(value_type = String)]
    pub id: InvitationId,
    /// The invited address.
    #[schema(value_type = String, format = Email)]
    pub email: Email,
    /// The language of its mail; `null` for English.
    pub locale: Option<String>,
    /// The admin who created it.
    #[schema(value_type = String)]
    pub created_by: UserId,
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it expires.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

impl Invitation {
    /// Whether it can be accepted at `now`.
    ///
    /// # Errors
    /// [`OneTimeError::Expired`] from its last second on.
    pub fn check(&self, now: Timestamp) -> Result<(), OneTimeError> {
        if now < self.expires_at { Ok(()) } else { Err(OneTimeError::Expired) }
    }

    /// The creation time of the oldest invitation that can be valid at `now`.
    #[must_use]
    pub fn oldest_valid(now: Timestamp) -> Timestamp {
        now.checked_sub(SignedDuration::from_secs(i64::from(INVITATION_SECONDS))).unwrap_or(Timestamp::MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::after;

    // S10
    #[test]
    fn an_invitation_is_valid_until_its_last_second() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let invitation = Invitation {
            id: InvitationId::new(now, [1; 10]),
            email: Email::parse("ann@example.com").unwrap(),
            locale: None,
            created_by: UserId::new(now, [2; 10]),
            created_at: now,
            expires_at: after(now, INVITATION_SECONDS),
        };
        let at = |seconds| after(now, seconds);
        assert_eq!(invitation.check(at(INVITATION_SECONDS - 1)), Ok(()));
        assert_eq!(invitation.check(at(INVITATION_SECONDS)), Err(OneTimeError::Expired));
        assert!(invitation.created_at > Invitation::oldest_valid(at(INVITATION_SECONDS - 1)));
        assert!(invitation.created_at <= Invitation::oldest_valid(at(INVITATION_SECONDS)));
    }
}
