//! Profiles: their items, and single reads.

use crate::roles::{ManageAccounts, ReadProfiles};
use crate::table::batch::{Items, Keys, Lookup, OwnLookup, ReadableBy};
use crate::table::codec::{Item, item, read, s};
use crate::table::listing::Partition;
use crate::table::schema::IDENTITY;
use crate::table::update::conditional;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use tollgate_domain::user::{IdentityProvider, Provider, User};
use tollgate_domain::{Email, UserId, Username};

/// The row of a user in `identity`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Profile {
    /// The user.
    pub id: UserId,
    /// The address.
    pub email: Email,
    /// The public name.
    pub username: Username,
    /// How the account was created.
    pub provider: Provider,
    /// Whether the address is verified.
    pub email_verified: bool,
    /// Whether the gate lets the user sign in.
    pub is_active: bool,
    /// Whether the gate has the user as an admin.
    pub is_admin: bool,
    /// When it was registered.
    pub created_at: Timestamp,
    /// The linked providers, each with the subject there: never an address (S22).
    #[serde(default)]
    pub links: BTreeMap<IdentityProvider, String>,
    /// The key of the verified address that each of them had when it was linked: an identity with another address is
    /// unlinked when the account's address changes.
    #[serde(default)]
    pub link_emails: BTreeMap<IdentityProvider, String>,
    /// The language of mails and pages, such as `de`: that of the browser that registered, until the user chooses another
    /// one. `None` where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
}

impl Profile {
    /// The providers that are unlinked when the account moves to `email`: those linked with another address.
    pub fn links_to_end(&self, email: &Email) -> Vec<IdentityProvider> {
        let is_other =
            |provider: &IdentityProvider| self.link_emails.get(provider).is_none_or(|key| key != email.key());
        self.links.keys().copied().filter(is_other).collect()
    }

    /// The user in the form of the contract.
    #[must_use]
    pub fn into_user(self) -> User {
        User {
            id: self.id,
            email: self.email,
            username: self.username,
            provider: self.provider,
            email_verified: self.email_verified,
            is_active: self.is_active,
            is_admin: self.is_admin,
            created_at: self.created_at,
            locale: self.locale,
        }
    }
}

pub(crate) fn user_key(user: &UserId) -> AttributeValue {
    s(format!("USER#{user}"))
}

/// The marker that assigns an identity to one account: by provider and subject, never by address.
pub(crate) fn identity_item(provider: IdentityProvider, subject: &str, user: &UserId) -> Result<Item, StoreError> {
    item(&Owner { user_id: *user }, [("pk", identity_key(provider, subject))])
}

pub(crate) fn identity_key(provider: IdentityProvider, subject: &str) -> AttributeValue {
    s(format!("OAUTH#{}#{subject}", provider.as_str()))
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Owner {
    pub user_id: UserId,
}

/// The profile of a user.
#[derive(Debug, Clone, Copy)]
pub struct ProfileOf(pub UserId);

impl<R: ReadProfiles> ReadableBy<R> for ProfileOf {}

impl Lookup for ProfileOf {
    type Found = Option<Profile>;

    fn add_keys(&self, keys: &mut Keys) {
        keys.add(IDENTITY, [("pk", user_key(&self.0))]);
    }

    fn take(&self, items: &Items) -> Result<Option<Profile>, StoreError> {
        items.get(IDENTITY, [("pk", user_key(&self.0))]).cloned().map(|item| read(IDENTITY, item)).transpose()
    }
}

impl OwnLookup for ProfileOf {
    fn of(user: UserId) -> Self {
        Self(user)
    }
}

/// The partitions of the indexes of profiles: verified ones, unverified ones, and the few with a flag.
pub(crate) const VERIFIED: Partition = ("list", "proved");
pub(crate) const UNVERIFIED: Partition = ("list", "unproved");
pub(crate) const ADMIN: Partition = ("admin", "admin");
pub(crate) const CLOSED: Partition = ("closed", "closed");

/// The partition of the names with the same first character.
pub(crate) fn initial(name: &str) -> String {
    name.chars().next().unwrap_or('-').to_string()
}

/// The sort key of an address under its domain: the domain, then the local part. No name contains a space.
pub(crate) fn domain_key(email: &Email) -> String {
    let (local, domain) = email.key().split_once('@').unwrap_or_default();
    format!("{domain} {local}")
}

/// The profile as an item, with its index attributes.
pub(crate) fn profile_item(profile: &Profile) -> Result<Item, StoreError> {
    let (email, username) = (profile.email.key().to_owned(), profile.username.key());
    let domain = domain_key(&profile.email);
    let names = [
        ("domain_initial", s(initial(&domain))),
        ("domain_key", s(domain)),
        ("email_initial", s(initial(&email))),
        ("email_key", s(email)),
        ("username_initial", s(initial(&username))),
        ("username_key", s(username)),
    ];
    let mut row = item(profile, [("pk", user_key(&profile.id))])?;
    let list = if profile.email_verified { VERIFIED } else { UNVERIFIED };
    let marks = [Some(list), profile.is_admin.then_some(ADMIN), (!profile.is_active).then_some(CLOSED)];
    let marks = marks.into_iter().flatten().map(|(name, mark)| (name, s(mark)));
    row.extend(names.into_iter().chain(marks).map(|(name, value)| (name.to_owned(), value)));
    Ok(row)
}

impl<R: ReadProfiles> Store<R> {
    /// The profile of `user` (a consistent read).
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn profile(&self, user: &UserId) -> Result<Option<Profile>, StoreError> {
        self.get(IDENTITY, user_key(user)).await?.map(|item| read(IDENTITY, item)).transpose()
    }

    /// The addresses of at most 100 users, in one call. Deleted users have none. The read is eventually consistent.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn emails_of(&self, users: &BTreeSet<UserId>) -> Result<BTreeMap<UserId, Email>, StoreError> {
        #[derive(Deserialize)]
        struct Row {
            id: UserId,
            email: Email,
            /// The list that the user is in; a deleted one is in none.
            list: Option<String>,
        }
        if users.is_empty() {
            return Ok(BTreeMap::new());
        }
        let keys = users.iter().map(|user| Item::from([("pk".to_owned(), user_key(user))])).collect();
        let keys = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .projection_expression("id, email, #list")
            .expression_attribute_names("#list", "list")
            .build()
            .map_err(|error| StoreError::Unexpected(error.to_string()))?;
        let items = self.read_keys(HashMap::from([(self.table(IDENTITY), keys)])).await?;
        let rows = items.into_iter().map(|(_, item)| read::<Row>(IDENTITY, item)).collect::<Result<Vec<_>, _>>()?;
        Ok(rows.into_iter().filter(|row| row.list.is_some()).map(|Row { id, email, .. }| (id, email)).collect())
    }
}

impl<R: ManageAccounts> Store<R> {
    /// Sets the language of a user; without effect if the profile is gone.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn set_locale(&self, user: &UserId, locale: Option<&str>) -> Result<(), StoreError> {
        let call = self.client.update_item().table_name(self.table(IDENTITY)).key("pk", user_key(user));
        let call = match locale {
            Some(locale) => {
                call.update_expression("SET #locale = :locale").expression_attribute_values(":locale", s(locale))
            }
            None => call.update_expression("REMOVE #locale"),
        };
        let call = call.expression_attribute_names("#locale", "locale");
        conditional(call.condition_expression("attribute_exists(pk)")).await.map(|_| ())
    }
}
