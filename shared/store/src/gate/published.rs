//! What the gate publishes to every function: the public keys, and the features that every user has.

use crate::roles::{PublishKeys, ReadGate};
use crate::table::batch::{Items, Keys, Lookup, ReadableBy};
use crate::table::codec::{Item, n, read, s};
use crate::table::schema::GATE;
use crate::table::update::conditional;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::Update;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tollgate_domain::billing::Plan;

/// The item that holds the public keys.
const KEYS: &str = "KEYS";

/// The item that holds the features of the plans of price 0: each under the plan's id.
const FREE_PLANS: &str = "FREE_PLANS";

/// The features of a plan that costs nothing.
#[derive(Debug, Serialize, Deserialize)]
struct FreePlan {
    code: String,
    features: Map<String, Value>,
}

/// The key set that was published last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedKeySet {
    /// A JSON Web Key Set, as text.
    pub jwks: String,
    /// Since when keys of ES256 are in it; `None`: it was written by a version without them.
    pub es256_since: Option<Timestamp>,
}

/// The public keys of access tokens that were published last.
#[derive(Debug, Clone, Copy)]
pub struct CurrentKeySet;

impl<R: ReadGate> ReadableBy<R> for CurrentKeySet {}

impl Lookup for CurrentKeySet {
    type Found = Option<PublishedKeySet>;

    fn add_keys(&self, keys: &mut Keys) {
        keys.add(GATE, [("pk", s(KEYS))]);
    }

    fn take(&self, items: &Items) -> Result<Option<PublishedKeySet>, StoreError> {
        let Some(item) = items.get(GATE, [("pk", s(KEYS))]) else { return Ok(None) };
        let Some(jwks) = item.get("jwks").and_then(|jwks| jwks.as_s().ok()).cloned() else { return Ok(None) };
        let since = item.get("es256_ms").and_then(|ms| ms.as_n().ok()?.parse().ok());
        let es256_since = since.and_then(|ms| Timestamp::from_millisecond(ms).ok());
        Ok(Some(PublishedKeySet { jwks, es256_since }))
    }
}

/// The features that every user has: those of the plan of price 0 (of several, the one with the first code); empty
/// without such a plan.
#[derive(Debug, Clone, Copy)]
pub struct FreeFeatures;

impl<R: ReadGate> ReadableBy<R> for FreeFeatures {}

impl Lookup for FreeFeatures {
    type Found = Map<String, Value>;

    fn add_keys(&self, keys: &mut Keys) {
        keys.add(GATE, [("pk", s(FREE_PLANS))]);
    }

    fn take(&self, items: &Items) -> Result<Map<String, Value>, StoreError> {
        let plans = items.get(GATE, [("pk", s(FREE_PLANS))]).into_iter().flat_map(Item::values);
        let plans = plans.filter_map(|plan| plan.as_m().ok().cloned());
        let plans = plans.map(|plan| read::<FreePlan>(GATE, plan)).collect::<Result<Vec<_>, _>>()?;
        let first = plans.into_iter().min_by(|a, b| a.code.cmp(&b.code));
        Ok(first.map(|plan| plan.features).unwrap_or_default())
    }
}

impl<R: PublishKeys> Store<R> {
    /// Publishes a key set whose newest key is in use since `newest`, unless one with a newer key is stored. Keys of
    /// ES256 are in it since `es256_since`, or since an earlier recorded time.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn publish_keys(&self, jwks: &str, newest: Timestamp, es256_since: Timestamp) -> Result<(), StoreError> {
        let call = self
            .client
            .update_item()
            .table_name(self.table(GATE))
            .key("pk", s(KEYS))
            .update_expression(
                "SET jwks = :jwks, newest_ms = :newest, es256_ms = if_not_exists(es256_ms, :es256), v = :one",
            )
            .condition_expression("attribute_not_exists(pk) OR newest_ms <= :newest")
            .expression_attribute_values(":jwks", s(jwks))
            .expression_attribute_values(":newest", n(newest.as_millisecond()))
            .expression_attribute_values(":es256", n(es256_since.as_millisecond()))
            .expression_attribute_values(":one", n(1));
        conditional(call).await.map(|_| ())
    }
}

/// An update that stores the features of `plan` for every user while it costs nothing and is not archived, and removes
/// them otherwise.
pub(crate) fn keep_free_features(plan: &Plan) -> Result<UpdateBuilder, StoreError> {
    let update = Update::builder()
        .key("pk", s(FREE_PLANS))
        .expression_attribute_names("#plan", plan.id.to_string())
        .expression_attribute_values(":one", n(1));
    if !(plan.is_active && plan.terms.price_cents == 0) {
        return Ok(update.update_expression("SET v = :one REMOVE #plan"));
    }
    let free = FreePlan { code: plan.code.to_string(), features: plan.features.0.clone() };
    let free = serde_dynamo::to_attribute_value(&free).map_err(|error| StoreError::Unexpected(error.to_string()))?;
    Ok(update.update_expression("SET v = :one, #plan = :plan").expression_attribute_values(":plan", free))
}
