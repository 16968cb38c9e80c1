//! The users in the admin's lists, which read only profiles.

use crate::identity::profile::{ADMIN, CLOSED, Profile, UNVERIFIED, VERIFIED, initial};
use crate::roles::{ListUsers, ReadBilling};
use crate::table::client::Tables;
use crate::table::codec::{Item, read};
use crate::table::listing::{IndexQuery, Listed, MAX_ROWS_READ, PageOf, ReadBudget, RowFilter, newest_of};
use crate::table::schema::IDENTITY;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::AttributeValue;
use tollgate_domain::UserId;
use tollgate_domain::email::domain_search_key;

/// A filter of users.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// Whether they may sign in.
    pub is_active: Option<bool>,
    /// Whether their address is verified.
    pub email_verified: Option<bool>,
    /// Whether they may use the admin API.
    pub is_admin: Option<bool>,
    /// The prefix of their address, its domain or their user name, in lower case.
    pub q: Option<String>,
}

impl UserFilter {
    /// Whether the user of `profile` matches, apart from `q`.
    #[must_use]
    pub fn admits(&self, profile: &Profile) -> bool {
        let flags = [
            (self.is_active, profile.is_active),
            (self.email_verified, profile.email_verified),
            (self.is_admin, profile.is_admin),
        ];
        flags.into_iter().all(|(filters, flag)| filters.is_none_or(|filters| filters == flag))
    }
}

/// One of the searches of users: the prefix of its positions, and its query.
struct Search {
    place: &'static str,
    index_query: IndexQuery,
}

/// The queries for users whose address, domain or user name begins with `q`, each without the results of the previous
/// ones. A query without possible results is omitted.
fn search_queries(q: &str, filters: &[RowFilter], read_budget: ReadBudget) -> Vec<Search> {
    let index_query = |index, attribute, key, prefix: &str, others: &[RowFilter]| {
        let filters = filters.iter().chain(others).cloned().collect();
        let index_query = IndexQuery::newest_first(IDENTITY, index, (attribute, initial(prefix)), key, prefix);
        IndexQuery { is_forward: true, read_budget, filters, ..index_query }
    };
    let by_email = RowFilter::NotPrefix("email_key", q.to_owned());
    let mut found =
        vec![Search { place: "e:", index_query: index_query("by_email", "email_initial", "email_key", q, &[]) }];
    let domain = domain_search_key(q);
    if let Some(domain) = &domain {
        let others = [by_email.clone()];
        let index_query = index_query("by_domain", "domain_initial", "domain_key", domain, &others);
        found.push(Search { place: "d:", index_query });
    }
    if q.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
        let by_domain = domain.map(|domain| RowFilter::NotContains("email_key", format!("@{domain}")));
        let others: Vec<_> = [by_email].into_iter().chain(by_domain).collect();
        let index_query = index_query("by_username", "username_initial", "username_key", q, &others);
        found.push(Search { place: "u:", index_query });
    }
    found
}

impl<R: ListUsers> Store<R> {
    /// The users that match `filter`: the newest first; with `q` by address, then by domain, then by user name.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn users(&self, filter: &UserFilter, page: PageOf<'_>) -> Result<Listed<Profile>, StoreError> {
        let flags =
            [("is_active", filter.is_active), ("email_verified", filter.email_verified), ("is_admin", filter.is_admin)];
        let flags: Vec<_> = flags.into_iter().filter_map(|(name, flag)| Some((name, flag?))).collect();
        let is_one = flags.len() + usize::from(filter.q.is_some()) == 1;
        // A user who is in one of two partitions, or found by one of three names, is searched in each.
        let parts = match (&filter.q, filter.email_verified) {
            (Some(_), _) => 3,
            (None, None) => 2,
            (None, Some(_)) => 1,
        };
        let read_budget = if is_one { ReadBudget::Half } else { ReadBudget::Rows(MAX_ROWS_READ / parts) };
        // A condition that the partition implies is not repeated for its rows.
        let filters_but = |answered: &str| -> Vec<RowFilter> {
            let rest = flags.iter().filter(|(name, _)| *name != answered);
            rest.map(|(name, flag)| RowFilter::Equals(name, AttributeValue::Bool(*flag))).collect()
        };
        let index_query = |index, partition, answered| IndexQuery {
            filters: filters_but(answered),
            read_budget,
            ..IndexQuery::newest_first(IDENTITY, index, partition, "id", "usr_")
        };
        let listed = match filter {
            UserFilter { q: Some(q), .. } => self.search_users(q, &filters_but(""), read_budget, page).await?,
            // The few have an index of their own.
            UserFilter { is_admin: Some(true), .. } => {
                self.rows(&index_query("admins", ADMIN, "is_admin"), page).await?
            }
            UserFilter { is_active: Some(false), .. } => {
                self.rows(&index_query("closed", CLOSED, "is_active"), page).await?
            }
            UserFilter { email_verified: Some(is_verified), .. } => {
                let partition = if *is_verified { VERIFIED } else { UNVERIFIED };
                self.rows(&index_query("listed", partition, "email_verified"), page).await?
            }
            UserFilter { email_verified: None, .. } => {
                // In this sequence: a user who is verified between the two reads is in both lists instead of in none.
                let unverified = self.rows(&index_query("listed", UNVERIFIED, ""), page).await?;
                let verified = self.rows(&index_query("listed", VERIFIED, ""), page).await?;
                newest_of(vec![unverified, verified], page.limit)
            }
        };
        let items = listed.items.into_iter().map(|row| read(IDENTITY, row)).collect::<Result<_, _>>()?;
        Ok(Listed { items, next: listed.next })
    }
}

impl<R: ListUsers + ReadBilling> Store<R> {
    /// The user of the id `text`: that of a user, a subscription or a payment, or Stripe's of a customer, a
    /// subscription or an invoice. The user may not exist.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn user_of_id(&self, text: &str) -> Result<Option<UserId>, StoreError> {
        if let Ok(user) = text.parse() {
            return Ok(Some(user));
        }
        if let Ok(id) = text.parse() {
            return Ok(self.subscription(&id).await?.map(|owned| owned.user_id));
        }
        if let Ok(id) = text.parse() {
            return Ok(self.payment(&id).await?.map(|owned| owned.user_id));
        }
        match text.split_once('_') {
            Some(("cus", _)) => self.user_of_customer(text).await,
            Some(("sub" | "in", _)) => self.user_of_stripe_id(text).await,
            _ => Ok(None),
        }
    }
}

impl Tables {
    /// The users whose address begins with `q`, then the others whose domain does, then those whose user name does.
    async fn search_users(
        &self,
        q: &str,
        filters: &[RowFilter],
        read_budget: ReadBudget,
        page: PageOf<'_>,
    ) -> Result<Listed<Item>, StoreError> {
        let search_queries = search_queries(q, filters, read_budget);
        let is_at = |search: &Search| page.after.and_then(|after| after.strip_prefix(search.place));
        let first = search_queries.iter().position(|search| is_at(search).is_some()).unwrap_or_default();
        let mut items = Vec::new();
        for search in &search_queries[first..] {
            if items.len() == page.limit {
                return Ok(Listed { items, next: Some(search.place.to_owned()) });
            }
            let after = is_at(search).filter(|after| !after.is_empty());
            let listed = self.rows(&search.index_query, PageOf { after, limit: page.limit - items.len() }).await?;
            items.extend(listed.items);
            if let Some(next) = listed.next {
                return Ok(Listed { items, next: Some(format!("{}{next}", search.place)) });
            }
        }
        Ok(Listed { items, next: None })
    }
}
