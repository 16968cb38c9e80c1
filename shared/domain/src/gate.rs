//! The gate: the data of a user that an authenticated request needs. A session is valid exactly while its id is listed
//! here.

use crate::{SessionId, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How an account was permanently closed; disabling by an admin is separate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closing {
    /// By its owner (`POST /deactivate`), or by an admin together with its subscription: the subscription does not renew.
    Deactivated,
    /// By its owner (`POST /me/delete`) or by an admin for its owner: the subscription ends at once.
    Deleted,
}

/// The state of an account. It is computed from the gate's `is_active` and `left`, which are stored, and decides what the
/// account allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    /// The user may sign in.
    Active,
    /// An admin has disabled it; its subscription continues.
    Disabled,
    /// It was closed with its subscription.
    Deactivated,
    /// It is deleted: its personal data is erased within a day.
    Deleted,
}

impl AccountState {
    /// Whether the user may sign in, and sessions are valid.
    #[must_use]
    pub const fn may_sign_in(self) -> bool {
        match self {
            Self::Active => true,
            Self::Disabled | Self::Deactivated | Self::Deleted => false,
        }
    }

    /// Whether the account still exists for its owner and for admins.
    #[must_use]
    pub const fn exists(self) -> bool {
        match self {
            Self::Active | Self::Disabled | Self::Deactivated => true,
            Self::Deleted => false,
        }
    }
}

/// The gate's item of one user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// The user.
    pub user_id: UserId,
    /// Whether the user may sign in.
    pub is_active: bool,
    /// How the account was closed, if it was.
    #[serde(default)]
    #[serde(rename = "left")]
    pub closing: Option<Closing>,
    /// Whether the user may use the admin API.
    pub is_admin: bool,
    /// Incremented with each new password; also in the credentials row.
    pub password_version: u64,
    /// Whether the account has a password, as in the credentials, which are stored under the address. `None` in an item
    /// of an earlier version, until the password changes.
    #[serde(default)]
    pub has_password: Option<bool>,
    /// The live sessions and their absolute ends.
    #[serde(default)]
    pub sessions: BTreeMap<SessionId, Timestamp>,
    /// The tier of the user's plan, 0 without one.
    #[serde(default)]
    pub tier: u32,
    /// The features of that plan, at most 1 KiB of JSON.
    #[serde(default)]
    pub features: serde_json::Map<String, serde_json::Value>,
    /// When tier and features end.
    #[serde(default)]
    pub access_until: Option<Timestamp>,
}

impl Gate {
    /// The gate of a user who has just registered.
    #[must_use]
    pub fn new(user_id: UserId) -> Self {
        Self {
            user_id,
            is_active: true,
            closing: None,
            is_admin: false,
            password_version: 1,
            has_password: Some(false),
            sessions: BTreeMap::new(),
            tier: 0,
            features: serde_json::Map::new(),
            access_until: None,
        }
    }

    /// The state of the account.
    #[must_use]
    pub const fn state(&self) -> AccountState {
        match (self.is_active, self.closing) {
            (true, _) => AccountState::Active,
            (false, None) => AccountState::Disabled,
            (false, Some(Closing::Deactivated)) => AccountState::Deactivated,
            (false, Some(Closing::Deleted)) => AccountState::Deleted,
        }
    }

    /// Whether a request of `session` is admitted at `now`.
    #[must_use]
    pub fn admits(&self, session: &SessionId, now: Timestamp) -> bool {
        self.state().may_sign_in() && self.sessions.get(session).is_some_and(|end| now < *end)
    }

    /// The tier that applies at `now`.
    #[must_use]
    pub fn present_tier(&self, now: Timestamp) -> u32 {
        if self.access_until.is_some_and(|until| now < until) { self.tier } else { 0 }
    }

    /// The features that apply at `now`; `None` without access: then those of the free plan apply.
    #[must_use]
    pub fn present_features(&self, now: Timestamp) -> Option<&serde_json::Map<String, serde_json::Value>> {
        self.access_until.is_some_and(|until| now < until).then_some(&self.features)
    }

    /// The sessions that end to make room for one more: the expired ones, then the oldest.
    #[must_use]
    pub fn sessions_to_end(&self, now: Timestamp) -> Vec<SessionId> {
        let (ended, live): (Vec<_>, Vec<_>) = self.sessions.iter().partition(|(_, end)| **end <= now);
        let excess = (live.len() + 1).saturating_sub(crate::session::MAX_SESSIONS);
        // Ids sort by time: the first are the oldest.
        ended.into_iter().chain(live.into_iter().take(excess)).map(|(id, _)| *id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn session(made: i64) -> SessionId {
        SessionId::new(at(made), [7; 10])
    }

    fn gate(sessions: impl IntoIterator<Item = (SessionId, Timestamp)>) -> Gate {
        Gate { sessions: sessions.into_iter().collect(), ..Gate::new(UserId::new(at(0), [1; 10])) }
    }

    // S17
    #[test]
    fn only_a_listed_unexpired_session_of_an_active_user_is_admitted() {
        let open = gate([(session(0), at(100))]);
        assert!(open.admits(&session(0), at(99)));
        assert!(!open.admits(&session(0), at(100)), "it has expired");
        assert!(!open.admits(&session(1), at(0)), "another session");
        assert!(!Gate { is_active: false, ..open }.admits(&session(0), at(0)), "a disabled user");
    }

    #[test]
    fn the_state_of_an_account_decides_what_it_allows() {
        let with = |is_active, closing| Gate { is_active, closing, ..gate([]) }.state();
        for (state, expected, may_sign_in, exists) in [
            (with(true, None), AccountState::Active, true, true),
            (with(false, None), AccountState::Disabled, false, true),
            (with(false, Some(Closing::Deactivated)), AccountState::Deactivated, false, true),
            (with(false, Some(Closing::Deleted)), AccountState::Deleted, false, false),
        ] {
            assert_eq!((state, state.may_sign_in(), state.exists()), (expected, may_sign_in, exists));
        }
    }

    #[test]
    fn the_51st_session_ends_the_oldest_after_the_expired_ones() {
        let mut full = gate((0..50).map(|n| (session(n), at(1_000))));
        assert_eq!(full.sessions_to_end(at(0)), [session(0)]);
        full.sessions.insert(session(30), at(5));
        assert_eq!(full.sessions_to_end(at(5)), [session(30)], "an expired one makes room");
        assert!(gate((0..49).map(|n| (session(n), at(9)))).sessions_to_end(at(0)).is_empty());
    }

    #[test]
    fn a_tier_counts_until_its_access_ends() {
        let paid = Gate { tier: 2, access_until: Some(at(10)), ..gate([]) };
        assert_eq!([paid.present_tier(at(9)), paid.present_tier(at(10))], [2, 0]);
        assert_eq!((paid.present_features(at(9)), paid.present_features(at(10))), (Some(&paid.features), None));
    }
}
