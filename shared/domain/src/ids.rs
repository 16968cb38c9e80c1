//! Ids: a prefix for the kind, then a UUIDv7 in hex. They sort by the time of their creation and have no other meaning.

use jiff::Timestamp;
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// A text that is not an id of the expected kind. For a caller the object does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this kind")]
pub struct InvalidIdError;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new one, created at `now` with ten random bytes.
            #[must_use]
            pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
                let millis = u64::try_from(now.as_millisecond()).unwrap_or_default();
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
            }

            /// When it was created, to the millisecond.
            #[must_use]
            pub fn made_at(&self) -> Timestamp {
                let millis = i64::try_from(self.0.as_u128() >> 80).unwrap_or_default();
                Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH)
            }

            /// The 32 hex digits after the prefix.
            #[must_use]
            pub fn bare(&self) -> String {
                self.0.simple().to_string()
            }

            /// From the 32 hex digits after the prefix.
            ///
            /// # Errors
            /// For any other text, upper-case digits included: an id has one spelling.
            pub fn from_bare(text: &str) -> Result<Self, InvalidIdError> {
                let canonical = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                if !canonical {
                    return Err(InvalidIdError);
                }
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidIdError)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidIdError;
            fn from_str(text: &str) -> Result<Self, InvalidIdError> {
                Self::from_bare(text.strip_prefix(concat!($prefix, "_")).ok_or(InvalidIdError)?)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

/// Declares the ids, and the list of their kinds.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident, $prefix:literal;)*) => {
        $(id!($(#[$doc])* $name, $prefix);)*

        /// The prefixes of all kinds of ids.
        pub const PREFIXES: &[&str] = &[$($prefix),*];
    };
}

ids! {
    /** A user. */ UserId, "usr";
    /** A session. */ SessionId, "ses";
    /** An entry of the audit trail. */ AuditId, "aud";
    /** One request, in the answer's `x-request-id`, the log and whatever it wrote. */ RequestId, "req";
    /** A message in the outbox. */ MessageId, "msg";
    /** A plan. */ PlanId, "plan";
    /** A subscription; Stripe calls it by another id. */ SubscriptionId, "sub";
    /** A payment. */ PaymentId, "pay";
    /** A report. */ ReportId, "rep";
    /** A service credential. */ ServiceId, "svc";
    /** An invitation. */ InvitationId, "inv";
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_id_reads_back_and_sorts_by_its_time(ms in 0_i64..(1 << 47), later in 1_i64..1_000_000, random in any::<[u8; 10]>()) {
            let id = |ms| SessionId::new(Timestamp::from_millisecond(ms).unwrap(), random);
            prop_assert_eq!(id(ms).to_string().parse(), Ok(id(ms)));
            prop_assert_eq!(SessionId::from_bare(&id(ms).bare()), Ok(id(ms)));
            prop_assert!(id(ms) < id(ms + later));
            prop_assert_eq!(id(ms).made_at().as_millisecond(), ms);
            let text = serde_json::to_string(&id(ms)).unwrap();
            prop_assert_eq!(serde_json::from_str::<SessionId>(&text).unwrap(), id(ms));
            prop_assert!(serde_json::from_str::<UserId>(&text).is_err());
        }
    }

    #[test]
    fn ids_sort_by_the_time_of_their_creation() {
        let at = |ms| UserId::new(Timestamp::from_millisecond(ms).unwrap(), [0xff; 10]).to_string();
        assert!(at(1_000) < at(2_000) && at(2_000) < at(1_700_000_000_000));
    }

    #[test]
    fn an_id_has_exactly_one_spelling() {
        let id = UserId::new(Timestamp::UNIX_EPOCH, [0xab; 10]);
        let text = id.to_string();
        assert_eq!(text.parse(), Ok(id));
        for wrong in [
            text.to_uppercase(),
            text.replace("usr_", "ses_"),
            text.replace("usr_", ""),
            format!("{text}0"),
            String::new(),
        ] {
            assert_eq!(wrong.parse::<UserId>(), Err(InvalidIdError), "{wrong}");
        }
    }
}
