//! `POST` and `GET /admin/reports`, `GET /admin/reports/{id}`, and the names for statements: the schema and the
//! gallery.

use crate::changes::{Actor, ReportRequest, request_report};
use crate::gallery::{GALLERY, GalleryItem};
use crate::state::State;
use axum::Json;
use axum::extract::State as Shared;
use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::time::{Duration, SystemTime};
use tollgate_domain::report::{Report, ReportFormat, ReportOutcome, ReportStatus};
use tollgate_domain::{ReportId, UserId};
use tollgate_http::{
    Admin, ApiError, Cursor, Filters, JsonBody, NoFilters, Page, PageQuery, PathId, RequestContext, errors,
};
use tollgate_sql::VIEWS;
use utoipa::ToSchema;

/// How long a file can be downloaded after the report was read.
const DOWNLOAD_VALID: Duration = Duration::from_secs(15 * 60);

/// A report that was accepted.
#[derive(Serialize, ToSchema)]
pub struct QueuedReport {
    #[schema(value_type = String)]
    id: ReportId,
    status: ReportStatus,
}

/// A report without its rows.
#[derive(Serialize, ToSchema)]
pub struct ReportSummary {
    #[schema(value_type = String)]
    id: ReportId,
    /// The admin who requested it.
    #[schema(value_type = String)]
    requested_by: UserId,
    sql: String,
    format: ReportFormat,
    status: ReportStatus,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When the tables were read.
    #[schema(value_type = Option<String>, format = DateTime)]
    as_of: Option<Timestamp>,
    /// Of the whole result.
    row_count: Option<u64>,
    /// The limit that was reached and how to continue, or SQLite's error.
    error: Option<String>,
}

/// A report with its result.
#[derive(Serialize, ToSchema)]
pub struct ReportResult {
    #[serde(flatten)]
    summary: ReportSummary,
    columns: Option<Vec<String>>,
    /// The first 200 rows of a preview.
    #[schema(value_type = Option<Vec<Vec<Value>>>)]
    rows: Option<Value>,
    /// The address from which the CSV file can be downloaded for 15 minutes.
    download_url: Option<String>,
}

impl From<Report> for ReportSummary {
    fn from(report: Report) -> Self {
        let Report { id, requested_by, sql, format, status, created_at, outcome, .. } = report;
        let ReportOutcome { as_of, row_count, error, .. } = outcome;
        Self { id, requested_by, sql, format, status, created_at, as_of, row_count, error }
    }
}

errors! {
    /// Why a report is not queued.
    CreateReportErrors = [ApiError::SqlNotAllowed(String::new())]
}

/// Checks a statement and queues it.
#[utoipa::path(
    post, path = "/admin/reports", operation_id = "create_report", tag = "Reports", security(("bearer" = [])),
    request_body = ReportRequest,
    responses((status = 202, body = QueuedReport), CreateReportErrors)
)]
pub async fn create(
    Shared(state): Shared<State>,
    context: RequestContext,
    Admin(admin): Admin,
    JsonBody(body): JsonBody<ReportRequest>,
) -> Result<(StatusCode, Json<QueuedReport>), ApiError> {
    let actor = Actor { store: &state.store, context: &context, admin: Some(admin.id), operator: None };
    let report = request_report(&actor, admin.id, body).await?;
    Ok((StatusCode::ACCEPTED, Json(QueuedReport { id: report.id, status: report.status })))
}

/// A report of any admin; it is stored for a day.
#[utoipa::path(
    get, path = "/admin/reports/{id}", operation_id = "get_report", tag = "Reports", security(("bearer" = [])),
    params(("id" = String, Path)), responses((status = 200, body = ReportResult))
)]
pub async fn get(
    Shared(state): Shared<State>,
    context: RequestContext,
    _: Admin,
    PathId(id): PathId<ReportId>,
) -> Result<Json<ReportResult>, ApiError> {
    let report = state.store.report(&id, context.now).await?.ok_or(ApiError::NotFound)?;
    let columns = report.outcome.columns.clone();
    let (mut rows, mut download_url) = (None, None);
    if let (ReportStatus::Succeeded, Some(as_of)) = (report.status, report.outcome.as_of) {
        match report.format {
            ReportFormat::Preview => {
                let text = state.store.report_rows(&id, as_of).await?;
                let read = text.map(|text| serde_json::from_str(&text)).transpose();
                rows = read.map_err(|error| ApiError::Internal(error.to_string()))?;
            }
            ReportFormat::Csv => {
                let now = SystemTime::from(context.now);
                let url = state.bucket.download_url(&report.file_key(as_of), DOWNLOAD_VALID, now).await;
                download_url = Some(url.map_err(|error| ApiError::Unavailable(error.to_string()))?);
            }
        }
    }
    Ok(Json(ReportResult { summary: report.into(), columns, rows, download_url }))
}

/// The stored reports of all admins, the newest first, without their rows.
#[utoipa::path(
    get, path = "/admin/reports", operation_id = "list_reports", tag = "Reports", security(("bearer" = [])),
    params(PageQuery), responses((status = 200, body = Page<ReportSummary>))
)]
pub async fn list(
    Shared(state): Shared<State>,
    context: RequestContext,
    Admin(admin): Admin,
    _: Filters<NoFilters>,
    page: PageQuery,
) -> Result<Json<Page<ReportSummary>>, ApiError> {
    let cursor = Cursor { list: "/admin/reports", reader: admin.id };
    let after = page.after(&cursor)?;
    let listed = state.store.reports(page.of(after.as_deref()), context.now).await?;
    Ok(Json(Page::of(listed, &cursor, ReportSummary::from)))
}

/// The tables and columns that a statement may read.
#[derive(Serialize, ToSchema)]
pub struct ReportSchema {
    views: Vec<ReportView>,
}

/// A view.
#[derive(Serialize, ToSchema)]
pub struct ReportView {
    name: &'static str,
    /// The meaning of one row.
    description: &'static str,
    columns: Vec<ReportColumn>,
}

/// A column of a view.
#[derive(Serialize, ToSchema)]
pub struct ReportColumn {
    name: &'static str,
    /// SQLite's type: `TEXT` or `INTEGER`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Its values and their unit.
    description: &'static str,
}

/// The views that a statement may read. Times are RFC 3339 text, booleans are 0 and 1.
#[utoipa::path(
    get, path = "/admin/reports/schema", operation_id = "get_report_schema", tag = "Reports", security(("bearer" = [])),
    responses((status = 200, body = ReportSchema))
)]
pub async fn schema(_: Admin) -> Json<ReportSchema> {
    let column = |column: &tollgate_sql::Column| ReportColumn {
        name: column.name,
        kind: column.kind.as_str(),
        description: column.description,
    };
    let view = |view: &tollgate_sql::View| ReportView {
        name: view.name,
        description: view.description,
        columns: view.columns.iter().map(column).collect(),
    };
    Json(ReportSchema { views: VIEWS.iter().map(view).collect() })
}

/// The gallery.
#[derive(Serialize, ToSchema)]
pub struct Gallery {
    items: Vec<GalleryItem>,
}

/// Questions that every product has, each with its statement.
#[utoipa::path(
    get, path = "/admin/reports/gallery", operation_id = "get_report_gallery", tag = "Reports", security(("bearer" = [])),
    responses((status = 200, body = Gallery))
)]
pub async fn gallery(_: Admin) -> Json<Gallery> {
    Json(Gallery { items: GALLERY.clone() })
}
