//! `POST /billing/subscriptions/subscribe`.

use crate::error::{of_convergence, of_gateway, user_errors};
use crate::{State, catalogue};
use axum::Json;
use axum::extract::State as Shared;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tollgate_convergence::Cause;
use tollgate_domain::billing::{Attempt, Checkout, Command, Customer, Plan, Subscription, UserCommand};
use tollgate_domain::{Email, MessageId};
use tollgate_http::{ActiveUser, ApiError, JsonBody, RequestContext, errors};
use tollgate_platform::{fingerprint, random_bytes};
use tollgate_store::{CheckoutReservation, OutboxMessage};
use tollgate_stripe::{CheckoutSession, CheckoutState, GatewayError, NewCheckout};
use utoipa::ToSchema;

/// How often it is repeated after a concurrent write.
const TRIES: usize = 3;

/// The plan to subscribe to.
#[derive(Deserialize, ToSchema)]
pub struct Subscribe {
    /// Its code.
    plan_code: String,
}

/// The checkout.
#[derive(Serialize, ToSchema)]
pub struct CheckoutView {
    /// Stripe's page.
    checkout_url: String,
    /// Stripe's id of it.
    checkout_session_id: String,
}

errors! {
    /// Why there is no checkout.
    SubscribeErrors = user_errors()
        .into_iter()
        .chain([ApiError::PlanNotFound, ApiError::AlreadySubscribed, ApiError::PlanIsFree])
}

/// Starts a subscription: returns a page of Stripe on which it is paid.
#[utoipa::path(
    post, path = "/billing/subscriptions/subscribe", operation_id = "subscribe", tag = "Billing",
    security(("bearer" = [])), request_body = Subscribe,
    responses((status = 201, body = CheckoutView), SubscribeErrors)
)]
pub async fn subscribe(
    Shared(state): Shared<State>,
    context: RequestContext,
    user: ActiveUser,
    JsonBody(body): JsonBody<Subscribe>,
) -> Result<(StatusCode, Json<CheckoutView>), ApiError> {
    let plan = catalogue::active_plan(&state.plans.current(&state.store, context.now).await?, &body.plan_code)?;
    if plan.is_free() {
        return Err(ApiError::PlanIsFree);
    }
    for _ in 0..TRIES {
        let (known, subscriptions) = state.store.customer_and_subscriptions(&user.id).await?.unzip();
        refuse_subscribers(subscriptions.as_deref().unwrap_or_default())?;
        let Some(customer) = customer(&state, &context, &user, known).await? else { continue };
        let Some(checkout) = reserve_checkout(&state, &context, &customer, &plan).await? else { continue };
        if let Some(opened) = open_checkout(&state, &customer, checkout).await? {
            return Ok((StatusCode::CREATED, Json(opened)));
        }
    }
    Err(ApiError::Unavailable("the customer was written by others each time".into()))
}

fn refuse_subscribers(subscriptions: &[Subscription]) -> Result<(), ApiError> {
    let is_subscribed = subscriptions.iter().any(Subscription::excludes_another);
    if is_subscribed { Err(ApiError::AlreadySubscribed) } else { Ok(()) }
}

fn attempt(context: &RequestContext) -> Attempt {
    let id = fingerprint(&format!("{}{:?}", context.request_id, random_bytes::<16>()));
    Attempt { id, started_at: context.now }
}

/// The user's customer at Stripe, created if missing: reserved first, so that two calls create one. `None` to repeat.
async fn customer(
    state: &State,
    context: &RequestContext,
    user: &ActiveUser,
    known: Option<Customer>,
) -> Result<Option<Customer>, ApiError> {
    if let Some(known) = known.filter(|customer| customer.stripe_customer_id.is_some()) {
        return Ok(Some(known));
    }
    let profile = state.store.profile(&user.id).await?.ok_or(ApiError::Unauthenticated)?;
    let reserve = async |instead_of: Option<&Attempt>| {
        state
            .store
            .reserve_customer(&user.id, (&profile.email, profile.locale.as_deref()), &attempt(context), instead_of)
            .await
    };
    let mut reserved = reserve(None).await?;
    let (mut made_by, mut address) = attempt_and_email(&reserved)?;
    if made_by.is_old(context.now) {
        // Stripe may have removed its key.
        match state.gateway.customer_of_attempt(&address, &made_by).await.map_err(of_gateway)? {
            Some(id) => return link_customer(state, context, &reserved, &address, &id).await,
            None => {
                reserved = reserve(Some(&made_by)).await?;
                (made_by, address) = attempt_and_email(&reserved)?;
            }
        }
    }
    if reserved.stripe_customer_id.is_some() {
        return Ok(Some(reserved));
    }
    let id = match state.gateway.create_customer(&user.id, &address, &made_by).await {
        Ok(id) => id,
        Err(GatewayError::Failed(cause)) => {
            // The same key would return the same answer for a day: the customer may have been created nevertheless.
            match state.gateway.customer_of_attempt(&address, &made_by).await.map_err(of_gateway)? {
                Some(id) => id,
                None => {
                    reserve(Some(&made_by)).await?;
                    return Err(ApiError::StripeUnavailable(cause));
                }
            }
        }
        Err(error @ GatewayError::Refused { .. }) => {
            reserve(Some(&made_by)).await?;
            return Err(of_gateway(error));
        }
        Err(error) => return Err(of_gateway(error)),
    };
    link_customer(state, context, &reserved, &address, &id).await
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

/// Reserves a checkout for `plan`; `None` to repeat. A checkout of another plan or price is closed first.
async fn reserve_checkout(
    state: &State,
    context: &RequestContext,
    customer: &Customer,
    plan: &Plan,
) -> Result<Option<Checkout>, ApiError> {
    let price = plan.stripe_price_id.clone().ok_or_else(|| ApiError::Internal(format!("{} has no price", plan.id)))?;
    let trial_days = trial_days(state, customer, plan).await?;
    if let Some(checkout) = &customer.checkout {
        // A trial is given once, however long its page is open, and with the plan's current terms.
        let is_good = checkout.trial_days == trial_days;
        let same = checkout.plan_id == plan.id && checkout.stripe_price_id == price && is_good;
        if let Some(session) = &checkout.session_id {
            let there = state.gateway.checkout(session).await.map_err(of_gateway)?;
            match there.state {
                CheckoutState::Open if same => return Ok(Some(checkout.clone())),
                CheckoutState::Open => close(state, session).await?,
                CheckoutState::Complete => {
                    // It was paid: the event is still to come, so the state is fetched now.
                    let cause = Cause { request_id: Some(context.request_id), ..Cause::default() };
                    let synced = state.convergence.sync(&customer.user_id, cause).await.map_err(of_convergence)?;
                    refuse_subscribers(&synced)?;
                }
                CheckoutState::Expired => {}
            }
        } else if same && !checkout.attempt.is_old(context.now) {
            return Ok(Some(checkout.clone()));
        } else if let Some(made) =
            state.gateway.checkout_of_attempt(customer_id(customer)?, checkout).await.map_err(of_gateway)?
        {
            let opened = state.store.open_checkout(
                &customer.user_id,
                &checkout.attempt.id,
                &made.id,
                made.url.as_deref().unwrap_or_default(),
            );
            opened.await?;
            return Ok(None);
        }
    }
    // The version is a condition: a concurrent sync has read the customer before or after this.
    let now = state.store.customer(&customer.user_id).await?.unwrap_or_else(|| customer.clone());
    if now.checkout != customer.checkout {
        return Ok(None);
    }
    let checkout = Checkout {
        attempt: attempt(context),
        plan_id: plan.id,
        plan_code: plan.code.clone(),
        stripe_price_id: price,
        trial_days: if now.had_trial { 0 } else { trial_days },
        session_id: None,
        url: None,
    };
    match state.store.reserve_checkout(&now, &checkout).await? {
        CheckoutReservation::Done => Ok(Some(checkout)),
        CheckoutReservation::Overtaken => Ok(None),
    }
}

/// The trial of a new subscription of `customer` to `plan`: each user and each address has one.
async fn trial_days(state: &State, customer: &Customer, plan: &Plan) -> Result<u32, ApiError> {
    if customer.had_trial || plan.trial_days == 0 {
        return Ok(0);
    }
    let has_trial = match &customer.email {
        Some(address) => state.convergence.has_trial_left(address).await.map_err(of_convergence)?,
        None => false,
    };
    Ok(if has_trial { plan.trial_days } else { 0 })
}

async fn close(state: &State, session: &str) -> Result<(), ApiError> {
    match state.gateway.expire_checkout(session).await {
        Ok(_) => Ok(()),
        // It was paid or has expired in between: the next fetch shows which.
        Err(GatewayError::Refused { status: 400, .. }) => {
            Err(ApiError::Unavailable("the open checkout changed".into()))
        }
        Err(error) => Err(of_gateway(error)),
    }
}

fn customer_id(customer: &Customer) -> Result<&str, ApiError> {
    let id = customer.stripe_customer_id.as_deref();
    id.ok_or_else(|| ApiError::Internal("a customer without Stripe's id".into()))
}

/// The page of a reserved checkout, created at Stripe if unknown; `None` to repeat.
async fn open_checkout(
    state: &State,
    customer: &Customer,
    checkout: Checkout,
) -> Result<Option<CheckoutView>, ApiError> {
    let view = |session_id: String, url: Option<String>| {
        url.map(|checkout_url| CheckoutView { checkout_url, checkout_session_id: session_id })
    };
    if let Some(session_id) = checkout.session_id {
        return Ok(view(session_id, checkout.url));
    }
    let new_checkout = NewCheckout {
        user: &customer.user_id,
        customer: customer_id(customer)?,
        checkout: &checkout,
        success_url: &state.config.success_url,
        cancel_url: &state.config.cancel_url,
    };
    let made: CheckoutSession = match state.gateway.create_checkout(new_checkout).await {
        Ok(made) => made,
        Err(GatewayError::Failed(cause)) => {
            let found =
                state.gateway.checkout_of_attempt(new_checkout.customer, &checkout).await.map_err(of_gateway)?;
            match found {
                Some(made) => made,
                None => {
                    state.store.end_checkout(&customer.user_id, &checkout.attempt.id).await?;
                    return Err(ApiError::StripeUnavailable(cause));
                }
            }
        }
        Err(error) => {
            if !error.may_have_happened() {
                state.store.end_checkout(&customer.user_id, &checkout.attempt.id).await?;
            }
            return Err(of_gateway(error));
        }
    };
    let url = made.url.clone().unwrap_or_default();
    let stored = state.store.open_checkout(&customer.user_id, &checkout.attempt.id, &made.id, &url).await?;
    if stored.is_none() {
        return Ok(None);
    }
    Ok(view(made.id, made.url))
}
