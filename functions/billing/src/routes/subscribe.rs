//! `POST /billing/subscriptions/subscribe`.

use crate::catalogue;
use crate::checkout::start_checkout;
use crate::error::user_errors;
use crate::state::State;
use axum::Json;
use axum::extract::State as Shared;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tollgate_http::{ActiveUser, ApiError, JsonBody, RequestContext, errors};
use utoipa::ToSchema;

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
    let opened = start_checkout(&state, &context, &user, &plan).await?;
    let view = CheckoutView { checkout_url: opened.url, checkout_session_id: opened.session_id };
    Ok((StatusCode::CREATED, Json(view)))
}
