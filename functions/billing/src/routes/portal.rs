//! `POST /billing/portal`.

use crate::error::{of_gateway, user_errors};
use crate::state::State;
use axum::Json;
use axum::extract::State as Shared;
use http::StatusCode;
use serde::Serialize;
use tollgate_http::{ActiveUser, ApiError, errors};
use utoipa::ToSchema;

/// The address of the portal.
#[derive(Serialize, ToSchema)]
pub struct PortalView {
    /// Stripe's page.
    url: String,
}

errors! {
    /// Why there is no portal.
    PortalErrors = user_errors().into_iter().chain([ApiError::NoCustomer])
}

/// Opens Stripe's customer portal: cards, invoices, the subscription.
#[utoipa::path(
    post, path = "/billing/portal", operation_id = "open_portal", tag = "Billing", security(("bearer" = [])),
    responses((status = 201, body = PortalView), PortalErrors)
)]
pub async fn open(Shared(state): Shared<State>, user: ActiveUser) -> Result<(StatusCode, Json<PortalView>), ApiError> {
    let customer = state.store.customer(&user.id).await?.and_then(|customer| customer.stripe_customer_id);
    let customer = customer.ok_or(ApiError::NoCustomer)?;
    let url = state.gateway.portal(&customer, &state.config.portal_return_url).await.map_err(of_gateway)?;
    Ok((StatusCode::CREATED, Json(PortalView { url })))
}
