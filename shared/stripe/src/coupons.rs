//! Coupons. Stripe never changes the reduction of a coupon, so each is read once.

use crate::client::{Gateway, GatewayError, NoParams};
use crate::lists::List;
use crate::objects::{Coupon, Coupons};
use serde_json::Value;
use std::sync::{Arc, PoisonError};

impl Gateway {
    /// The coupons that a list of subscriptions names by their ids only. A coupon that Stripe does not find has no
    /// known reduction.
    pub(crate) async fn coupons(&self, subscriptions: &List) -> Result<Arc<Coupons>, GatewayError> {
        let mut known = Arc::clone(&self.coupons.read().unwrap_or_else(PoisonError::into_inner));
        for id in subscriptions.entries().iter().flat_map(of_items) {
            if known.contains_key(id) {
                continue;
            }
            match self.get::<Coupon>(&format!("/coupons/{id}"), &NoParams {}).await {
                Ok(coupon) => {
                    Arc::make_mut(&mut known).insert(id.to_owned(), coupon);
                }
                Err(error) if error.is_permanent() => {
                    tracing::warn!(coupon = id, reason = %error, "a coupon cannot be read: its discount is not shown");
                }
                Err(error) => return Err(error),
            }
        }
        *self.coupons.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&known);
        Ok(known)
    }
}

/// The ids of the coupons of the discounts on the items of a subscription.
fn of_items(subscription: &Value) -> impl Iterator<Item = &str> {
    let items = subscription["items"]["data"].as_array().into_iter().flatten();
    let discounts = items.flat_map(|item| item["discounts"].as_array().into_iter().flatten());
    discounts.filter_map(|discount| discount["source"]["coupon"].as_str())
}
