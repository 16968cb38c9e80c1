//! `GET /billing/payments/me` and `/billing/payments/{id}/invoice`.

use crate::error::{of_gateway, user_errors};
use crate::state::State;
use axum::Json;
use axum::extract::State as Shared;
use serde::Serialize;
use tollgate_domain::PaymentId;
use tollgate_domain::billing::PaymentView;
use tollgate_http::{ActiveUser, ApiError, Cursor, Filters, NoFilters, Page, PageQuery, PathId, errors};
use tollgate_store::BillingFilter;
use utoipa::ToSchema;

/// The links to an invoice. They expire.
#[derive(Serialize, ToSchema)]
#[schema(as = InvoiceLinks)]
pub struct InvoiceLinksView {
    /// Stripe's page.
    url: String,
    /// The document, if Stripe has created one.
    pdf_url: Option<String>,
}

/// The caller's payments, newest first.
#[utoipa::path(
    get, path = "/billing/payments/me", operation_id = "list_my_payments", tag = "Billing",
    security(("bearer" = [])), params(PageQuery),
    responses((status = 200, body = Page<PaymentView>))
)]
pub async fn mine(
    Shared(state): Shared<State>,
    user: ActiveUser,
    _: Filters<NoFilters>,
    query: PageQuery,
) -> Result<Json<Page<PaymentView>>, ApiError> {
    let cursor = Cursor { list: "/billing/payments/me", reader: user.id };
    let after = query.after(&cursor)?;
    let filter = BillingFilter { user_id: Some(user.id), ..BillingFilter::default() };
    let listed = state.store.list_payments(&filter, query.of(after.as_deref())).await?;
    Ok(Json(Page::of(listed, &cursor, |payment| PaymentView::from(payment.of))))
}

errors! {
    /// Why there are no links.
    InvoiceErrors = user_errors()
}

/// The current links to the invoice of a payment: for its owner, or an admin.
#[utoipa::path(
    get, path = "/billing/payments/{id}/invoice", operation_id = "get_payment_invoice", tag = "Billing",
    security(("bearer" = [])), params(("id" = String, Path, description = "The payment's id")),
    responses((status = 200, body = InvoiceLinksView), InvoiceErrors)
)]
pub async fn invoice(
    Shared(state): Shared<State>,
    user: ActiveUser,
    PathId(id): PathId<PaymentId>,
) -> Result<Json<InvoiceLinksView>, ApiError> {
    let owned = state.store.payment(&id).await?.ok_or(ApiError::NotFound)?;
    if owned.user_id != user.id && !user.gate.is_admin {
        return Err(ApiError::NotFound);
    }
    let links = match state.gateway.invoice_links(&owned.of.stripe_invoice_id).await {
        Ok(links) => links.ok_or(ApiError::NotFound)?,
        Err(error) if error.is_missing() => return Err(ApiError::NotFound),
        Err(error) => return Err(of_gateway(error)),
    };
    Ok(Json(InvoiceLinksView { url: links.url, pdf_url: links.pdf_url }))
}
