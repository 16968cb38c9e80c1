//! `idempotency-key`: the same key and body get the same answer for 24 hours, by user and route.

use crate::openapi::{Describe, refuse};
use crate::{ApiError, FieldError, Limiter, MAX_BODY_BYTES, RequestContext};
use axum::body::{Body, to_bytes};
use axum::extract::{FromRef, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use tollgate_guard::{ActiveUser, Guard};
use tollgate_platform::fingerprint;
use tollgate_store::{IdempotentCall, StoredAnswer};
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{HttpMethod, ObjectBuilder, RefOr, Required};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const MAX_KEY_CHARS: usize = 255;

/// The description of [`idempotent`].
pub fn describe_idempotent(method: &HttpMethod, operation: &mut Operation) {
    if *method != HttpMethod::Post {
        return;
    }
    let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(MAX_KEY_CHARS));
    let parameter = ParameterBuilder::new()
        .name(IDEMPOTENCY_KEY.as_str())
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("The same key and body get the same answer for 24 hours."))
        .schema(Some(text.pattern(Some("^[!-~]+$"))));
    operation.parameters.get_or_insert_default().push(RefOr::T(parameter.build()));
    ActiveUser::describe(operation);
    refuse(
        operation,
        [
            ApiError::IdempotencyInProgress,
            ApiError::IdempotencyKeyReused,
            ApiError::Validation(FieldError::new(IDEMPOTENCY_KEY.as_str(), "")),
            ApiError::BodyTooLarge,
        ],
    );
}

/// The middleware of routes whose POSTs support it. Without the header it does nothing.
pub async fn idempotent<S>(State(state): State<S>, request: Request, next: Next) -> Response
where
    S: Clone + Send + Sync + 'static,
    Guard: FromRef<S>,
    Limiter: FromRef<S>,
{
    match once(&state, request, next).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn once<S>(state: &S, request: Request, next: Next) -> Result<Response, ApiError>
where
    S: Clone + Send + Sync + 'static,
    Guard: FromRef<S>,
    Limiter: FromRef<S>,
{
    let given = request.headers().get(IDEMPOTENCY_KEY).filter(|_| request.method() == Method::POST);
    let Some(given) = given else { return Ok(next.run(request).await) };
    let given = given.to_str().ok().filter(|key| !key.is_empty() && key.len() <= MAX_KEY_CHARS).ok_or_else(|| {
        ApiError::Validation(FieldError::new("idempotency-key", "idempotency-key is 1 to 255 ASCII characters."))
    })?;
    let given = fingerprint(given);
    let (mut parts, body) = request.into_parts();
    let Ok(context) = RequestContext::from_request_parts(&mut parts, state).await;
    // The owner of the key; the handler finds the user in the request's extensions.
    let user = ActiveUser::from_request_parts(&mut parts, state).await?;
    let key = format!("{}#{} {}#{given}", user.id, parts.method, parts.uri.path());
    parts.extensions.insert(user);
    let body = to_bytes(body, MAX_BODY_BYTES).await.map_err(|_| ApiError::BodyTooLarge)?;
    let digest = fingerprint(&String::from_utf8_lossy(&body));
    let store = Limiter::from_ref(state).store;
    match store.begin_once(&key, &digest, &context.request_id, context.now).await? {
        IdempotentCall::Begun => {}
        IdempotentCall::UnderWay => return Err(ApiError::IdempotencyInProgress),
        IdempotentCall::OtherBody => return Err(ApiError::IdempotencyKeyReused),
        IdempotentCall::Answer(answer) => return replay(answer),
    }
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    let status = response.status();
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        store.forget_call(&key, &context.request_id).await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.map_err(|error| ApiError::Internal(error.to_string()))?;
    let problem = match ApiError::of(&parts.extensions) {
        Some(error) => (error.body(&context.request_id).to_string(), "application/problem+json"),
        None => (String::from_utf8_lossy(&body).into_owned(), "application/json"),
    };
    let answer = StoredAnswer { status: status.as_u16(), content_type: problem.1.to_owned(), body: problem.0 };
    store.store_answer(&key, &context.request_id, &answer).await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn replay(answer: StoredAnswer) -> Result<Response, ApiError> {
    let internal = |error: String| ApiError::Internal(error);
    let status = StatusCode::from_u16(answer.status).map_err(|error| internal(error.to_string()))?;
    let kind = HeaderValue::try_from(answer.content_type).map_err(|error| internal(error.to_string()))?;
    Ok((status, [(header::CONTENT_TYPE, kind)], answer.body).into_response())
}
