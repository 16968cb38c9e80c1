//! The mails, each in a file of its own, and the message that is one of them, as it is stored in the outbox.
//!
//! A message of the previous version is still understood (R18): fields are only added, with a default.

mod action_required;
mod already_registered;
mod downgrade_scheduled;
mod email_change_requested;
mod email_changed;
mod invitation;
mod login_code;
mod password_changed;
mod payment_failed;
mod plan_changed;
mod provider_linked;
mod refunded;
mod renewed;
mod reset;
mod subscription_canceled;
mod subscription_confirmed;
mod subscription_ended;
mod subscription_resumed;
mod trial_ending;
mod trial_refused;
mod verify;

pub use refunded::{Amount, RefundReason};

use crate::kind::{MailKind, Secret};
use serde::{Deserialize, Serialize};

/// Declares `Message`, and exports each mail.
macro_rules! messages {
    ($($module:ident::$name:ident,)*) => {
        $(pub use $module::$name;)*

        /// A mail to be sent.
        #[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        pub enum Message {
            $(
                /// The mail of this name.
                $name($name),
            )*
        }

        $(
            impl From<$name> for Message {
                fn from(mail: $name) -> Self {
                    Self::$name(mail)
                }
            }
        )*

        impl Message {
            /// Its recipient.
            #[must_use]
            pub fn to(&self) -> &str {
                match self {
                    $(Self::$name(mail) => &mail.to,)*
                }
            }

            /// Its kind: the name in its JSON.
            #[must_use]
            pub const fn kind(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($module),)*
                }
            }

            pub(crate) fn mail(&self) -> &dyn MailKind {
                match self {
                    $(Self::$name(mail) => mail,)*
                }
            }

            /// A message of each form of each mail.
            #[cfg(test)]
            pub(crate) fn samples() -> Vec<Self> {
                let mut all = Vec::new();
                $(all.extend($name::samples().into_iter().map(Self::from));)*
                all
            }
        }
    };
}

messages! {
    verify::Verify,
    invitation::Invitation,
    already_registered::AlreadyRegistered,
    reset::Reset,
    login_code::LoginCode,
    email_change_requested::EmailChangeRequested,
    email_changed::EmailChanged,
    provider_linked::ProviderLinked,
    password_changed::PasswordChanged,
    subscription_confirmed::SubscriptionConfirmed,
    renewed::Renewed,
    plan_changed::PlanChanged,
    downgrade_scheduled::DowngradeScheduled,
    payment_failed::PaymentFailed,
    action_required::ActionRequired,
    subscription_canceled::SubscriptionCanceled,
    subscription_resumed::SubscriptionResumed,
    subscription_ended::SubscriptionEnded,
    trial_ending::TrialEnding,
    refunded::Refunded,
    trial_refused::TrialRefused,
}

impl Message {
    /// The secret that it contains, which is derived when it is sent.
    #[must_use]
    pub fn secret(&self) -> Option<Secret<'_>> {
        self.mail().secret()
    }
}

/// A mail with the language of its reader, as it is stored in the outbox.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addressed {
    /// The language, if it is known. A message of an earlier version has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// The mail.
    #[serde(flatten)]
    pub message: Message,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, Value};

    // R18
    #[test]
    fn each_message_of_an_earlier_version_is_read_as_it_was_written() {
        let mut kinds = std::collections::BTreeSet::new();
        for line in include_str!("mails/earlier.jsonl").lines() {
            let written: Map<String, Value> = serde_json::from_str(line).unwrap();
            let message: Message = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            let read = serde_json::to_value(&message).unwrap();
            for (name, value) in &written {
                assert_eq!(&read[name], value, "{name} of {line}");
            }
            assert_eq!((message.kind(), message.to()), (written["kind"].as_str().unwrap(), "ann@example.com"));
            kinds.insert(message.kind());
        }
        assert_eq!(kinds.len(), 21);
    }
}
