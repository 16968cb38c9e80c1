//! `GET /admin/audit-logs`.

use crate::state::State;
use axum::Json;
use axum::extract::State as Shared;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use tollgate_domain::UserId;
use tollgate_domain::audit::{Action, AuditEntry};
use tollgate_domain::ids::{InvalidIdError, PREFIXES};
use tollgate_http::{Admin, ApiError, Cursor, Filters, Page, PageQuery, filter, id_filter};
use tollgate_store::AuditFilter;
use utoipa::IntoParams;

/// A filter of entries.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// By this user.
    actor_id: Option<String>,
    /// About this object: a user, a plan, a subscription, a service credential, an invitation.
    target_id: Option<String>,
    /// About this user: as the target, or as the owner of the subscription that is the target.
    user_id: Option<String>,
    /// With this action.
    #[param(value_type = Option<Action>)]
    action: Option<String>,
    /// At this time or later.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<String>,
    /// At this time or earlier.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<String>,
}

/// The id of a target of an entry: of an object of any kind.
struct Target(String);

impl FromStr for Target {
    type Err = InvalidIdError;

    fn from_str(text: &str) -> Result<Self, InvalidIdError> {
        let (kind, bare) = text.split_once('_').ok_or(InvalidIdError)?;
        UserId::from_bare(bare)?;
        if PREFIXES.contains(&kind) { Ok(Self(text.to_owned())) } else { Err(InvalidIdError) }
    }
}

/// The audit trail, the newest first.
#[utoipa::path(
    get, path = "/admin/audit-logs", operation_id = "list_audit_logs", tag = "Admin", security(("bearer" = [])),
    params(AuditQuery, PageQuery),
    responses((status = 200, body = Page<AuditEntry>))
)]
pub async fn list(
    Shared(state): Shared<State>,
    Admin(admin): Admin,
    Filters(query): Filters<AuditQuery>,
    page: PageQuery,
) -> Result<Json<Page<AuditEntry>>, ApiError> {
    let filter = AuditFilter {
        action: filter("action", query.action.as_deref())?,
        from: filter::<Timestamp>("from", query.from.as_deref())?,
        to: filter::<Timestamp>("to", query.to.as_deref())?,
        ..AuditFilter::default()
    };
    let list = Cursor::list("/admin/audit-logs", &query);
    let cursor = Cursor { list: &list, reader: admin.id };
    let after = page.after(&cursor)?;
    let ids = (
        id_filter(query.actor_id.as_deref()),
        id_filter::<Target>(query.target_id.as_deref()),
        id_filter(query.user_id.as_deref()),
    );
    let (Ok(actor_id), Ok(target), Ok(user_id)) = ids else { return Ok(Json(Page::empty())) };
    let filter = AuditFilter { actor_id, target_id: target.map(|target| target.0), user_id, ..filter };
    let listed = state.store.entries(&filter, page.of(after.as_deref())).await?;
    Ok(Json(Page::of(listed, &cursor, |entry| entry)))
}
