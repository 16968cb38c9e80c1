//! Subscriptions and payments of all users, as the admin's lists show them.

use super::customers::{Owner, PAYMENT, SUBSCRIPTION};
use super::rows::user_partition;
use crate::roles::{ReadBilling, SweepBilling};
use crate::table::client::Tables;
use crate::table::codec::{Item, read, s};
use crate::table::listing::{IndexQuery, Listed, PageOf, RowFilter, all_rows};
use crate::table::schema::BILLING;
use crate::{Store, StoreError};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tollgate_domain::billing::{Payment, Subscription};
use tollgate_domain::{PaymentId, PlanId, SubscriptionId, UserId};

/// A filter of subscriptions or payments.
#[derive(Debug, Clone, Default)]
pub struct BillingFilter {
    /// The user.
    pub user_id: Option<UserId>,
    /// The plan.
    pub plan_id: Option<PlanId>,
    /// The status, by its name.
    pub status: Option<&'static str>,
}

/// A subscription or a payment with its user.
#[derive(Debug, Clone, Deserialize)]
pub struct Owned<T> {
    /// The user.
    pub user_id: UserId,
    /// The user's id at Stripe.
    #[serde(default)]
    pub stripe_customer_id: Option<String>,
    /// The subscription or payment.
    #[serde(flatten)]
    pub of: T,
}

/// An entity that has its own lists.
pub(super) trait Kind: DeserializeOwned {
    /// The partition of all its rows.
    const LIST: &'static str;
    /// The prefix of their sort keys.
    const PREFIX: &'static str;

    /// Stripe's id of the object.
    fn stripe_id(&self) -> &str;
}

impl Kind for Subscription {
    const LIST: &'static str = "subscriptions";
    const PREFIX: &'static str = SUBSCRIPTION;

    fn stripe_id(&self) -> &str {
        &self.stripe_id
    }
}

impl Kind for Payment {
    const LIST: &'static str = "payments";
    const PREFIX: &'static str = PAYMENT;

    fn stripe_id(&self) -> &str {
        &self.stripe_invoice_id
    }
}

/// Adds the row of `what`, a subscription or a payment of `user`, to the lists.
pub(super) fn put_into_lists<T>(row: &mut Item, what: &T, user: &UserId, stripe_customer: Option<&String>)
where
    T: Kind,
{
    let partition = |name: &str| Some(s(format!("{}{}", T::PREFIX, row.get(name)?.as_s().ok()?)));
    let attributes = [
        ("user_id", Some(s(user.to_string()))),
        ("stripe_customer_id", stripe_customer.map(s)),
        ("stripe_id", Some(s(what.stripe_id()))),
        ("list", Some(s(T::LIST))),
        ("status_list", partition("status")),
        ("plan_list", partition("plan_id")),
    ];
    row.extend(attributes.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
}

/// The smallest partition that contains the matches of `filter`, and the remaining conditions.
fn index_query<T: Kind>(filter: &BillingFilter) -> IndexQuery {
    let newest_first =
        |index, attribute, of: String| IndexQuery::newest_first(BILLING, index, (attribute, of), "sk", T::PREFIX);
    let of_kind = |name: &dyn std::fmt::Display| format!("{}{name}", T::PREFIX);
    let plan = filter.plan_id.map(|id| RowFilter::Equals("plan_id", s(id.to_string())));
    let status = filter.status.map(|status| RowFilter::Equals("status", s(status)));
    let (index_query, rest) = match filter {
        BillingFilter { user_id: Some(user), .. } => {
            (IndexQuery::of_table(BILLING, user_partition(user), T::PREFIX), [plan, status])
        }
        BillingFilter { plan_id: Some(plan), .. } => {
            (newest_first("by_plan", "plan_list", of_kind(plan)), [None, status])
        }
        BillingFilter { status: Some(status), .. } => {
            (newest_first("by_status", "status_list", of_kind(status)), [None, None])
        }
        BillingFilter { user_id: None, plan_id: None, status: None } => {
            (newest_first("listed", "list", T::LIST.to_owned()), [None, None])
        }
    };
    IndexQuery { filters: rest.into_iter().flatten().collect(), ..index_query }
}

impl<R: ReadBilling> Store<R> {
    /// The subscriptions that match `filter`, the newest first.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn list_subscriptions(
        &self,
        filter: &BillingFilter,
        page: PageOf<'_>,
    ) -> Result<Listed<Owned<Subscription>>, StoreError> {
        self.list(index_query::<Subscription>(filter), page).await
    }

    /// The payments that match `filter`, the newest first.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn list_payments(
        &self,
        filter: &BillingFilter,
        page: PageOf<'_>,
    ) -> Result<Listed<Owned<Payment>>, StoreError> {
        self.list(index_query::<Payment>(filter), page).await
    }

    /// A subscription of any user.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn subscription(&self, id: &SubscriptionId) -> Result<Option<Owned<Subscription>>, StoreError> {
        self.one(id.to_string()).await
    }

    /// A payment of any user.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn payment(&self, id: &PaymentId) -> Result<Option<Owned<Payment>>, StoreError> {
        self.one(id.to_string()).await
    }
}

impl<R: SweepBilling> Store<R> {
    /// The payments that were made at `since` or later, the newest first.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn payments_since(
        &self,
        since: jiff::Timestamp,
        page: PageOf<'_>,
    ) -> Result<Listed<Owned<Payment>>, StoreError> {
        let mut index_query = index_query::<Payment>(&BillingFilter::default());
        index_query.between.0 = format!("{PAYMENT}{}", PaymentId::new(since, [0; 10]));
        self.list(index_query, page).await
    }
}

impl Tables {
    /// The ids of all subscriptions of `user`, ended ones too.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub(crate) async fn subscription_ids(&self, user: &UserId) -> Result<Vec<SubscriptionId>, StoreError> {
        let call = self
            .client
            .query()
            .table_name(self.table(BILLING))
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", s(user_partition(user)))
            .expression_attribute_values(":prefix", s(SUBSCRIPTION));
        let rows = all_rows(call).await?;
        let id = |row: &Item| row.get("sk")?.as_s().ok()?.strip_prefix(SUBSCRIPTION)?.parse().ok();
        Ok(rows.iter().filter_map(id).collect())
    }

    /// The user with the subscription or invoice of this Stripe id. The read is eventually consistent.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub(crate) async fn user_of_stripe_id(&self, id: &str) -> Result<Option<UserId>, StoreError> {
        let prefix = if id.starts_with("in_") { PAYMENT } else { SUBSCRIPTION };
        let index_query = IndexQuery::newest_first(BILLING, "by_stripe", ("stripe_id", id), "sk", prefix);
        let row = self.rows(&index_query, PageOf { after: None, limit: 1 }).await?.items.pop();
        row.map(|row| read::<Owner>(BILLING, row)).transpose().map(|owner| owner.map(|owner| owner.user_id))
    }

    async fn one<T: Kind>(&self, id: String) -> Result<Option<Owned<T>>, StoreError> {
        let place = format!("{}{id}", T::PREFIX);
        let index_query = IndexQuery { between: (place.clone(), place), ..index_query::<T>(&BillingFilter::default()) };
        Ok(self.list(index_query, PageOf { after: None, limit: 1 }).await?.items.pop())
    }

    async fn list<T: Kind>(&self, index_query: IndexQuery, page: PageOf<'_>) -> Result<Listed<Owned<T>>, StoreError> {
        let listed = self.rows(&index_query, page).await?;
        let items = listed.items.into_iter().map(|row| read(BILLING, row)).collect::<Result<_, _>>()?;
        Ok(Listed { items, next: listed.next })
    }
}
