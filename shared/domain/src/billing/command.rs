//! Commands: changes at Stripe, or for many users, that a local change causes. They are written to the outbox in the
//! transaction of their cause and executed by `stripe-events`.

use crate::{Email, PlanId, UserId};
use serde::{Deserialize, Serialize};

/// A command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Command {
    /// For a user whose state has changed.
    User(UserCommand),
    /// For all subscribers of a plan that has changed.
    Plan(PlanCommand),
}

impl Command {
    /// The message group: commands of one user, or about one plan, are executed one after another.
    #[must_use]
    pub fn group(&self) -> String {
        match self {
            Self::User(command) => command.user_id.to_string(),
            Self::Plan(command) => command.plan_id.to_string(),
        }
    }
}

/// Synchronises a user: a closed account must not keep its subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserCommand {
    /// The user.
    pub user_id: UserId,
    /// A verified address: Stripe gets the user's address at the time of execution.
    #[serde(default)]
    pub email: Option<Email>,
    /// Whether an open checkout must be closed.
    #[serde(default)]
    pub ends_checkouts: bool,
}

impl UserCommand {
    /// For a user whose account was closed: an open checkout expires, and the subscription ends as the gate's closing
    /// says.
    #[must_use]
    pub const fn closing(user_id: UserId) -> Self {
        Self { user_id, email: None, ends_checkouts: true }
    }
}

/// Updates the product of a plan at Stripe and the access of its subscribers. A command handles some pages and is
/// followed by another command for the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanCommand {
    /// The plan.
    pub plan_id: PlanId,
    /// The place in the index of due subscriptions where it continues; `None` at the start.
    #[serde(default)]
    pub from: Option<DuePlace>,
}

/// A place in the index of due subscriptions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DuePlace {
    /// The part of the index.
    pub shard: u64,
    /// The key of the last item that was read, as stored; `None` at the start.
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
