//! `POST /admin/ai/ask`: a model writes the statement, a person runs it.

use crate::assistant::{AskError, Proposal, Question};
use crate::state::State;
use axum::Json;
use axum::extract::State as Shared;
use serde::Deserialize;
use tollgate_http::{Admin, ApiError, FieldError, JsonBody, RequestContext, errors};
use tollgate_sql::MAX_SQL_BYTES;
use utoipa::ToSchema;

/// The longest question, in characters; an error is as long at most.
const MAX_QUESTION_CHARS: usize = 4000;

/// The question for a statement.
#[derive(Deserialize, ToSchema)]
pub struct AssistantQuestion {
    /// 1–4,000 characters, not all of them spaces.
    #[schema(min_length = 1, max_length = 4000, pattern = r"\S")]
    question: String,
    /// The statement of a report that failed, to be corrected.
    #[serde(default)]
    sql: Option<String>,
    /// Its error, at most 4,000 characters.
    #[serde(default)]
    #[schema(max_length = 4000)]
    error: Option<String>,
}

errors! {
    /// Why there is no proposal. A question counts: 5 a minute, 200 a day.
    AskErrors = [ApiError::RATE_LIMITED, ApiError::AiNotConfigured, ApiError::AiUnavailable(String::new())]
}

/// Returns a statement that answers the question. It was checked, and not run.
#[utoipa::path(
    post, path = "/admin/ai/ask", operation_id = "ask", tag = "Reports", security(("bearer" = [])), request_body = AssistantQuestion,
    responses((status = 200, body = Proposal), AskErrors)
)]
pub async fn ask(
    Shared(state): Shared<State>,
    context: RequestContext,
    Admin(admin): Admin,
    JsonBody(body): JsonBody<AssistantQuestion>,
) -> Result<Json<Proposal>, ApiError> {
    let question = body.question.trim();
    if question.is_empty() || question.chars().count() > MAX_QUESTION_CHARS {
        return Err(wrong("question", "question is 1 to 4,000 characters."));
    }
    if body.sql.as_ref().is_some_and(|sql| sql.len() > MAX_SQL_BYTES) {
        return Err(wrong("sql", "sql is at most 20,000 bytes."));
    }
    if body.error.as_ref().is_some_and(|error| error.chars().count() > MAX_QUESTION_CHARS) {
        return Err(wrong("error", "error is at most 4,000 characters."));
    }
    state.limiter.admit_question(&context, &admin.id).await?;
    let question = Question { text: question, sql: body.sql.as_deref(), error: body.error.as_deref() };
    Ok(Json(state.assistant.ask(&question, context.now).await?))
}

fn wrong(field: &str, message: &str) -> ApiError {
    ApiError::Validation(FieldError::new(field, message))
}

impl From<AskError> for ApiError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::NotConfigured => Self::AiNotConfigured,
            AskError::Key(error) => error.into(),
            AskError::Unavailable(cause) => Self::AiUnavailable(cause),
        }
    }
}
