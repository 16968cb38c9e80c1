//! Checkout sessions, in subscription mode.

use crate::client::{Gateway, GatewayError, NoParams};
use crate::lists::{ListParams, is_of};
use crate::metadata::{ATTEMPT, USER};
use crate::objects;
use serde::Serialize;
use std::collections::BTreeMap;
use tollgate_domain::UserId;
use tollgate_domain::billing::Checkout;

#[derive(Serialize)]
struct CheckoutParams<'a> {
    allow_promotion_codes: bool,
    cancel_url: &'a str,
    client_reference_id: &'a str,
    customer: &'a str,
    line_items: [LineItem<'a>; 1],
    metadata: BTreeMap<&'static str, &'a str>,
    mode: &'static str,
    subscription_data: SubscriptionData<'a>,
    success_url: &'a str,
}

#[derive(Serialize)]
struct LineItem<'a> {
    price: &'a str,
    quantity: u64,
}

#[derive(Serialize)]
struct SubscriptionData<'a> {
    metadata: BTreeMap<&'static str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trial_period_days: Option<u32>,
}

/// The parameters of a new checkout. The same parameters give the same session.
#[derive(Debug, Clone, Copy)]
pub struct NewCheckout<'a> {
    /// The payer.
    pub user: &'a UserId,
    /// The customer at Stripe.
    pub customer: &'a str,
    /// The plan, its price and the trial.
    pub checkout: &'a Checkout,
    /// The redirect after payment.
    pub success_url: &'a str,
    /// The redirect after cancellation.
    pub cancel_url: &'a str,
}

/// The state of a checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckoutState {
    /// It can be paid.
    Open,
    /// It was paid, or needs no payment.
    Complete,
    /// It cannot be paid any more.
    Expired,
}

/// A checkout in Stripe's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutSession {
    /// Its id.
    pub id: String,
    /// Its page, while it is open.
    pub url: Option<String>,
    /// Its state.
    pub state: CheckoutState,
}

fn session(session: objects::CheckoutSession) -> CheckoutSession {
    CheckoutSession {
        id: session.id,
        url: session.url,
        state: match session.status.as_deref() {
            Some("open") => CheckoutState::Open,
            Some("complete") => CheckoutState::Complete,
            _ => CheckoutState::Expired,
        },
    }
}

impl Gateway {
    /// Creates a checkout.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn create_checkout(&self, new_checkout: NewCheckout<'_>) -> Result<CheckoutSession, GatewayError> {
        let attempt = &new_checkout.checkout.attempt;
        let user = new_checkout.user.to_string();
        let params = CheckoutParams {
            allow_promotion_codes: true,
            cancel_url: new_checkout.cancel_url,
            client_reference_id: &user,
            customer: new_checkout.customer,
            line_items: [LineItem { price: &new_checkout.checkout.stripe_price_id, quantity: 1 }],
            metadata: BTreeMap::from([(USER, user.as_str()), (ATTEMPT, attempt.id.as_str())]),
            mode: "subscription",
            subscription_data: SubscriptionData {
                metadata: BTreeMap::from([(USER, user.as_str())]),
                trial_period_days: Some(new_checkout.checkout.trial_days).filter(|days| *days > 0),
            },
            success_url: new_checkout.success_url,
        };
        self.post_once("/checkout/sessions", &params, attempt).await.map(session)
    }

    /// The checkout that an attempt created, if it did: among the newest hundred of the customer.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn checkout_of_attempt(
        &self,
        customer: &str,
        checkout: &Checkout,
    ) -> Result<Option<CheckoutSession>, GatewayError> {
        let params = ListParams { customer: Some(customer), ..ListParams::default() };
        let of_it = |object: objects::CheckoutSession| {
            Ok(Some(object).filter(|object| is_of(&object.metadata, &checkout.attempt.id)).map(session))
        };
        Ok(self.list("/checkout/sessions", params).await?.read(of_it).into_iter().next())
    }

    /// The checkout with this id.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn checkout(&self, id: &str) -> Result<CheckoutSession, GatewayError> {
        self.get(&format!("/checkout/sessions/{id}"), &NoParams {}).await.map(session)
    }

    /// Closes an open checkout. Stripe refuses one that is not open.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn expire_checkout(&self, id: &str) -> Result<CheckoutSession, GatewayError> {
        self.post(&format!("/checkout/sessions/{id}/expire"), &NoParams {}).await.map(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stripe_client_core::{RequestBuilder, StripeMethod};

    #[test]
    fn a_checkout_has_stripes_form() {
        let params = |trial_period_days| CheckoutParams {
            allow_promotion_codes: true,
            cancel_url: "https://app.example/left",
            client_reference_id: "usr_1",
            customer: "cus_1",
            line_items: [LineItem { price: "price_1", quantity: 1 }],
            metadata: BTreeMap::from([(USER, "usr_1"), (ATTEMPT, "a")]),
            mode: "subscription",
            subscription_data: SubscriptionData { metadata: BTreeMap::from([(USER, "usr_1")]), trial_period_days },
            success_url: "https://app.example/{CHECKOUT_SESSION_ID}",
        };
        let form = |days| RequestBuilder::new(StripeMethod::Post, "/x").form(&params(days)).body.unwrap();
        let expected = "allow_promotion_codes=true&cancel_url=https://app.example/left&client_reference_id=usr_1\
            &customer=cus_1&line_items[0][price]=price_1&line_items[0][quantity]=1\
            &metadata[tollgate_attempt]=a&metadata[tollgate_user]=usr_1&mode=subscription\
            &subscription_data[metadata][tollgate_user]=usr_1";
        let end = "&success_url=https://app.example/{CHECKOUT_SESSION_ID}";
        let plain = |form: String| {
            ["%3A:", "%2F/", "%7B{", "%7D}"].iter().fold(form, |form, pair| form.replace(&pair[..3], &pair[3..]))
        };
        assert_eq!(plain(form(None)), format!("{expected}{end}"));
        assert_eq!(plain(form(Some(14))), format!("{expected}&subscription_data[trial_period_days]=14{end}"));
    }
}
