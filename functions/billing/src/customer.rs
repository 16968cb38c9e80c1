//! The user's customer at Stripe: reserved in the table before it is created, so that two calls create one.

use crate::error::of_gateway;
use crate::state::State;
use tollgate_domain::billing::{Attempt, Command, Customer, UserCommand};
use tollgate_domain::{Email, MessageId};
use tollgate_http::{ActiveUser, ApiError, RequestContext};
use tollgate_platform::{fingerprint, random_bytes};
use tollgate_store::{OutboxMessage, Profile, StoreError};
use tollgate_stripe::GatewayError;

/// A new attempt at a write to Stripe.
pub(crate) fn attempt(context: &RequestContext) -> Attempt {
    let id = fingerprint(&format!("{}{:?}", context.request_id, random_bytes::<16>()));
    Attempt { id, started_at: context.now }
}

/// The user's customer at Stripe, created if missing: reserved first, so that two calls create one. `None` to repeat.
pub(crate) async fn find_or_create_customer(
    state: &State,
    context: &RequestContext,
    user: &ActiveUser,
    known: Option<Customer>,
) -> Result<Option<Customer>, ApiError> {
    if let Some(known) = known.filter(|customer| customer.stripe_customer_id.is_some()) {
        return Ok(Some(known));
    }
    let profile = state.store.profile(&user.id).await?.ok_or(ApiError::Unauthenticated)?;
    let reservation = Reservation { state, context, profile };
    let mut reserved = reservation.write(None).await?;
    let (mut made_by, mut address) = attempt_and_email(&reserved)?;
    if made_by.is_old(context.now) {
        // Stripe may have removed its key.
        match state.gateway.customer_of_attempt(&address, &made_by).await.map_err(of_gateway)? {
            Some(id) => return link_customer(state, context, &reserved, &address, &id).await,
            None => {
                reserved = reservation.write(Some(&made_by)).await?;
                (made_by, address) = attempt_and_email(&reserved)?;
            }
        }
    }
    if reserved.stripe_customer_id.is_some() {
        return Ok(Some(reserved));
    }
    let id = reservation.create_customer(&address, &made_by).await?;
    link_customer(state, context, &reserved, &address, &id).await
}

/// The reservation of a customer that is to be created at Stripe.
struct Reservation<'a> {
    state: &'a State,
    context: &'a RequestContext,
    profile: Profile,
}

impl Reservation<'_> {
    /// Stores it with a new attempt, unless another one than `instead_of` is stored. Returns the stored customer.
    async fn write(&self, instead_of: Option<&Attempt>) -> Result<Customer, StoreError> {
        let Profile { id, email, locale, .. } = &self.profile;
        let new = attempt(self.context);
        self.state.store.reserve_customer(id, (email, locale.as_deref()), &new, instead_of).await
    }

    /// Creates the customer at Stripe, and returns its id; after a lost answer it is looked for there. An attempt that
    /// created none is replaced.
    async fn create_customer(&self, address: &Email, made_by: &Attempt) -> Result<String, ApiError> {
        let gateway = &self.state.gateway;
        let (made, error) = match gateway.create_customer(&self.profile.id, address, made_by).await {
            Ok(id) => return Ok(id),
            // The same key would return the same answer for a day: the customer may have been created nevertheless.
            Err(GatewayError::Failed(cause)) => {
                let found = gateway.customer_of_attempt(address, made_by).await.map_err(of_gateway)?;
                (found, ApiError::StripeUnavailable(cause))
            }
            Err(error @ GatewayError::Refused { .. }) => (None, of_gateway(error)),
            Err(error) => return Err(of_gateway(error)),
        };
        if made.is_none() {
            self.write(Some(made_by)).await?;
        }
        made.ok_or(error)
    }
}

/// The current attempt to create a customer, and its address.
fn attempt_and_email(reserved: &Customer) -> Result<(Attempt, Email), ApiError> {
    let attempt = reserved.attempt.clone();
    let attempt = attempt.ok_or_else(|| ApiError::Internal("a customer without an attempt".into()))?;
    // The previous version stored no address with the attempt. A user without any address was deleted in between.
    let address = reserved.attempt_email.as_ref().or(reserved.email.as_ref());
    Ok((attempt, address.cloned().ok_or(ApiError::Unauthenticated)?))
}

/// Links the customer to Stripe's id. It was created with the address `email_at_stripe`: if the user's address has
/// changed, a command sends the new one to Stripe. `None` to repeat.
async fn link_customer(
    state: &State,
    context: &RequestContext,
    expected: &Customer,
    email_at_stripe: &Email,
    id: &str,
) -> Result<Option<Customer>, ApiError> {
    // A later change of address finds the customer.
    let profile = state.store.profile(&expected.user_id).await?.ok_or(ApiError::Unauthenticated)?;
    let command = if profile.email == *email_at_stripe {
        None
    } else {
        let command = UserCommand { user_id: expected.user_id, email: Some(profile.email), ends_checkouts: false };
        Some(OutboxMessage::of_command(
            &Command::User(command),
            MessageId::new(context.now, random_bytes()),
            context.now,
        )?)
    };
    if !state.store.link_customer(expected, id, command.as_ref()).await? {
        return Ok(None);
    }
    Ok(state.store.customer(&expected.user_id).await?)
}

/// Stripe's id of a customer that is linked.
pub(crate) fn customer_id(customer: &Customer) -> Result<&str, ApiError> {
    let id = customer.stripe_customer_id.as_deref();
    id.ok_or_else(|| ApiError::Internal("a customer without Stripe's id".into()))
}
