//! The possible answers of an operation, derived from the types that produce them: each extractor, layer and error
//! describes itself once, and the [description](crate::Description) reads a handler's signature.

use crate::ApiError;
use axum::extract::State;
use axum::response::IntoResponse;
use http::HeaderMap;
use http::header::{HeaderName, RETRY_AFTER};
use std::collections::BTreeMap;
use utoipa::openapi::path::{Operation, Paths};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{Content, Header, HttpMethod, ObjectBuilder, PathItem, Ref, RefOr, Response, Schema};

/// The media type of every error.
const PROBLEM: &str = "application/problem+json";

/// A part of a handler's signature, as the OpenAPI document shows it.
pub trait Describe {
    /// Adds its input, and its errors if that is missing or wrong. A part without errors adds nothing.
    fn describe(_: &mut Operation) {}
}

impl<S> Describe for State<S> {}
impl Describe for HeaderMap {}
/// The handler itself handles a value that cannot be read.
impl<T, E> Describe for Result<T, E> {}

/// A handler whose parameters all describe themselves.
pub trait Signature<Parameters> {
    /// Adds the descriptions of the parameters.
    fn describe(operation: &mut Operation);
}

macro_rules! signature {
    ($($parameter:ident),*) => {
        impl<F, R, $($parameter: Describe),*> Signature<($($parameter,)*)> for F
        where
            F: Fn($($parameter),*) -> R,
        {
            fn describe(_operation: &mut Operation) {
                $($parameter::describe(_operation);)*
            }
        }
    };
}

signature!();
signature!(A);
signature!(A, B);
signature!(A, B, C);
signature!(A, B, C, D);
signature!(A, B, C, D, E);
signature!(A, B, C, D, E, G);
signature!(A, B, C, D, E, G, H);

/// The errors that the conventions add to every operation: an internal one, and a table or a service without an answer.
pub(crate) fn describe_conventions(operation: &mut Operation) {
    refuse(operation, [ApiError::Internal(String::new()), ApiError::Unavailable(String::new())]);
}

/// Adds `errors` to the answers of `operation`: their statuses, codes and headers.
pub fn refuse(operation: &mut Operation, errors: impl IntoIterator<Item = ApiError>) {
    add_errors(&mut operation.responses.responses, errors);
}

/// The same as separate responses: [`errors!`](crate::errors) uses it for a list.
pub fn responses(errors: impl IntoIterator<Item = ApiError>) -> BTreeMap<String, RefOr<Response>> {
    let mut responses = BTreeMap::new();
    add_errors(&mut responses, errors);
    responses
}

fn add_errors(responses: &mut BTreeMap<String, RefOr<Response>>, errors: impl IntoIterator<Item = ApiError>) {
    for error in errors {
        let status = error.status().as_str().to_owned();
        let RefOr::T(response) = responses.entry(status).or_insert_with(|| RefOr::T(Response::new(""))) else {
            continue;
        };
        let code = format!("`{}`", error.code());
        if !response.description.contains(&code) {
            let joint = if response.description.is_empty() { "" } else { ", " };
            response.description += &format!("{joint}{code}");
        }
        as_problem(response);
        for name in error.into_response().headers().keys() {
            response.headers.insert(name.to_string(), RefOr::T(header(name)));
        }
    }
}

/// Gives an error its media type.
pub(crate) fn as_problem(response: &mut Response) {
    let problem = || RefOr::T(Content::new(Some(RefOr::<Schema>::Ref(Ref::from_schema_name("Problem")))));
    response.content.entry(PROBLEM.to_owned()).or_insert_with(problem);
}

fn header(name: &HeaderName) -> Header {
    let is_number = name == RETRY_AFTER;
    let kind = if is_number { Type::Integer } else { Type::String };
    let mut header = Header::new(ObjectBuilder::new().schema_type(kind).build());
    header.description = is_number.then(|| "Seconds.".to_owned());
    header
}

/// Each operation of `paths`, with its method.
pub(crate) fn operations(paths: &mut Paths) -> impl Iterator<Item = (HttpMethod, &mut Operation)> {
    paths.paths.values_mut().flat_map(|item| {
        let PathItem { get, post, patch, delete, .. } = item;
        let operations = [
            (HttpMethod::Get, get),
            (HttpMethod::Post, post),
            (HttpMethod::Patch, patch),
            (HttpMethod::Delete, delete),
        ];
        operations.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
    })
}

/// Declares the errors of a handler besides those of its parameters, by their values: `responses(…)` of `utoipa::path`
/// takes the name.
#[macro_export]
macro_rules! errors {
    ($(#[$attribute:meta])* $name:ident = $errors:expr) => {
        $(#[$attribute])*
        pub struct $name;

        impl utoipa::IntoResponses for $name {
            fn responses() -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::Response>> {
                $crate::openapi::responses($errors)
            }
        }
    };
}
