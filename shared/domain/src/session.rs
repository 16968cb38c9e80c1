//! Sessions: the rotation of refresh tokens and their ends (S18, R10).

use crate::SessionId;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// A session in the form of the contract.
#[derive(Debug, Serialize, ToSchema)]
pub struct Session {
    /// Its id.
    #[schema(value_type = String)]
    pub id: SessionId,
    /// When it was created: the time of its sign-in.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When its token was last refreshed.
    #[schema(value_type = String, format = DateTime)]
    pub last_used_at: Timestamp,
    /// The client's address at the sign-in.
    pub ip: Option<String>,
    /// The client's user agent at the sign-in.
    pub user_agent: Option<String>,
    /// Whether it is the session of this request.
    pub current: bool,
}

/// How long sessions and their tokens live, in seconds.
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// An access token.
    pub access_seconds: u32,
    /// A refresh token that is not used.
    pub idle_seconds: u32,
    /// A session, from the sign-in on, however often it is refreshed.
    pub absolute_seconds: u32,
}

/// The largest number of sessions of a user; the oldest ends.
pub const MAX_SESSIONS: usize = 50;
/// Within this time after a rotation the previous token still leads to the same successor.
pub const GRACE: SignedDuration = SignedDuration::from_secs(10);
/// Within this time after its sign-in a session counts as fresh (® in the contract).
pub const FRESH: SignedDuration = SignedDuration::from_mins(5);

/// The stored rotation of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// The number of the current token.
    pub n: u64,
    /// When it was issued.
    pub rotated_at: Timestamp,
    /// When its session ends, however often it is refreshed.
    pub ends_at: Timestamp,
}

/// The decision about a refresh token with a valid MAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// It is the current one: rotate to `n + 1`.
    Rotate,
    /// It was just used: issue its successor, the current token, again.
    Repeat,
    /// Refused without effect: expired, or overtaken by two rotations within the grace.
    Refuse,
    /// Used long ago and presented again: it was copied. The session ends.
    Reuse,
}

impl Rotation {
    /// Decides about token number `n` at `now`.
    #[must_use]
    pub fn decide(&self, n: u64, now: Timestamp, idle_seconds: u32) -> Refresh {
        if self.is_expired(now, idle_seconds) || n > self.n {
            return Refresh::Refuse;
        }
        let in_grace = now.duration_since(self.rotated_at) <= GRACE;
        match self.n - n {
            0 => Refresh::Rotate,
            1 if in_grace => Refresh::Repeat,
            2 if in_grace => Refresh::Refuse,
            _ => Refresh::Reuse,
        }
    }

    /// Whether no token of the session is valid any more.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp, idle_seconds: u32) -> bool {
        now >= self.ends_at || now >= self.idle_end(idle_seconds)
    }

    /// The remaining seconds of the current token at `now`.
    #[must_use]
    pub fn seconds_left(&self, now: Timestamp, idle_seconds: u32) -> i64 {
        self.ends_at.min(self.idle_end(idle_seconds)).duration_since(now).as_secs().max(0)
    }

    fn idle_end(&self, idle_seconds: u32) -> Timestamp {
        after(self.rotated_at, idle_seconds)
    }
}

/// `seconds` after `at`.
#[must_use]
pub fn after(at: Timestamp, seconds: u32) -> Timestamp {
    at.saturating_add(SignedDuration::from_secs(i64::from(seconds))).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const IDLE: u32 = 30 * 86_400;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn rotation(n: u64) -> Rotation {
        Rotation { n, rotated_at: at(0), ends_at: at(90 * 86_400) }
    }

    // S18
    #[test]
    fn every_age_inside_and_outside_the_grace_has_its_own_answer() {
        for (n, in_grace, later) in [
            (5, Refresh::Rotate, Refresh::Rotate),
            (4, Refresh::Repeat, Refresh::Reuse),
            (3, Refresh::Refuse, Refresh::Reuse),
            (2, Refresh::Reuse, Refresh::Reuse),
            (0, Refresh::Reuse, Refresh::Reuse),
            (6, Refresh::Refuse, Refresh::Refuse),
        ] {
            assert_eq!(rotation(5).decide(n, at(10), IDLE), in_grace, "n = {n} at the end of the grace");
            assert_eq!(rotation(5).decide(n, at(11), IDLE), later, "n = {n} after the grace");
        }
    }

    // S18
    #[test]
    fn a_token_ends_after_30_idle_days_and_a_session_after_90_days() {
        assert_eq!(rotation(0).decide(0, at(i64::from(IDLE) - 1), IDLE), Refresh::Rotate);
        assert_eq!(rotation(0).decide(0, at(i64::from(IDLE)), IDLE), Refresh::Refuse);
        let busy = Rotation { n: 9, rotated_at: at(90 * 86_400 - 5), ends_at: at(90 * 86_400) };
        assert_eq!(busy.decide(9, at(90 * 86_400 - 1), IDLE), Refresh::Rotate);
        assert_eq!(busy.decide(9, at(90 * 86_400), IDLE), Refresh::Refuse);
        assert_eq!(busy.seconds_left(at(90 * 86_400 - 1), IDLE), 1);
        assert_eq!(busy.seconds_left(at(91 * 86_400), IDLE), 0);
        assert_eq!(rotation(0).seconds_left(at(5), IDLE), i64::from(IDLE) - 5);
    }

    proptest! {
        // S18
        #[test]
        fn a_token_rotates_exactly_until_its_session_expires(
            n in 0_u64..5, shown in 0_u64..7, now in 0_i64..200, idle in 1_u32..150, end in 1_i64..150,
        ) {
            let rotation = Rotation { n, rotated_at: at(0), ends_at: at(end) };
            let decision = rotation.decide(shown, at(now), idle);
            let is_valid = rotation.seconds_left(at(now), idle) > 0;
            prop_assert_eq!(is_valid, !rotation.is_expired(at(now), idle));
            prop_assert_eq!(decision == Refresh::Rotate, is_valid && shown == n);
            if !is_valid || shown > n {
                prop_assert_eq!(decision, Refresh::Refuse, "no session is ended by a token that is merely late");
            }
            if decision == Refresh::Reuse {
                prop_assert!(shown < n && (now > 10 || n - shown > 2));
            }
        }
    }
}
