//! `GET /admin/subscriptions` and `/admin/subscriptions/{id}`.

use crate::state::State;
use axum::Json;
use axum::extract::State as Shared;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tollgate_domain::SubscriptionId;
use tollgate_domain::billing::Status;
use tollgate_http::{
    Admin, ApiError, Cursor, Filters, OwnedSubscription, Page, PageQuery, PathId, RequestContext, WithEmail, filter,
    id_filter, with_emails,
};
use tollgate_store::BillingFilter;
use utoipa::IntoParams;

/// The requested subscriptions.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SubscriptionsQuery {
    /// In this status.
    #[param(value_type = Option<Status>)]
    status: Option<String>,
    /// Of this plan.
    plan_id: Option<String>,
    /// Of this user.
    user_id: Option<String>,
}

/// A page of the subscriptions that match `filter`.
pub async fn list_page(
    state: &State,
    filter: &BillingFilter,
    page: &PageQuery,
    cursor: &Cursor<'_>,
    now: Timestamp,
) -> Result<Page<OwnedSubscription>, ApiError> {
    let after = page.after(cursor)?;
    let listed = state.store.list_subscriptions(filter, page.of(after.as_deref())).await?;
    let plans = if listed.items.is_empty() { Vec::new() } else { state.store.plans().await? };
    Ok(Page::of(listed, cursor, |owned| OwnedSubscription::of(owned, &plans, state.config.grace, now)))
}

/// The subscriptions of all users, ended ones too, the newest first.
#[utoipa::path(
    get, path = "/admin/subscriptions", operation_id = "list_subscriptions", tag = "Admin", security(("bearer" = [])),
    params(SubscriptionsQuery, PageQuery),
    responses((status = 200, body = Page<WithEmail<OwnedSubscription>>))
)]
pub async fn list(
    Shared(state): Shared<State>,
    context: RequestContext,
    Admin(admin): Admin,
    Filters(query): Filters<SubscriptionsQuery>,
    page: PageQuery,
) -> Result<Json<Page<WithEmail<OwnedSubscription>>>, ApiError> {
    let status = filter("status", query.status.as_deref())?.map(Status::as_str);
    let list = Cursor::list("/admin/subscriptions", &query);
    let cursor = Cursor { list: &list, reader: admin.id };
    page.after(&cursor)?;
    let ids = (id_filter(query.user_id.as_deref()), id_filter(query.plan_id.as_deref()));
    let (Ok(user_id), Ok(plan_id)) = ids else { return Ok(Json(Page::empty())) };
    let filter = BillingFilter { user_id, plan_id, status };
    let page = list_page(&state, &filter, &page, &cursor, context.now).await?;
    Ok(Json(with_emails(&state.store, page).await?))
}

/// One subscription.
#[utoipa::path(
    get, path = "/admin/subscriptions/{id}", operation_id = "get_subscription", tag = "Admin",
    security(("bearer" = [])), params(("id" = String, Path, description = "Its id")),
    responses((status = 200, body = OwnedSubscription))
)]
pub async fn get(
    Shared(state): Shared<State>,
    context: RequestContext,
    _: Admin,
    PathId(id): PathId<SubscriptionId>,
) -> Result<Json<OwnedSubscription>, ApiError> {
    let owned = state.store.subscription(&id).await?.ok_or(ApiError::NotFound)?;
    let plans = state.store.plans().await?;
    Ok(Json(OwnedSubscription::of(owned, &plans, state.config.grace, context.now)))
}
