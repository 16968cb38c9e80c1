//! Accounts whose address nobody has proved: found in the order of their registration, month by month, and taken away as
//! a whole.

use crate::accounts::{Part, outcome};
use crate::audit::{audit_item, month_of};
use crate::codec::{Item, read, s};
use crate::gate::gate_key;
use crate::profiles::{Profile, email_marker_key, user_key, username_marker_key};
use crate::schema::{AUDIT, CREDENTIALS, GATE, IDENTITY};
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::builders::DeleteBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, ReturnConsumedCapacity};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::Deserialize;
use tollgate_domain::UserId;
use tollgate_domain::audit::AuditEntry;

/// How many accounts are read at once.
const PAGE: i32 = 100;

/// A place among the accounts in the order of their registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegistrationPlace {
    from: Timestamp,
    after: Option<UserId>,
}

impl RegistrationPlace {
    /// Before all who registered at `from` or later.
    #[must_use]
    pub fn new(from: Timestamp) -> Self {
        Self { from, after: None }
    }

    /// Whoever registered before this time is behind it.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.after.map_or(self.from, |last| last.made_at())
    }

    fn next_month(&self) -> Result<Self, StoreError> {
        let day = self.time().to_zoned(TimeZone::UTC).date().first_of_month();
        let next = day.checked_add(1.month()).and_then(|day| day.to_zoned(TimeZone::UTC));
        next.map(|next| Self::new(next.timestamp())).map_err(|error| StoreError::Unexpected(error.to_string()))
    }
}

/// One page of accounts.
#[derive(Debug)]
pub struct UnprovedPage {
    /// Those of them that nobody has proved; it may be nobody though more follow.
    pub items: Vec<Profile>,
    /// Where it goes on, in the same month or at the beginning of the next one. `None` where all are seen.
    pub next: Option<RegistrationPlace>,
}

impl Store {
    /// The unproved accounts that were registered up to `until`: a page from this place on. It may be old by moments.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn unproved(&self, from: &RegistrationPlace, until: Timestamp) -> Result<UnprovedPage, StoreError> {
        #[derive(Deserialize)]
        struct Last {
            id: UserId,
        }
        let month = s(month_of(from.time()));
        let id = |at, random| s(UserId::new(at, [random; 10]).to_string());
        let start = from.after.map(|last| {
            let key = [("pk", user_key(&last)), ("month", month.clone()), ("id", s(last.to_string()))];
            Item::from(key.map(|(name, value)| (name.to_owned(), value)))
        });
        let page = self
            .client
            .query()
            .table_name(self.table(IDENTITY))
            .index_name("by_month")
            .key_condition_expression("#month = :month AND id BETWEEN :first AND :last")
            .filter_expression("email_verified = :false")
            .expression_attribute_names("#month", "month")
            .expression_attribute_values(":month", month)
            .expression_attribute_values(":first", id(from.from, 0))
            .expression_attribute_values(":last", id(until, u8::MAX))
            .expression_attribute_values(":false", AttributeValue::Bool(false))
            .limit(PAGE)
            .set_exclusive_start_key(start)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(StoreError::of)?;
        let items = page.items.unwrap_or_default().into_iter().map(|row| read(IDENTITY, row));
        let next = match page.last_evaluated_key {
            Some(key) => Some(RegistrationPlace { after: Some(read::<Last>(IDENTITY, key)?.id), ..*from }),
            None => Some(from.next_month()?).filter(|next| next.from <= until),
        };
        Ok(UnprovedPage { items: items.collect::<Result<_, _>>()?, next })
    }

    /// Takes an account away that nobody has proved, its address and its name with it. `false` when it was proved, changed
    /// or taken away meanwhile, or is an admin's.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn remove_unproved(&self, profile: &Profile, audit: &AuditEntry) -> Result<bool, StoreError> {
        let no = || AttributeValue::Bool(false);
        let of_user = |marker: AttributeValue| {
            let user = s(profile.id.to_string());
            deletion(marker).condition_expression("user_id = :user").expression_attribute_values(":user", user)
        };
        let account = deletion(user_key(&profile.id))
            .condition_expression("email_key = :key AND email_verified = :false")
            .expression_attribute_values(":key", s(profile.email.key()))
            .expression_attribute_values(":false", no());
        let gate = deletion(gate_key(&profile.id))
            .condition_expression("is_admin = :false")
            .expression_attribute_values(":false", no());
        let transaction = self
            .transaction()
            .delete(Part::Proof, IDENTITY, account)
            .delete(Part::Proof, IDENTITY, of_user(email_marker_key(&profile.email)))
            .delete(Part::Proof, IDENTITY, of_user(username_marker_key(&profile.username)))
            .delete(Part::Proof, GATE, gate)
            // Blindly: who has the address has what lies under it.
            .delete(Part::Other, CREDENTIALS, deletion(s(profile.email.key())))
            .create(Part::Other, AUDIT, audit_item(audit)?);
        outcome(transaction.run().await)
    }
}

fn deletion(key: AttributeValue) -> DeleteBuilder {
    Delete::builder().key("pk", key)
}
