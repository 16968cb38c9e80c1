//! `GET /admin/users`.

use crate::State;
use axum::Json;
use axum::extract::State as Shared;
use serde::{Deserialize, Serialize};
use tollgate_domain::User;
use tollgate_domain::email::search_key;
use tollgate_http::{Admin, ApiError, Cursor, Filters, Page, PageQuery, filter};
use tollgate_store::{Profile, UserFilter};
use utoipa::IntoParams;

/// The longest beginning of an address or a name that is searched for, in characters.
const MAX_Q: usize = 254;

/// Which users are wanted.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UsersQuery {
    /// Whether they may sign in.
    #[param(value_type = Option<bool>)]
    is_active: Option<String>,
    /// Whether their address is proved.
    #[param(value_type = Option<bool>)]
    email_verified: Option<String>,
    /// Whether they are admins.
    #[param(value_type = Option<bool>)]
    is_admin: Option<String>,
    /// How their address or their user name begins, case set aside. The list is sorted by it then.
    #[param(max_length = 254)]
    q: Option<String>,
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
    let q = query.q.as_deref().map(search_key).filter(|q| !q.is_empty());
    if q.as_ref().is_some_and(|q| q.chars().count() > MAX_Q) {
        return Err(ApiError::InvalidFilter("q"));
    }
    let wanted = UserFilter {
        is_active: filter("is_active", query.is_active.as_deref())?,
        email_verified: filter("email_verified", query.email_verified.as_deref())?,
        is_admin: filter("is_admin", query.is_admin.as_deref())?,
        q,
    };
    let list = Cursor::list("/admin/users", &query);
    let cursor = Cursor { list: &list, reader: admin.id };
    let after = page.after(&cursor)?;
    let listed = state.store.users(&wanted, page.of(after.as_deref())).await?;
    Ok(Json(Page::of(listed, &cursor, Profile::into_user)))
}
