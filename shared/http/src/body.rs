//! Input, parsed once at the edge.

use crate::describe::describe_conventions;
use crate::header::header_text;
use crate::openapi::{Describe, refuse};
use crate::{ApiError, FieldError};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, DeserializeOwned, IntoDeserializer, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};
use serde_json::{Map, Value};
use std::str::FromStr;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Content, RefOr, Required};

/// A JSON body: an object.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

/// A JSON body, or an empty one: nothing, `null` and `{}` are equivalent.
#[derive(Debug)]
pub struct OptionalJson<T>(pub T);

/// The JSON body of a PATCH, where `null` clears a field that can be empty.
#[derive(Debug)]
pub struct PatchBody<T>(pub T);

/// The fields of a PATCH that accept `null`; for any other field it is refused.
pub trait Patch: DeserializeOwned {
    /// Fields that `null` clears.
    const NULLABLE: &'static [&'static str];
    /// Parameters that are not fields of the object: `null` counts as absent.
    const PARAMETERS: &'static [&'static str];
}

/// A JSON body, or the form of this service's own page.
#[derive(Debug)]
pub struct Input<T> {
    /// The value.
    pub value: T,
    /// The source.
    pub form: Form,
}

/// A form, as the endpoints of OAuth accept it.
#[derive(Debug)]
pub struct FormBody<T>(pub T);

/// The source of an [`Input`], which determines the form of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// From a program: JSON.
    Json,
    /// From a page's form: a page.
    Page,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let is_json = has_type(request.headers(), "application/json");
        let bytes = read(request, state).await?;
        if is_json { parse_value(json(&bytes)?).map(Self) } else { Err(ApiError::UnsupportedMediaType) }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for OptionalJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        parse_value(optional(request, state).await?).map(Self)
    }
}

impl<T: Patch, S: Send + Sync> FromRequest<S> for PatchBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let mut value = optional(request, state).await?;
        if let Value::Object(fields) = &mut value {
            fields.retain(|name, value| !(value.is_null() && T::PARAMETERS.contains(&name.as_str())));
        }
        parse_as(value, Nulls::Refused { except: T::NULLABLE }).map(Self)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Input<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !has_type(request.headers(), "application/x-www-form-urlencoded") {
            let JsonBody(value) = JsonBody::from_request(request, state).await?;
            return Ok(Self { value, form: Form::Json });
        }
        Ok(Self { value: parse_value(form(request, state).await?)?, form: Form::Page })
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for FormBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !has_type(request.headers(), "application/x-www-form-urlencoded") {
            return Err(ApiError::FormExpected);
        }
        parse_value(form(request, state).await?).map(Self)
    }
}

/// The fields of a form.
async fn form<S: Send + Sync>(request: Request, state: &S) -> Result<Value, ApiError> {
    let form = axum::Form::<Map<String, Value>>::from_request(request, state).await;
    let axum::Form(fields) = form.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::BodyTooLarge,
        _ => ApiError::Validation(FieldError::new("", "The form could not be read.")),
    })?;
    Ok(fields.into())
}

impl<T> Describe for JsonBody<T> {
    fn describe(operation: &mut Operation) {
        describe_body(operation, Required::True);
    }
}

impl<T> Describe for OptionalJson<T> {
    fn describe(operation: &mut Operation) {
        describe_body(operation, Required::False);
    }
}

impl<T> Describe for PatchBody<T> {
    fn describe(operation: &mut Operation) {
        describe_body(operation, Required::False);
    }
}

impl<T> Describe for Input<T> {
    /// A form of a page is answered with a page.
    fn describe(operation: &mut Operation) {
        describe_body(operation, Required::True);
        describe_conventions(operation);
        for response in operation.responses.responses.values_mut() {
            if let RefOr::T(response) = response {
                let page = RefOr::T(Content::new(Some(<String as utoipa::PartialSchema>::schema())));
                response.content.insert("text/html".to_owned(), page);
            }
        }
    }
}

impl<T> Describe for FormBody<T> {
    fn describe(operation: &mut Operation) {
        if let Some(RefOr::T(body)) = &mut operation.request_body {
            body.required = Some(Required::True);
        }
        let invalid = ApiError::Validation(FieldError::new("", ""));
        refuse(operation, [ApiError::BodyTooLarge, ApiError::FormExpected, invalid]);
    }
}

fn describe_body(operation: &mut Operation, required: Required) {
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        body.required = Some(required);
    }
    refuse(
        operation,
        [
            ApiError::InvalidJson,
            ApiError::BodyTooLarge,
            ApiError::UnsupportedMediaType,
            ApiError::Validation(FieldError::new("", "")),
        ],
    );
}

fn has_type(headers: &HeaderMap, wanted: &str) -> bool {
    let kind = header_text(headers, header::CONTENT_TYPE);
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted)
}

async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, ApiError> {
    Bytes::from_request(request, state).await.map_err(|rejection: BytesRejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::BodyTooLarge,
        _ => ApiError::InvalidJson,
    })
}

/// The body of a request that may have none.
async fn optional<S: Send + Sync>(request: Request, state: &S) -> Result<Value, ApiError> {
    let is_json = has_type(request.headers(), "application/json");
    let bytes = read(request, state).await?;
    let bytes = without_mark(&bytes);
    match (bytes.is_empty(), is_json) {
        (true, _) => Ok(Value::Object(Map::new())),
        (false, false) => Err(ApiError::UnsupportedMediaType),
        (false, true) => match json(bytes)? {
            Value::Null => Ok(Value::Object(Map::new())),
            value => Ok(value),
        },
    }
}

/// The text after a UTF-8 byte order mark, which some clients send.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

fn json(bytes: &[u8]) -> Result<Value, ApiError> {
    serde_json::from_slice(without_mark(bytes)).map_err(|_| ApiError::InvalidJson)
}

fn parse_value<T: DeserializeOwned>(value: Value) -> Result<T, ApiError> {
    parse_as(value, Nulls::Absent)
}

/// The value as `T`; the error names the first missing or wrong field and never repeats its content.
fn parse_as<T: DeserializeOwned>(value: Value, nulls: Nulls) -> Result<T, ApiError> {
    if !value.is_object() {
        return Err(ApiError::Validation(FieldError::new("", "The body must be a JSON object.")));
    }
    serde_path_to_error::deserialize(Strict { value, nulls }).map_err(|error| {
        let text = error.inner().to_string();
        let named = |what: &str| text.strip_prefix(what).and_then(|rest| rest.split('`').next());
        ApiError::Validation(match (named(MISSING), named(NULL)) {
            (Some(field), _) => FieldError::new(field, format!("{field} is missing.")),
            (_, Some(field)) => FieldError::new(field, format!("{field} cannot be null.")),
            _ => {
                let path = error.path().to_string();
                FieldError::new(path.clone(), format!("{path} is not of the expected kind."))
            }
        })
    })
}

/// The prefixes of errors by serde, and by [`Strict`], that name a field.
const MISSING: &str = "missing field `";
const NULL: &str = "null field `";

/// The meaning of a `null` field.
#[derive(Debug, Clone, Copy)]
enum Nulls {
    /// As absent.
    Absent,
    /// As an error for a known field, except for those that `null` clears.
    Refused { except: &'static [&'static str] },
}

/// A JSON value that is deserialised only in one shape: a struct from an object, a name of an enum from a text. Code
/// derived by serde also accepts an array of the values in order, and a map with one entry. A body must not use
/// `#[serde(flatten)]`: serde then deserialises the inner struct by itself.
struct Strict {
    value: Value,
    nulls: Nulls,
}

impl<'de> IntoDeserializer<'de, serde_json::Error> for Strict {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl Strict {
    /// Passes the fields to `visitor`; `null` in an inner object counts as absent if it is a struct's.
    fn visit_fields<'de, V: Visitor<'de>>(
        fields: Map<String, Value>,
        visitor: V,
    ) -> Result<V::Value, serde_json::Error> {
        let inner = |value| Self { value, nulls: Nulls::Absent };
        let mut fields = MapDeserializer::new(fields.into_iter().map(|(name, value)| (name, inner(value))));
        let value = visitor.visit_map(&mut fields)?;
        fields.end()?;
        Ok(value)
    }
}

impl<'de> Deserializer<'de> for Strict {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        let nulls = self.nulls;
        match self.value {
            Value::Object(fields) => Self::visit_fields(fields, visitor),
            Value::Array(items) => {
                let mut items = SeqDeserializer::new(items.into_iter().map(|value| Self { value, nulls }));
                let value = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(value)
            }
            value => value.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        let Value::Object(mut fields) = self.value else {
            return Err(de::Error::custom("not an object"));
        };
        match self.nulls {
            Nulls::Absent => fields.retain(|_, value| !value.is_null()),
            Nulls::Refused { except } => {
                let refused = |name: &&&str| fields.get(**name).is_some_and(Value::is_null) && !except.contains(*name);
                if let Some(name) = known.iter().find(refused) {
                    return Err(de::Error::custom(format!("{NULL}{name}`")));
                }
            }
        }
        Self::visit_fields(fields, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.value {
            Value::Object(fields) => Self::visit_fields(fields, visitor),
            _ => Err(de::Error::custom("not an object")),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        match self.value {
            Value::String(name) => visitor.visit_enum(name.into_deserializer()),
            _ => Err(de::Error::custom("not a name")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct identifier ignored_any
    }
}

/// An id in the path. A malformed one is treated as one that does not exist.
#[derive(Debug, Clone, Copy)]
pub struct PathId<T>(pub T);

impl<T: FromStr, S: Send + Sync> FromRequestParts<S> for PathId<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| ApiError::NotFound)?;
        text.parse().map(Self).map_err(|_| ApiError::NotFound)
    }
}

impl<T> Describe for PathId<T> {
    fn describe(operation: &mut Operation) {
        refuse(operation, [ApiError::NotFound]);
    }
}

/// Two ids in the path, the outer one first. A malformed one is treated as one that does not exist.
#[derive(Debug, Clone, Copy)]
pub struct PathIds<A, B>(pub A, pub B);

impl<A: FromStr, B: FromStr, S: Send + Sync> FromRequestParts<S> for PathIds<A, B> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let ids = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((outer, inner)) = ids.map_err(|_| ApiError::NotFound)?;
        outer.parse().ok().zip(inner.parse().ok()).map(|(a, b)| Self(a, b)).ok_or(ApiError::NotFound)
    }
}

impl<A, B> Describe for PathIds<A, B> {
    fn describe(operation: &mut Operation) {
        refuse(operation, [ApiError::NotFound]);
    }
}

/// The largest body, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, PartialEq, Deserialize, Default, Clone, Copy)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        #[default]
        One,
        Two,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Inner {
        #[serde(default)]
        size: Option<u32>,
        #[serde(default)]
        kind: Kind,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Outer {
        name: String,
        #[serde(default)]
        kind: Kind,
        #[serde(default)]
        inner: Option<Inner>,
        #[serde(default)]
        list: Vec<Inner>,
        #[serde(default)]
        free: Map<String, Value>,
    }

    fn field<T: DeserializeOwned + std::fmt::Debug>(value: Value) -> String {
        match parse_value::<T>(value) {
            Err(ApiError::Validation(error)) => error.field,
            other => panic!("{other:?}"),
        }
    }

    // B1
    #[test]
    fn a_struct_is_an_object_and_a_name_a_text_at_every_depth() {
        for (value, wrong) in [
            (json!(["x"]), ""),
            (json!("x"), ""),
            (json!({"name": ["x"]}), "name"),
            (json!({"name": "x", "kind": {"two": null}}), "kind"),
            (json!({"name": "x", "kind": ["two"]}), "kind"),
            (json!({"name": "x", "inner": [7]}), "inner"),
            (json!({"name": "x", "inner": {"kind": {"two": null}}}), "inner.kind"),
            (json!({"name": "x", "list": [{"size": 1}, [2]]}), "list[1]"),
            (json!({"name": "x", "free": [["a", 1]]}), "free"),
        ] {
            assert_eq!(field::<Outer>(value.clone()), wrong, "{value}");
        }
    }

    // B15
    #[test]
    fn null_is_absent_in_a_struct_and_a_value_in_a_map() {
        let value = json!({"name": "x", "kind": null, "inner": {"size": null, "kind": null}, "free": {"a": null}});
        let outer: Outer = parse_value(value).unwrap();
        assert_eq!((outer.kind, outer.inner), (Kind::One, Some(Inner { size: None, kind: Kind::One })));
        assert_eq!(outer.free["a"], Value::Null);
        assert_eq!(field::<Outer>(json!({"name": null})), "name");
    }
}
