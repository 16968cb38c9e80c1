//! Orders: what a change here causes at Stripe or for many users. They wait in the outbox, written in the transaction of
//! their cause, and are carried out as Stripe's events are.

use crate::{Email, PlanId, UserId};
use serde::{Deserialize, Serialize};

/// Something to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Order {
    /// For a user whose state has changed.
    User(UserOrder),
    /// For all who have a plan that has changed.
    Plan(PlanOrder),
}

impl Order {
    /// The line that it stands in: orders of one user, or about one plan, are carried out one after another.
    #[must_use]
    pub fn line(&self) -> String {
        match self {
            Self::User(order) => order.user_id.to_string(),
            Self::Plan(order) => order.plan_id.to_string(),
        }
    }
}

/// To look at a user again: who left must not keep a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserOrder {
    /// Whom it is about.
    pub user_id: UserId,
    /// An address that was proved: Stripe is told the one that is the user's when the order is carried out.
    #[serde(default)]
    pub email: Option<Email>,
    /// Whether an open checkout is to be closed.
    #[serde(default)]
    pub ends_checkouts: bool,
}

impl UserOrder {
    /// For a user whose account was closed: an open checkout expires, and the subscription ends as the gate says.
    #[must_use]
    pub const fn closing(user_id: UserId) -> Self {
        Self { user_id, email: None, ends_checkouts: true }
    }
}

/// To show a plan at Stripe as it is, and to give its subscribers what it gives now. One order goes so far and leaves another
/// one for the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanOrder {
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
    fn an_order_of_the_version_before_is_read_as_one_for_a_user() {
        let user_id = UserId::new(Timestamp::UNIX_EPOCH, [1; 10]);
        let old = format!(r#"{{"user_id": "{user_id}", "email": "new@example.com"}}"#);
        let Order::User(order) = serde_json::from_str(&old).unwrap() else { panic!("of a user") };
        assert_eq!(
            (order.user_id, order.email.unwrap().as_str(), order.ends_checkouts),
            (user_id, "new@example.com", false)
        );
    }

    #[test]
    fn an_order_survives_the_outbox_and_stands_in_the_line_of_whom_it_is_about() {
        let (user_id, plan_id) =
            (UserId::new(Timestamp::UNIX_EPOCH, [1; 10]), PlanId::new(Timestamp::UNIX_EPOCH, [2; 10]));
        let place = DuePlace { shard: 3, after: Some("{}".to_owned()) };
        for (order, line) in [
            (Order::User(UserOrder { user_id, email: None, ends_checkouts: true }), user_id.to_string()),
            (Order::Plan(PlanOrder { plan_id, from: None }), plan_id.to_string()),
            (Order::Plan(PlanOrder { plan_id, from: Some(place) }), plan_id.to_string()),
        ] {
            let text = serde_json::to_string(&order).unwrap();
            assert_eq!(serde_json::from_str::<Order>(&text).unwrap(), order);
            assert_eq!(order.line(), line);
        }
    }
}
