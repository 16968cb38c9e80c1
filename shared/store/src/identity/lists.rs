//! The users in the admin's lists, and an admin's changes of a user. The gate decides what a user may do; the profile
//! has a copy, written in the same transaction, so that a list reads only profiles.

use crate::audit::audit_item;
use crate::gate::{count_admins, gate_key};
use crate::identity::profile::{ADMIN, CLOSED, Profile, UNVERIFIED, VERIFIED, initial, user_key};
use crate::identity::registration::{Condition, address_verification, outcome};
use crate::outbox::{OutboxMessage, outbox_item};
use crate::table::codec::{Item, n, read, s};
use crate::table::listing::{IndexQuery, Listed, MAX_ROWS_READ, PageOf, Partition, ReadBudget, RowFilter, newest_of};
use crate::table::schema::{AUDIT, CREDENTIALS, GATE, IDENTITY, OUTBOX};
use crate::table::transaction::Refusal;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Update};
use tollgate_domain::UserId;
use tollgate_domain::audit::AuditEntry;
use tollgate_domain::email::domain_search_key;
use tollgate_domain::gate::{Closing, Gate};

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

/// The result of a change of a user's rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RightsChange {
    /// The change was made.
    Done,
    /// It would leave no active admin.
    LastAdmin,
    /// The user's rights have changed, or the user was deleted.
    Changed,
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

impl Store {
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

    /// Enables or disables the account of `gate`; when it is disabled, every session ends. An account that its owner
    /// has closed is enabled like any other.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn set_active(
        &self,
        gate: &Gate,
        is_active: bool,
        audit: &AuditEntry,
    ) -> Result<RightsChange, StoreError> {
        let update = rights(gate).expression_attribute_values(":new", AttributeValue::Bool(is_active));
        let update = match is_active {
            true => update.update_expression("SET is_active = :new REMOVE #left"),
            false => update
                .update_expression("SET is_active = :new, sessions = :none")
                .expression_attribute_values(":none", AttributeValue::M(Item::new())),
        };
        let profile = flag(&gate.user_id, ("is_active", is_active), CLOSED, !is_active);
        self.change_rights(update, profile, gate.is_admin.then_some(is_active), None, audit).await
    }

    /// Makes the user of `gate` an admin, or removes the role.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn set_admin(&self, gate: &Gate, is_admin: bool, audit: &AuditEntry) -> Result<RightsChange, StoreError> {
        let update = rights(gate)
            .update_expression("SET is_admin = :new")
            .expression_attribute_values(":new", AttributeValue::Bool(is_admin));
        let profile = flag(&gate.user_id, ("is_admin", is_admin), ADMIN, is_admin);
        // A user who may not sign in is not counted.
        self.change_rights(update, profile, gate.is_active.then_some(is_admin), None, audit).await
    }

    /// Changes gate and profile together; `counted` is the change of the number of active admins.
    pub(crate) async fn change_rights(
        &self,
        gate: UpdateBuilder,
        profile: UpdateBuilder,
        counted: Option<bool>,
        command: Option<&OutboxMessage>,
        audit: &AuditEntry,
    ) -> Result<RightsChange, StoreError> {
        let mut transaction = self.transaction().update(Condition::EmailUnverified, GATE, gate).update(
            Condition::EmailUnverified,
            IDENTITY,
            profile,
        );
        if let Some(up) = counted {
            transaction = transaction.update(Condition::Admins, GATE, count_admins(up));
        }
        if let Some(command) = command {
            transaction = transaction.create(Condition::Invariant, OUTBOX, outbox_item(command)?);
        }
        match transaction.create(Condition::Invariant, AUDIT, audit_item(audit)?).run().await {
            Ok(()) => Ok(RightsChange::Done),
            Err(Refusal::Condition(Condition::Admins)) => Ok(RightsChange::LastAdmin),
            Err(Refusal::Condition(Condition::EmailUnverified)) => Ok(RightsChange::Changed),
            Err(other) => Err(other.unexpected()),
        }
    }

    /// Marks the address of `profile` as verified by an admin. The previous password becomes invalid, since its owner
    /// has not verified the address. Returns `false` when the address was verified or changed in between.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn set_verified(
        &self,
        profile: &Profile,
        password_version: u64,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError> {
        let verification = address_verification(&profile.id, profile.email.key());
        let password = Delete::builder()
            .key("pk", s(profile.email.key()))
            .condition_expression("attribute_not_exists(pk) OR (user_id = :user AND password_version = :version)")
            .expression_attribute_values(":user", s(profile.id.to_string()))
            .expression_attribute_values(":version", n(password_version));
        let gate = Update::builder()
            .key("pk", gate_key(&profile.id))
            .update_expression("SET password_version = :next, has_password = :false, sessions = :none")
            .condition_expression("password_version = :version")
            .expression_attribute_values(":version", n(password_version))
            .expression_attribute_values(":next", n(password_version + 1))
            .expression_attribute_values(":none", AttributeValue::M(Item::new()))
            .expression_attribute_values(":false", AttributeValue::Bool(false));
        let transaction = self
            .transaction()
            .update(Condition::EmailUnverified, IDENTITY, verification)
            .delete(Condition::EmailUnverified, CREDENTIALS, password)
            .update(Condition::EmailUnverified, GATE, gate);
        outcome(transaction.create(Condition::Invariant, AUDIT, audit_item(audit)?).run().await)
    }
}

/// A change of a gate, on condition that the user's rights are those of `gate`.
pub(crate) fn rights(gate: &Gate) -> UpdateBuilder {
    let (closing_condition, closing) = match gate.closing {
        None => ("attribute_not_exists(#left)", None),
        Some(Closing::Deactivated) => ("#left = :left", Some(s("deactivated"))),
        Some(Closing::Deleted) => ("#left = :left", Some(s("deleted"))),
    };
    let update = Update::builder()
        .key("pk", gate_key(&gate.user_id))
        .condition_expression(format!("is_active = :active AND is_admin = :admin AND {closing_condition}"))
        .expression_attribute_names("#left", "left")
        .expression_attribute_values(":active", AttributeValue::Bool(gate.is_active))
        .expression_attribute_values(":admin", AttributeValue::Bool(gate.is_admin));
    match closing {
        None => update,
        Some(closing) => update.expression_attribute_values(":left", closing),
    }
}

/// The same on the profile: the flag, and whether the user is in the index of users with `mark`.
pub(crate) fn flag(
    user: &UserId,
    (name, value): (&str, bool),
    (mark, partition): Partition,
    is_marked: bool,
) -> UpdateBuilder {
    let update = Update::builder()
        .key("pk", user_key(user))
        .condition_expression("attribute_exists(pk)")
        .expression_attribute_names("#flag", name)
        .expression_attribute_names("#mark", mark)
        .expression_attribute_values(":flag", AttributeValue::Bool(value));
    match is_marked {
        true => update
            .update_expression("SET #flag = :flag, #mark = :mark")
            .expression_attribute_values(":mark", s(partition)),
        false => update.update_expression("SET #flag = :flag REMOVE #mark"),
    }
}
