//! `GET /admin/payments` and `/admin/payments/{id}`.

use crate::state::State;
use axum::Json;
use axum::extract::State as Shared;
use serde::{Deserialize, Serialize};
use tollgate_domain::PaymentId;
use tollgate_domain::billing::PaymentStatus;
use tollgate_http::{
    Admin, ApiError, Cursor, Filters, OwnedPayment, Page, PageQuery, PathId, WithEmail, filter, id_filter, with_emails,
};
use tollgate_store::BillingFilter;
use utoipa::IntoParams;

/// The requested payments.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PaymentsQuery {
    /// In this status.
    #[param(value_type = Option<PaymentStatus>)]
    status: Option<String>,
    /// For this plan.
    plan_id: Option<String>,
    /// Of this user.
    user_id: Option<String>,
}

/// The payments of all users, the newest first.
#[utoipa::path(
    get, path = "/admin/payments", operation_id = "list_payments", tag = "Admin", security(("bearer" = [])),
    params(PaymentsQuery, PageQuery),
    responses((status = 200, body = Page<WithEmail<OwnedPayment>>))
)]
pub async fn list(
    Shared(state): Shared<State>,
    Admin(admin): Admin,
    Filters(query): Filters<PaymentsQuery>,
    page: PageQuery,
) -> Result<Json<Page<WithEmail<OwnedPayment>>>, ApiError> {
    let status = filter("status", query.status.as_deref())?.map(PaymentStatus::as_str);
    let list = Cursor::list("/admin/payments", &query);
    let cursor = Cursor { list: &list, reader: admin.id };
    let after = page.after(&cursor)?;
    let ids = (id_filter(query.user_id.as_deref()), id_filter(query.plan_id.as_deref()));
    let (Ok(user_id), Ok(plan_id)) = ids else { return Ok(Json(Page::empty())) };
    let filter = BillingFilter { user_id, plan_id, status };
    let listed = state.store.list_payments(&filter, page.of(after.as_deref())).await?;
    Ok(Json(with_emails(&state.store, Page::of(listed, &cursor, OwnedPayment::from)).await?))
}

/// One payment.
#[utoipa::path(
    get, path = "/admin/payments/{id}", operation_id = "get_payment", tag = "Admin", security(("bearer" = [])),
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, body = OwnedPayment))
)]
pub async fn get(
    Shared(state): Shared<State>,
    _: Admin,
    PathId(id): PathId<PaymentId>,
) -> Result<Json<OwnedPayment>, ApiError> {
    let owned = state.store.payment(&id).await?.ok_or(ApiError::NotFound)?;
    Ok(Json(owned.into()))
}
