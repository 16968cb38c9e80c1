//! `GET /billing/payments/me`.

use crate::State;
use axum::Json;
use axum::extract::State as Shared;
use tollgate_domain::billing::PaymentView;
use tollgate_http::{ActiveUser, ApiError, Cursor, Page, PageQuery};
use tollgate_store::BillingFilter;

/// The caller's payments, newest first.
#[utoipa::path(
    get, path = "/billing/payments/me", operation_id = "list_my_payments", tag = "Billing",
    security(("bearer" = [])), params(PageQuery),
    responses((status = 200, body = Page<PaymentView>), (status = 400, description = "`invalid_cursor`"))
)]
pub async fn mine(
    Shared(state): Shared<State>,
    user: ActiveUser,
    query: PageQuery,
) -> Result<Json<Page<PaymentView>>, ApiError> {
    let cursor = Cursor { list: "/billing/payments/me", reader: user.id };
    let after = query.after(&cursor)?;
    let filter = BillingFilter { user_id: Some(user.id), ..BillingFilter::default() };
    let listed = state.store.list_payments(&filter, query.of(after.as_deref())).await?;
    Ok(Json(Page::of(listed, &cursor, |payment| PaymentView::from(payment.of))))
}
