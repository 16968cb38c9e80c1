//! Limits: the rates of calls, the caps on mails, the attempts at codes (S7, S11).

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A number of calls per window, refilled evenly (the generic cell rate algorithm): all may be made at once, and each
/// is returned after its share of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// The number of calls.
    pub calls: u32,
    /// The window in seconds.
    pub window_seconds: u32,
}

impl Quota {
    /// This number of calls a minute.
    #[must_use]
    pub const fn per_minute(calls: u32) -> Self {
        Self { calls, window_seconds: 60 }
    }

    /// The cost of one call in the bucket, in milliseconds.
    #[must_use]
    pub fn call_ms(self) -> i64 {
        i64::from(self.window_seconds) * 1000 / i64::from(self.calls.max(1))
    }

    /// The latest time to which a bucket may be filled so that it accepts one more call at `now_ms`.
    #[must_use]
    pub fn admits_until_ms(self, now_ms: i64) -> i64 {
        now_ms + self.call_ms() * (i64::from(self.calls) - 1)
    }

    /// When to retry for a bucket that is filled until `filled_ms`, in whole seconds, at least one.
    #[must_use]
    pub fn retry_after_seconds(self, filled_ms: i64, now_ms: i64) -> u32 {
        let ms = filled_ms - self.admits_until_ms(now_ms);
        u32::try_from((ms + 999) / 1000).unwrap_or(u32::MAX).max(1)
    }
}

/// The attempts at one account, so that neither a few strangers can lock its owner out nor many of them guess a
/// credential. A client that has signed in before has its own count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptQuotas {
    /// By one client.
    pub client: Quota,
    /// By one client, in an hour.
    pub client_an_hour: u32,
    /// By all unknown clients together, in an hour.
    pub account_an_hour: u32,
}

impl AttemptQuotas {
    /// A number of attempts a minute by one client, four times as many an hour, and twenty times as many an hour by
    /// all.
    #[must_use]
    pub const fn per_minute(calls: u32) -> Self {
        Self { client: Quota::per_minute(calls), client_an_hour: 4 * calls, account_an_hour: 20 * calls }
    }
}

/// An hour, in seconds.
pub const HOUR_SECONDS: u32 = 3600;
/// A day, in seconds.
pub const DAY_SECONDS: u32 = 86_400;

/// The mails that a stranger can cause to one address in a minute, over all kinds together.
pub const MAILS: Quota = Quota::per_minute(5);
/// The same for each kind, in a day.
pub const MAILS_OF_A_KIND: u32 = 40;
/// The same by one client.
pub const MAILS_OF_A_KIND_BY_A_CLIENT: u32 = 10;
/// Wrong attempts at the codes of one account, in a day, over all its codes.
pub const CODE_TRIES: u32 = 20;
/// A day, in milliseconds.
pub const DAY_MS: i64 = 86_400_000;

/// The mails to an address, as stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailed {
    /// When its rate has recovered, in milliseconds since 1970.
    #[serde(default)]
    pub filled_ms: i64,
    /// The mails of today, by kind.
    #[serde(default)]
    pub kinds: BTreeMap<String, Counted>,
}

/// A count with an end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// The number.
    pub count: u32,
    /// The number by each client.
    #[serde(default)]
    pub clients: BTreeMap<String, u32>,
    /// When it restarts, in milliseconds since 1970.
    pub ends_ms: i64,
}

impl Mailed {
    /// This with one more mail of `kind` that `client` causes at `now_ms`; `None` when the limit is reached.
    #[must_use]
    pub fn and_one(mut self, kind: &str, client: &str, now_ms: i64) -> Option<Self> {
        if self.filled_ms > MAILS.admits_until_ms(now_ms) {
            return None;
        }
        self.kinds.retain(|_, counted| counted.ends_ms > now_ms);
        let ends_ms = now_ms.saturating_add(DAY_MS);
        let none = Counted { count: 0, clients: BTreeMap::new(), ends_ms };
        let counted = self.kinds.entry(kind.to_owned()).or_insert(none);
        let by_client = counted.clients.entry(client.to_owned()).or_default();
        if counted.count >= MAILS_OF_A_KIND || *by_client >= MAILS_OF_A_KIND_BY_A_CLIENT {
            return None;
        }
        *by_client += 1;
        counted.count += 1;
        self.filled_ms = self.filled_ms.max(now_ms) + MAILS.call_ms();
        Some(self)
    }

    /// When all its counts have expired.
    #[must_use]
    pub fn ends_ms(&self) -> i64 {
        self.kinds.values().map(|counted| counted.ends_ms).fold(self.filled_ms, i64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // S7
    #[test]
    fn a_full_bucket_says_when_the_next_call_fits() {
        let quota = Quota::per_minute(5);
        let mut filled = 0;
        for call in 0..5 {
            assert!(filled <= quota.admits_until_ms(0), "{call}");
            filled += quota.call_ms();
        }
        assert!(filled > quota.admits_until_ms(0), "the sixth");
        assert_eq!(quota.retry_after_seconds(filled, 0), 12);
        assert!(filled <= quota.admits_until_ms(12_000), "one fits then");
        assert!(filled > quota.admits_until_ms(11_999));
        assert_eq!(quota.retry_after_seconds(filled, 11_999), 1);
    }

    proptest! {
        // S7
        #[test]
        fn no_window_admits_over_twice_the_limit_and_retry_after_is_sufficient(
            calls in 1_u32..20, window_seconds in 1_u32..600, waits in prop::collection::vec(0_i64..60_000, 1..200),
        ) {
            let quota = Quota { calls, window_seconds };
            let window_ms = i64::from(window_seconds) * 1000;
            let (mut now, mut filled, mut admitted) = (0, 0, Vec::new());
            for wait in waits {
                now += wait;
                if filled > quota.admits_until_ms(now) {
                    let then = now + i64::from(quota.retry_after_seconds(filled, now)) * 1000;
                    prop_assert!(filled <= quota.admits_until_ms(then));
                    prop_assert!(filled > quota.admits_until_ms(then - 1000), "and not a second earlier");
                } else {
                    filled = filled.max(now) + quota.call_ms();
                    admitted.push(now);
                    let in_window = admitted.iter().filter(|at| **at > now - window_ms).count();
                    prop_assert!(in_window <= 2 * calls as usize);
                }
            }
        }
    }

    // B7
    #[test]
    fn an_address_gets_five_mails_a_minute_over_all_kinds_and_clients() {
        let mut mailed = Mailed::default();
        for (kind, client) in [("reset", "a"), ("login_code", "b"), ("reset", "a"), ("verify", "c"), ("reset", "b")] {
            mailed = mailed.and_one(kind, client, 0).unwrap();
        }
        assert_eq!(mailed.clone().and_one("verify", "d", 0), None, "the sixth of this minute");
        assert!(mailed.and_one("verify", "d", 12_000).is_some());
    }

    // B7
    #[test]
    fn a_client_causes_ten_mails_of_a_kind_a_day_and_all_clients_forty() {
        let (mut mailed, mut now) = (Mailed::default(), 0);
        for client in ["a", "b", "c", "d"] {
            for n in 0..10 {
                now += 60_000;
                mailed = mailed.and_one("reset", client, now).unwrap_or_else(|| panic!("{client} {n}"));
            }
            assert_eq!(mailed.clone().and_one("reset", client, now), None, "the eleventh of {client}");
            assert!(mailed.clone().and_one("verify", client, now).is_some(), "another kind");
        }
        assert_eq!(mailed.clone().and_one("reset", "e", now), None, "the forty-first");
        assert!(mailed.clone().and_one("reset", "e", 60_000 + DAY_MS).is_some(), "another day");
        assert!(mailed.ends_ms() >= DAY_MS);
    }

    // R18
    #[test]
    fn a_count_of_an_older_version_is_understood() {
        let old = r#"{"filled_ms":5,"kinds":{"reset":{"count":3,"ends_ms":9}}}"#;
        let mailed: Mailed = serde_json::from_str(old).unwrap();
        assert_eq!((mailed.kinds["reset"].count, mailed.kinds["reset"].clients.len()), (3, 0));
    }
}
