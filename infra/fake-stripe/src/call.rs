//! A call of the API, and its answer.

use crate::error::ApiError;
use crate::params::Params;
use http::Method;
use serde_json::Value;

/// A call of the API.
pub struct Call<'a> {
    pub method: &'a Method,
    pub path: &'a [&'a str],
    pub params: Params,
}

pub type Answered = Result<Value, ApiError>;
