//! `GET /admin/users`.

use super::user::found;
use crate::state::State;
use axum::Json;
use axum::extract::State as Shared;
use serde::{Deserialize, Serialize};
use tollgate_domain::User;
use tollgate_domain::email::search_key;
use tollgate_http::{Admin, ApiError, Cursor, Filters, Page, PageQuery, filter};
use tollgate_store::{Profile, UserFilter};
use utoipa::IntoParams;

/// The longest prefix of an address or a name in a search, in characters.
const MAX_Q: usize = 254;

/// A filter of users.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UsersQuery {
    /// Whether they may sign in.
    #[param(value_type = Option<bool>)]
    is_active: Option<String>,
    /// Whether their address is verified.
    #[param(value_type = Option<bool>)]
    email_verified: Option<String>,
    /// Whether they are admins.
    #[param(value_type = Option<bool>)]
    is_admin: Option<String>,
    /// The prefix of their address, its domain or their user name, ignoring case; or a whole id: of a user, a
    /// subscription or a payment, or Stripe's of a customer, a subscription or an invoice. The list is then sorted by
    /// address, and by user name where that matches.
    #[param(max_length = 254)]
    q: Option<String>,
}

impl UsersQuery {
    /// The users that it asks for.
    fn filter(&self) -> Result<UserFilter, ApiError> {
        let q = self.q.as_deref().map(search_key).filter(|q| !q.is_empty());
        if q.as_ref().is_some_and(|q| q.chars().count() > MAX_Q) {
            return Err(ApiError::InvalidFilter("q"));
        }
        Ok(UserFilter {
            is_active: filter("is_active", self.is_active.as_deref())?,
            email_verified: filter("email_verified", self.email_verified.as_deref())?,
            is_admin: filter("is_admin", self.is_admin.as_deref())?,
            q,
        })
    }
}

/// The user with this id, or the owner of the object with this id; not a deleted user.
async fn found_by_id(state: &State, id: &str) -> Result<Option<Profile>, ApiError> {
    let Some(user) = state.store.user_of_id(id).await? else { return Ok(None) };
    match found(state, &user).await {
        Ok((profile, _)) => Ok(Some(profile)),
        Err(ApiError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The users: the newest first; with `q` by address, then by user name.
#[utoipa::path(
    get, path = "/admin/users", operation_id = "list_users", tag = "Admin", security(("bearer" = [])),
    params(UsersQuery, PageQuery),
    responses((status = 200, body = Page<User>))
)]
pub async fn list(
    Shared(state): Shared<State>,
    Admin(admin): Admin,
    Filters(query): Filters<UsersQuery>,
    page: PageQuery,
) -> Result<Json<Page<User>>, ApiError> {
    let filter = query.filter()?;
    let list = Cursor::list("/admin/users", &query);
    let cursor = Cursor { list: &list, reader: admin.id };
    let after = page.after(&cursor)?;
    if let Some(id) = query.q.as_deref().map(str::trim)
        && let Some(profile) = found_by_id(&state, id).await?
    {
        let items: Vec<_> = Some(profile).filter(|profile| filter.admits(profile)).into_iter().collect();
        return Ok(Json(Page { items: items.into_iter().map(Profile::into_user).collect(), next_cursor: None }));
    }
    let listed = state.store.users(&filter, page.of(after.as_deref())).await?;
    Ok(Json(Page::of(listed, &cursor, Profile::into_user)))
}
