//! A success whose only result is a sentence.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// A sentence for a person.
#[derive(Debug, Serialize, ToSchema)]
pub struct Message {
    /// The sentence.
    message: &'static str,
}

/// `message` as the body of a response.
pub const fn message(message: &'static str) -> Json<Message> {
    Json(Message { message })
}
