//! Checkout sessions, in subscription mode.

use crate::client::{Gateway, GatewayError, under};
use crate::lists::Counted;
use std::collections::HashMap;
use stripe::StripeRequest;
use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionLineItems, CreateCheckoutSessionSubscriptionData,
    ExpireCheckoutSession, ListCheckoutSession, RetrieveCheckoutSession,
};
use stripe_shared::{CheckoutSessionMode, CheckoutSessionStatus};
use tollgate_domain::UserId;
use tollgate_domain::billing::Checkout;

/// What a checkout is asked for with. The same order gives the same session.
#[derive(Debug, Clone, Copy)]
pub struct CheckoutOrder<'a> {
    /// Who is to pay.
    pub user: &'a UserId,
    /// The same at Stripe.
    pub customer: &'a str,
    /// Of what, at which price, with which trial.
    pub checkout: &'a Checkout,
    /// Where a browser goes when it is paid.
    pub success_url: &'a str,
    /// Where it goes when it is left.
    pub cancel_url: &'a str,
}

/// Where a checkout is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckoutState {
    /// It can be paid.
    Open,
    /// It was paid, or needs no payment.
    Complete,
    /// It cannot be paid any more.
    Expired,
}

/// A checkout as Stripe has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutSession {
    /// Its id.
    pub id: String,
    /// Its page, while it is open.
    pub url: Option<String>,
    /// Where it is.
    pub state: CheckoutState,
}

fn session(session: stripe_shared::CheckoutSession) -> CheckoutSession {
    CheckoutSession {
        id: session.id.to_string(),
        url: session.url,
        state: match session.status {
            Some(CheckoutSessionStatus::Open) => CheckoutState::Open,
            Some(CheckoutSessionStatus::Complete) => CheckoutState::Complete,
            _ => CheckoutState::Expired,
        },
    }
}

impl Gateway {
    /// Makes a checkout.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn create_checkout(&self, order: CheckoutOrder<'_>) -> Result<CheckoutSession, GatewayError> {
        let attempt = &order.checkout.attempt;
        let metadata = HashMap::from([
            (crate::USER.to_owned(), order.user.to_string()),
            (crate::ATTEMPT.to_owned(), attempt.id.clone()),
        ]);
        let mut item = CreateCheckoutSessionLineItems::new();
        item.price = Some(order.checkout.stripe_price_id.clone());
        item.quantity = Some(1);
        let mut subscription = CreateCheckoutSessionSubscriptionData::new();
        subscription.metadata = Some(HashMap::from([(crate::USER.to_owned(), order.user.to_string())]));
        subscription.trial_period_days = Some(order.checkout.trial_days).filter(|days| *days > 0);
        let call = CreateCheckoutSession::new()
            .mode(CheckoutSessionMode::Subscription)
            .customer(order.customer)
            .client_reference_id(order.user.to_string())
            .line_items(vec![item])
            .allow_promotion_codes(true)
            .subscription_data(subscription)
            .metadata(metadata)
            .success_url(order.success_url)
            .cancel_url(order.cancel_url);
        let made = call.customize().request_strategy(under(attempt)?).send(self).await?;
        Ok(session(made))
    }

    /// The checkout that an attempt made, if it did: among the newest hundred of the customer.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn checkout_of_attempt(
        &self,
        customer: &str,
        checkout: &Checkout,
    ) -> Result<Option<CheckoutSession>, GatewayError> {
        let list = Counted::new(self);
        let sessions = ListCheckoutSession::new().customer(customer).limit(100).send(&list).await?;
        let of_it = |session: &stripe_shared::CheckoutSession| {
            session.metadata.as_ref().and_then(|metadata| metadata.get(crate::ATTEMPT)) == Some(&checkout.attempt.id)
        };
        Ok(list.all(sessions.data)?.into_iter().find(of_it).map(session))
    }

    /// The checkout of this id.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn checkout(&self, id: &str) -> Result<CheckoutSession, GatewayError> {
        RetrieveCheckoutSession::new(id.to_owned()).send(self).await.map(session)
    }

    /// Closes an open checkout. One that is not open any more is refused.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn expire_checkout(&self, id: &str) -> Result<CheckoutSession, GatewayError> {
        ExpireCheckoutSession::new(id.to_owned()).send(self).await.map(session)
    }
}
