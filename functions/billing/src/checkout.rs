//! The checkout: a customer at Stripe, a reservation, and a page of Stripe, in an order in which each step can be repeated after
//! a lost answer. A step that another request has overtaken makes the whole begin again.

use crate::customer::{attempt, customer_id, find_or_create_customer};
use crate::error::{of_convergence, of_gateway};
use crate::state::State;
use tollgate_convergence::Cause;
use tollgate_domain::billing::{Checkout, Customer, Plan, Subscription};
use tollgate_http::{ActiveUser, ApiError, RequestContext};
use tollgate_store::CheckoutReservation;
use tollgate_stripe::{CheckoutSession, CheckoutState, GatewayError, NewCheckout};

/// How often it is repeated after a concurrent write.
const TRIES: usize = 3;

/// A checkout that can be paid.
pub(crate) struct OpenCheckout {
    /// Stripe's id of it.
    pub session_id: String,
    /// Stripe's page.
    pub url: String,
}

/// Starts a checkout of `plan`, or finds the open one, and returns its page.
pub(crate) async fn start_checkout(
    state: &State,
    context: &RequestContext,
    user: &ActiveUser,
    plan: &Plan,
) -> Result<OpenCheckout, ApiError> {
    for _ in 0..TRIES {
        let (known, subscriptions) = state.store.customer_and_subscriptions(&user.id).await?.unzip();
        refuse_subscribers(subscriptions.as_deref().unwrap_or_default())?;
        let Some(customer) = find_or_create_customer(state, context, user, known).await? else { continue };
        let opened = match reserve_checkout(state, context, &customer, plan).await? {
            Reserved::Open(opened) => Some(opened),
            Reserved::Attempt(checkout) => open_checkout(state, &customer, checkout).await?,
            Reserved::Overtaken => None,
        };
        if let Some(opened) = opened {
            return Ok(opened);
        }
    }
    Err(ApiError::Unavailable("the customer was written by others each time".into()))
}

fn refuse_subscribers(subscriptions: &[Subscription]) -> Result<(), ApiError> {
    let is_subscribed = subscriptions.iter().any(Subscription::excludes_another);
    if is_subscribed { Err(ApiError::AlreadySubscribed) } else { Ok(()) }
}

/// The checkout that is reserved on the customer.
enum Reserved {
    /// The page of an earlier request can be paid.
    Open(OpenCheckout),
    /// It may not be created at Stripe yet.
    Attempt(Checkout),
    /// The customer is stored differently now: everything begins again.
    Overtaken,
}

/// Reserves a checkout for `plan`. A checkout of another plan or price is closed first.
async fn reserve_checkout(
    state: &State,
    context: &RequestContext,
    customer: &Customer,
    plan: &Plan,
) -> Result<Reserved, ApiError> {
    let price = plan.stripe_price_id.clone().ok_or_else(|| ApiError::Internal(format!("{} has no price", plan.id)))?;
    let trial_days = trial_days(state, customer, plan).await?;
    if let Some(checkout) = &customer.checkout {
        // A trial is given once, however long its page is open, and with the plan's current terms.
        let is_good = checkout.trial_days == trial_days;
        let is_same = checkout.plan_id == plan.id && checkout.stripe_price_id == price && is_good;
        if let Some(reserved) = settle_previous(state, context, customer, checkout, is_same).await? {
            return Ok(reserved);
        }
    }
    // The version is a condition: a concurrent sync has read the customer before or after this.
    let now = state.store.customer(&customer.user_id).await?.unwrap_or_else(|| customer.clone());
    if now.checkout != customer.checkout {
        return Ok(Reserved::Overtaken);
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
        CheckoutReservation::Done => Ok(Reserved::Attempt(checkout)),
        CheckoutReservation::Overtaken => Ok(Reserved::Overtaken),
    }
}

/// Compares the previous checkout with Stripe, and closes an open one that is not the same as the new one; `None` if it
/// can be replaced.
async fn settle_previous(
    state: &State,
    context: &RequestContext,
    customer: &Customer,
    checkout: &Checkout,
    is_same: bool,
) -> Result<Option<Reserved>, ApiError> {
    let Some(session) = &checkout.session_id else {
        if is_same && !checkout.attempt.is_old(context.now) {
            return Ok(Some(Reserved::Attempt(checkout.clone())));
        }
        let made = state.gateway.checkout_of_attempt(customer_id(customer)?, checkout).await.map_err(of_gateway)?;
        let Some(made) = made else { return Ok(None) };
        let session = (&*made.id, made.url.as_deref());
        state.store.open_checkout(&customer.user_id, &checkout.attempt.id, session).await?;
        return Ok(Some(Reserved::Overtaken));
    };
    let found = state.gateway.checkout(session).await.map_err(of_gateway)?;
    match found.state {
        CheckoutState::Open if is_same => return Ok(Some(page(found).map_or(Reserved::Overtaken, Reserved::Open))),
        CheckoutState::Open => close(state, session).await?,
        CheckoutState::Complete => {
            // It was paid: the event is still to come, so the state is fetched now.
            let cause = Cause { request_id: Some(context.request_id), ..Cause::default() };
            let synced = state.convergence.sync(&customer.user_id, cause).await.map_err(of_convergence)?;
            refuse_subscribers(&synced)?;
        }
        CheckoutState::Expired => {}
    }
    Ok(None)
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

/// The page of a session, while it is open.
fn page(session: CheckoutSession) -> Option<OpenCheckout> {
    Some(OpenCheckout { session_id: session.id, url: session.url? })
}

/// Creates a reserved checkout at Stripe and returns its page; `None` to repeat.
async fn open_checkout(
    state: &State,
    customer: &Customer,
    checkout: Checkout,
) -> Result<Option<OpenCheckout>, ApiError> {
    let new_checkout = NewCheckout {
        user: &customer.user_id,
        customer: customer_id(customer)?,
        checkout: &checkout,
        success_url: &state.config.success_url,
        cancel_url: &state.config.cancel_url,
    };
    let made = create_checkout(state, new_checkout).await?;
    let session = (&*made.id, made.url.as_deref());
    let is_stored = state.store.open_checkout(&customer.user_id, &checkout.attempt.id, session).await?;
    Ok(page(made).filter(|_| is_stored))
}

/// Creates a checkout at Stripe; after a lost answer it is looked for there. One that was not created is not reserved any more.
async fn create_checkout(state: &State, new: NewCheckout<'_>) -> Result<CheckoutSession, ApiError> {
    let checkout = new.checkout;
    let (made, error) = match state.gateway.create_checkout(new).await {
        Ok(made) => return Ok(made),
        Err(GatewayError::Failed(cause)) => {
            let found = state.gateway.checkout_of_attempt(new.customer, checkout).await.map_err(of_gateway)?;
            (found, ApiError::StripeUnavailable(cause))
        }
        Err(error) if error.may_have_happened() => return Err(of_gateway(error)),
        Err(error) => (None, of_gateway(error)),
    };
    if made.is_none() {
        state.store.end_checkout(new.user, &checkout.attempt.id).await?;
    }
    made.ok_or(error)
}
