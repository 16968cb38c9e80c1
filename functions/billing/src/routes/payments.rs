//! `GET /billing/payments/me`.

use crate::State;
use axum::Json;
use axum::extract::State as Shared;
use jiff::Timestamp;
use serde::Serialize;
use tollgate_domain::PaymentId;
use tollgate_domain::billing::{Payment, PaymentStatus};
use tollgate_http::{ActiveUser, ApiError, Cursor, Page, PageQuery};
use utoipa::ToSchema;

/// The `Payment` of the contract.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Payment)]
pub struct PaymentView {
    #[schema(value_type = String)]
    id: PaymentId,
    /// In minor units.
    amount_cents: i64,
    /// What of it went back, in minor units.
    refunded_cents: i64,
    currency: String,
    status: PaymentStatus,
    invoice_url: Option<String>,
    description: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<Payment> for PaymentView {
    fn from(payment: Payment) -> Self {
        Self {
            id: payment.id,
            amount_cents: payment.amount_cents,
            refunded_cents: payment.refunded_cents,
            currency: payment.currency.to_string(),
            status: payment.status,
            invoice_url: payment.invoice_url,
            description: payment.description,
            created_at: payment.created_at,
        }
    }
}

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
    let before = match &query.cursor {
        None => None,
        Some(text) => Some(cursor.key(text)?.parse::<PaymentId>().map_err(|_| ApiError::InvalidCursor)?),
    };
    let mut payments = state.store.payments(&user.id, before.as_ref(), query.limit + 1).await?;
    let more = payments.len() > query.limit;
    payments.truncate(query.limit);
    let next_cursor = payments.last().filter(|_| more).map(|last| cursor.after(&last.id.to_string()));
    Ok(Json(Page { items: payments.into_iter().map(PaymentView::from).collect(), next_cursor }))
}
