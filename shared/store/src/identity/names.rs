//! Names and addresses: the markers that make each unique, and whether one is taken.

use crate::roles::ManageAccounts;
use crate::table::batch::{Items, Keys, Lookup, ReadableBy};
use crate::table::codec::{Item, item, read, s};
use crate::table::schema::{IDENTITY, LIMITS};
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tollgate_domain::{Email, UserId, Username};

pub(crate) fn address_marker(address: &Email, user: &UserId) -> Result<Item, StoreError> {
    marker_item(email_marker_key(address), user, Some(address))
}

/// A marker, which makes a name or an address unique. An address's marker also stores the address as it was first
/// typed: mails go there, in whatever spelling it is typed later (S14).
pub(crate) fn marker_item(pk: AttributeValue, user: &UserId, address: Option<&Email>) -> Result<Item, StoreError> {
    #[derive(Serialize)]
    struct Marker<'a> {
        user_id: &'a UserId,
        address: Option<&'a Email>,
    }
    item(&Marker { user_id: user, address }, [("pk", pk)])
}

pub(crate) fn email_marker_key(email: &Email) -> AttributeValue {
    s(format!("EMAIL#{}", email.key()))
}

pub(crate) fn username_marker_key(username: &Username) -> AttributeValue {
    s(format!("USERNAME#{}", username.key()))
}

/// The row that reserves a name without an account.
pub(crate) fn name_hold_key(username: &Username) -> AttributeValue {
    s(format!("NAME#{}", username.key()))
}

/// Whether a requested name and address are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenNames {
    /// The name belongs to an account, or is reserved.
    pub username: bool,
    /// The address belongs to an account: the address as that account has it.
    pub email: Option<Email>,
}

#[derive(Deserialize)]
struct AddressMarker {
    address: Email,
}

/// A lookup of a requested name and address. It only allows an early answer: the registration's own conditions decide.
#[derive(Debug, Clone, Copy)]
pub struct NameAndAddress<'a> {
    /// The name.
    pub username: &'a Username,
    /// The address.
    pub email: &'a Email,
    /// The time.
    pub now: Timestamp,
}

impl NameAndAddress<'_> {
    fn name(&self) -> [(&'static str, AttributeValue); 1] {
        [("pk", username_marker_key(self.username))]
    }

    fn hold(&self) -> [(&'static str, AttributeValue); 1] {
        [("pk", name_hold_key(self.username))]
    }

    fn address(&self) -> [(&'static str, AttributeValue); 1] {
        [("pk", email_marker_key(self.email))]
    }
}

impl<R: ManageAccounts> ReadableBy<R> for NameAndAddress<'_> {}

impl Lookup for NameAndAddress<'_> {
    type Found = TakenNames;

    fn add_keys(&self, keys: &mut Keys) {
        keys.add(IDENTITY, self.name());
        keys.add(IDENTITY, self.address());
        keys.add(LIMITS, self.hold());
    }

    fn take(&self, items: &Items) -> Result<TakenNames, StoreError> {
        let held_until =
            items.get(LIMITS, self.hold()).and_then(|item| item.get("ttl")?.as_n().ok()?.parse::<i64>().ok());
        let is_held = held_until.is_some_and(|until| self.now.as_second() < until);
        let marker = items.get(IDENTITY, self.address()).cloned();
        let address = marker.map(|marker| read::<AddressMarker>(IDENTITY, marker)).transpose()?;
        Ok(TakenNames {
            username: is_held || items.get(IDENTITY, self.name()).is_some(),
            email: address.map(|marker| marker.address),
        })
    }
}

impl<R: ManageAccounts> Store<R> {
    /// The user with the address `email`.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn user_of_email(&self, email: &Email) -> Result<Option<UserId>, StoreError> {
        #[derive(Deserialize)]
        struct Marker {
            user_id: UserId,
        }
        let item = self.get(IDENTITY, email_marker_key(email)).await?;
        item.map(|item| read::<Marker>(IDENTITY, item).map(|marker| marker.user_id)).transpose()
    }

    /// Looks up a name and an address in one call.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn find_taken(
        &self,
        username: &Username,
        email: &Email,
        now: Timestamp,
    ) -> Result<TakenNames, StoreError> {
        self.look_up(&NameAndAddress { username, email, now }).await
    }
}
