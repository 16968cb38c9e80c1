//! Orders: what a change here causes at Stripe or for many users. They wait in the outbox, written in the transaction of
//! their cause, and are carried out as Stripe's events are.

use crate::{Email, PlanId, UserId};
use serde::{Deserialize, Serialize};

/// Something to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Command {
    /// For a user whose state has changed.
    User(UserCommand),
    /// For all who have a plan that has changed.
    Plan(PlanCommand),
}

impl Command {
    /// The line that it stands in: orders of one user, or about one plan, are carried out one after another.
    #[must_use]
    pub fn group(&self) -> String {
        match self {
            Self::User(command) => command.user_id.to_string(),
            Self::Plan(command) => command.plan_id.to_string(),
        }
    }
}

/// To look at a user again: who left must not keep a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserCommand {
    /// Whom it is about.
    pub user_id: UserId,
    /// An address that was proved: Stripe is told the one that is the user's when the order is carried out.
    #[serde(default)]
    pub email: Option<Email>,
    /// Whether an open checkout is to be closed.
    #[serde(default)]
    pub ends_checkouts: bool,
}

impl UserCommand {
    /// For a user whose account was closed: an open checkout expires, and the subscription ends as the gate says.
    #[must_use]
    pub const fn closing(user_id: UserId) -> Self {
        Self { user_id, email: None, ends_checkouts: true }
    }
}

/// To show a plan at Stripe as it is, and to give its subscribers what it gives now. One order goes so far and leaves another
/// one for the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanCommand {
    /// Which.
    pub plan_id: PlanId,
    /// Where in the index of what is due it goes on; `None` at the beginning.
    #[serde(default)]
    pub from: Option<DuePlace>,
}

/// A place in the index of what is due.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DuePlace {
    /// The part of the index.
    pub shard: u64,
    /// The key of the last item that was seen, as the table has it; `None` before the first.
    #[serde(default)]
    pub after: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    // R18
    #[test]
    fn a_command_of_the_previous_version_is_read_as_a_user_command() {
        let user_id = UserId::new(Timestamp::UNIX_EPOCH, [1; 10]);
        let old = format!(r#"{{"user_id": "{user_id}", "email": "new@example.com"}}"#);
        let Command::User(command) = serde_json::from_str(&old).unwrap() else { panic!("of a user") };
        assert_eq!(
            (command.user_id, command.email.unwrap().as_str(), command.ends_checkouts),
            (user_id, "new@example.com", false)
        );
    }

    #[test]
    fn a_command_survives_serialisation_and_is_grouped_by_its_subject() {
        let (user_id, plan_id) =
            (UserId::new(Timestamp::UNIX_EPOCH, [1; 10]), PlanId::new(Timestamp::UNIX_EPOCH, [2; 10]));
        let place = DuePlace { shard: 3, after: Some("{}".to_owned()) };
        for (command, group) in [
            (Command::User(UserCommand { user_id, email: None, ends_checkouts: true }), user_id.to_string()),
            (Command::Plan(PlanCommand { plan_id, from: None }), plan_id.to_string()),
            (Command::Plan(PlanCommand { plan_id, from: Some(place) }), plan_id.to_string()),
        ] {
            let text = serde_json::to_string(&command).unwrap();
            assert_eq!(serde_json::from_str::<Command>(&text).unwrap(), command);
            assert_eq!(command.group(), group);
        }
    }
}
