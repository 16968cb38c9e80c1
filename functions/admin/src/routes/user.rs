//! `GET /admin/users/{id}` and the lists of that user.

use super::subscriptions::list_page;
use crate::state::State;
use axum::Json;
use axum::extract::State as Shared;
use jiff::Timestamp;
use serde::Serialize;
use tollgate_domain::gate::Gate;
use tollgate_domain::session::Session;
use tollgate_domain::user::IdentityProvider;
use tollgate_domain::{User, UserId};
use tollgate_http::{
    Admin, ApiError, Cursor, Filters, NoFilters, OwnedPayment, OwnedSubscription, Page, PageQuery, PathId,
    RequestContext, sessions_page,
};
use tollgate_store::roles::{ReadGate, ReadProfiles};
use tollgate_store::{BillingFilter, Consistency, Profile, Store};
use utoipa::ToSchema;

/// A user with the details that an admin sees.
#[derive(Serialize, ToSchema)]
pub struct UserDetails {
    #[serde(flatten)]
    user: User,
    /// The tier of the user's plan now, 0 without access.
    tier: u32,
    /// When the access ends.
    #[schema(value_type = Option<String>, format = DateTime)]
    access_until: Option<Timestamp>,
    linked_providers: Vec<IdentityProvider>,
    /// The number of live sessions.
    sessions: usize,
}

impl UserDetails {
    /// The details of the user with this profile and this gate.
    #[must_use]
    pub fn of((profile, gate): (Profile, Gate), now: Timestamp) -> Self {
        Self {
            tier: gate.present_tier(now),
            access_until: gate.access_until,
            linked_providers: profile.links.keys().copied().collect(),
            sessions: gate.sessions.values().filter(|end| now < **end).count(),
            user: profile.into_user(),
        }
    }
}

/// The profile and gate of a user who was not deleted.
pub async fn found(state: &State, id: &UserId) -> Result<(Profile, Gate), ApiError> {
    find_user(&state.store, id).await
}

/// The user and the gate; an error for a deleted user.
///
/// # Errors
/// When there is no such user, or the tables do not answer.
pub async fn find_user<R: ReadGate + ReadProfiles>(store: &Store<R>, id: &UserId) -> Result<(Profile, Gate), ApiError> {
    let gate = store.gate(id).await?.ok_or(ApiError::NotFound)?;
    let profile = store.profile(id).await?;
    profile.map(|profile| (profile, gate)).filter(|(_, gate)| gate.state().exists()).ok_or(ApiError::NotFound)
}

/// The gate of a user, deleted ones included.
pub async fn gate_of(state: &State, id: &UserId, consistency: Consistency) -> Result<Gate, ApiError> {
    state.store.gate_read(id, consistency).await?.ok_or(ApiError::NotFound)
}

/// The page; an empty one only for an existing or deleted user.
async fn page_of_user<T>(state: &State, id: &UserId, page: Page<T>) -> Result<Json<Page<T>>, ApiError> {
    if page.items.is_empty() {
        gate_of(state, id, Consistency::Eventual).await?;
    }
    Ok(Json(page))
}

/// One user.
#[utoipa::path(
    get, path = "/admin/users/{id}", operation_id = "get_user", tag = "Admin", security(("bearer" = [])),
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, body = UserDetails))
)]
pub async fn get(
    Shared(state): Shared<State>,
    context: RequestContext,
    _: Admin,
    PathId(id): PathId<UserId>,
) -> Result<Json<UserDetails>, ApiError> {
    Ok(Json(UserDetails::of(found(&state, &id).await?, context.now)))
}

/// The subscriptions of a user, ended ones too, the newest first. Those of a deleted user stay.
#[utoipa::path(
    get, path = "/admin/users/{id}/subscriptions", operation_id = "list_user_subscriptions", tag = "Admin",
    security(("bearer" = [])), params(("id" = String, Path, description = "The user's id"), PageQuery),
    responses((status = 200, body = Page<OwnedSubscription>))
)]
pub async fn subscriptions(
    Shared(state): Shared<State>,
    context: RequestContext,
    Admin(admin): Admin,
    PathId(id): PathId<UserId>,
    _: Filters<NoFilters>,
    page: PageQuery,
) -> Result<Json<Page<OwnedSubscription>>, ApiError> {
    let list = format!("/admin/users/{id}/subscriptions");
    let cursor = Cursor { list: &list, reader: admin.id };
    let filter = BillingFilter { user_id: Some(id), ..BillingFilter::default() };
    let page = list_page(&state, &filter, &page, &cursor, context.now).await?;
    page_of_user(&state, &id, page).await
}

/// The payments of a user, the newest first. Those of a deleted user stay.
#[utoipa::path(
    get, path = "/admin/users/{id}/payments", operation_id = "list_user_payments", tag = "Admin",
    security(("bearer" = [])), params(("id" = String, Path, description = "The user's id"), PageQuery),
    responses((status = 200, body = Page<OwnedPayment>))
)]
pub async fn payments(
    Shared(state): Shared<State>,
    Admin(admin): Admin,
    PathId(id): PathId<UserId>,
    _: Filters<NoFilters>,
    page: PageQuery,
) -> Result<Json<Page<OwnedPayment>>, ApiError> {
    let list = format!("/admin/users/{id}/payments");
    let cursor = Cursor { list: &list, reader: admin.id };
    let after = page.after(&cursor)?;
    let filter = BillingFilter { user_id: Some(id), ..BillingFilter::default() };
    let listed = state.store.list_payments(&filter, page.of(after.as_deref())).await?;
    page_of_user(&state, &id, Page::of(listed, &cursor, OwnedPayment::from)).await
}

/// The live sessions of a user, the newest first.
#[utoipa::path(
    get, path = "/admin/users/{id}/sessions", operation_id = "list_user_sessions", tag = "Admin",
    security(("bearer" = [])), params(("id" = String, Path, description = "The user's id"), PageQuery),
    responses((status = 200, body = Page<Session>))
)]
pub async fn sessions(
    Shared(state): Shared<State>,
    context: RequestContext,
    Admin(admin): Admin,
    PathId(id): PathId<UserId>,
    _: Filters<NoFilters>,
    page: PageQuery,
) -> Result<Json<Page<Session>>, ApiError> {
    let gate = gate_of(&state, &id, Consistency::Eventual).await?;
    let list = format!("/admin/users/{id}/sessions");
    let cursor = Cursor { list: &list, reader: admin.id };
    let of_user = (&gate, Consistency::Eventual);
    Ok(Json(sessions_page(&state.store, of_user, &admin.session_id, &cursor, &page, context.now).await?))
}
