//! The fake S3: stores and returns files, checks signatures and expiry as S3 does, and removes files after a day, as
//! the bucket's lifecycle rule does.

use crate::clock::LocalClock;
use crate::documents::{DatabaseError, Documents};
use aws_credential_types::Credentials;
use aws_lc_rs::digest;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Method, StatusCode, Uri, header};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::time::{Duration, SystemTime};
use tollgate_platform::bucket::settings;

/// The path of its address.
pub const PATH: &str = "/_s3";
/// The bucket of reports.
pub const BUCKET: &str = "reports";
/// The secret key of every role on this machine.
pub const SECRET_KEY: &str = "local";

/// The credentials with which the function `admin` signs, for a client outside this process.
pub fn admin_credentials() -> serde_json::Value {
    serde_json::json!({"access_key": "admin", "secret_key": SECRET_KEY})
}

const OBJECTS: &str = "s3";
/// The lifecycle rule of the bucket in the template.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// The largest difference between the time of a signature and that of S3.
const MAX_SKEW: SignedDuration = SignedDuration::from_mins(15);

/// The store of files.
#[derive(Clone)]
pub struct FakeS3 {
    /// The files.
    pub documents: Documents,
    /// The time.
    pub clock: LocalClock,
}

#[derive(Serialize, Deserialize)]
struct Object {
    content: String,
    content_type: String,
    content_disposition: String,
    put_at: Timestamp,
}

/// The answer of S3 to a refused call.
type Refusal = (StatusCode, &'static str, &'static str);

const NO_SUCH_KEY: Refusal = (StatusCode::NOT_FOUND, "NoSuchKey", "The specified key does not exist.");
const MISMATCH: Refusal = (
    StatusCode::FORBIDDEN,
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided.",
);
const DENIED: Refusal = (StatusCode::FORBIDDEN, "AccessDenied", "Access Denied");
const EXPIRED: Refusal = (StatusCode::FORBIDDEN, "AccessDenied", "Request has expired");
const SKEWED: Refusal = (
    StatusCode::FORBIDDEN,
    "RequestTimeTooSkewed",
    "The difference between the request time and the current time is too large.",
);
const WRONG_SHA256: Refusal = (
    StatusCode::BAD_REQUEST,
    "XAmzContentSHA256Mismatch",
    "The provided 'x-amz-content-sha256' header does not match what was computed.",
);

/// A request to S3.
pub struct Call<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its address, with the host.
    pub uri: &'a Uri,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body.
    pub body: &'a [u8],
}

/// The parts of a signature: access key, time, region and signed headers.
struct Signature {
    access_key: String,
    at: Timestamp,
    region: String,
    signed_headers: Vec<String>,
    expires: Option<Duration>,
    text: String,
}

impl FakeS3 {
    /// Answers a call. `allows` says whether the role with this access key may do the action that IAM calls by this
    /// name.
    pub fn answer(&self, call: &Call<'_>, allows: impl FnOnce(&str, &str) -> bool) -> Response {
        match self.act(call, allows) {
            Ok(response) => response,
            Err(error) => {
                tracing::error!(%error, "S3");
                refused((StatusCode::INTERNAL_SERVER_ERROR, "InternalError", "We encountered an internal error."))
            }
        }
    }

    fn act(&self, call: &Call<'_>, allows: impl FnOnce(&str, &str) -> bool) -> Result<Response, DatabaseError> {
        let key = call.uri.path().strip_prefix(PATH).unwrap_or_default().trim_start_matches('/');
        let signature = match self.verify(call) {
            Ok(signature) => signature,
            Err(refusal) => return Ok(refused(refusal)),
        };
        let action = if call.method == Method::PUT { "s3:PutObject" } else { "s3:GetObject" };
        if !allows(&signature.access_key, action) {
            return Ok(refused(DENIED));
        }
        let text = |name| call.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        match *call.method {
            Method::PUT => {
                let object = Object {
                    content: STANDARD.encode(call.body),
                    content_type: text(header::CONTENT_TYPE),
                    content_disposition: text(header::CONTENT_DISPOSITION),
                    put_at: self.clock.now(),
                };
                self.documents.put(OBJECTS, key, &object)?;
                Ok(StatusCode::OK.into_response())
            }
            Method::GET | Method::HEAD => Ok(match self.object(key)? {
                None => refused(NO_SUCH_KEY),
                Some(object) => {
                    let content = STANDARD.decode(object.content).unwrap_or_default();
                    let headers = [
                        (header::CONTENT_TYPE, object.content_type),
                        (header::CONTENT_DISPOSITION, object.content_disposition),
                    ];
                    (StatusCode::OK, headers, content).into_response()
                }
            }),
            _ => Ok(refused((StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "The method is not allowed."))),
        }
    }

    fn object(&self, key: &str) -> Result<Option<Object>, DatabaseError> {
        let object: Option<Object> = self.documents.get(OBJECTS, key)?;
        match object {
            Some(object) if self.clock.now().duration_since(object.put_at) >= KEPT => {
                self.documents.delete(OBJECTS, key)?;
                Ok(None)
            }
            object => Ok(object),
        }
    }

    fn verify(&self, call: &Call<'_>) -> Result<Signature, Refusal> {
        let now = self.clock.now();
        let signature = Signature::of(call).ok_or(DENIED)?;
        let age = now.duration_since(signature.at);
        match signature.expires {
            Some(expires) => {
                if age < -MAX_SKEW {
                    return Err(SKEWED);
                }
                if age.unsigned_abs() >= expires && age.is_positive() {
                    return Err(EXPIRED);
                }
            }
            None if age.abs() > MAX_SKEW => return Err(SKEWED),
            None => {
                let sha256 = call.headers.get("x-amz-content-sha256").and_then(|value| value.to_str().ok());
                let digest = digest::digest(&digest::SHA256, call.body);
                let computed: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
                if sha256 != Some(computed.as_str()) {
                    return Err(WRONG_SHA256);
                }
            }
        }
        if signature.computed(call).is_some_and(|computed| computed == signature.text) {
            Ok(signature)
        } else {
            Err(MISMATCH)
        }
    }
}

impl Signature {
    fn of(call: &Call<'_>) -> Option<Self> {
        let query: HashMap<String, String> = serde_urlencoded::from_str(call.uri.query().unwrap_or_default()).ok()?;
        let header = |name: &str| call.headers.get(name).and_then(|value| value.to_str().ok());
        let (credential, signed_headers, text, date, expires) = match query.get("X-Amz-Signature") {
            Some(signature) => {
                let seconds = query.get("X-Amz-Expires")?.parse().ok().filter(|seconds| *seconds <= 604_800)?;
                let of = |name: &str| query.get(name).cloned();
                (
                    of("X-Amz-Credential")?,
                    of("X-Amz-SignedHeaders")?,
                    signature.clone(),
                    of("X-Amz-Date")?,
                    Some(Duration::from_secs(seconds)),
                )
            }
            None => {
                let authorization = header("authorization")?.strip_prefix("AWS4-HMAC-SHA256 ")?;
                let part = |name: &str| {
                    authorization
                        .split(", ")
                        .find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
                        .map(str::to_owned)
                };
                (
                    part("Credential")?,
                    part("SignedHeaders")?,
                    part("Signature")?,
                    header("x-amz-date")?.to_owned(),
                    None,
                )
            }
        };
        let mut scope = credential.split('/');
        let (access_key, _day, region) = (scope.next()?.to_owned(), scope.next()?, scope.next()?.to_owned());
        let at = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", &date).ok()?;
        Some(Self {
            access_key,
            at: at.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp(),
            region,
            signed_headers: signed_headers.split(';').map(str::to_owned).collect(),
            expires,
            text,
        })
    }

    /// The signature that this call must have, by AWS's own code.
    fn computed(&self, call: &Call<'_>) -> Option<String> {
        let identity = Identity::from(Credentials::new(&self.access_key, SECRET_KEY, None, None, "local"));
        let mut settings: SigningSettings = match self.expires {
            Some(_) => settings(SignatureLocation::QueryParams),
            None => settings(SignatureLocation::Headers),
        };
        settings.expires_in = self.expires;
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("s3")
            .time(SystemTime::from(self.at))
            .settings(settings)
            .build()
            .ok()?;
        // Headers that the signer adds itself are left out.
        let own = ["host", "x-amz-date", "x-amz-content-sha256"];
        let headers: Vec<_> = self
            .signed_headers
            .iter()
            .filter(|name| !own.contains(&name.as_str()))
            .filter_map(|name| Some((name.as_str(), call.headers.get(name.as_str())?.to_str().ok()?)))
            .collect();
        let query = call.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.starts_with("X-Amz-"));
        let query = query.collect::<Vec<_>>().join("&");
        let host = call.uri.authority().map(ToString::to_string);
        let host = host.or_else(|| Some(call.headers.get(header::HOST)?.to_str().ok()?.to_owned()))?;
        let mut url = format!("http://{host}{}", call.uri.path());
        if !query.is_empty() {
            url = format!("{url}?{query}");
        }
        let body = match self.expires {
            Some(_) => SignableBody::UnsignedPayload,
            None => SignableBody::Bytes(call.body),
        };
        // A presigned address is signed for GET, whatever the method of the request.
        let request = SignableRequest::new(call.method.as_str(), url, headers.into_iter(), body).ok()?;
        Some(sign(request, &parameters.into()).ok()?.signature().to_owned())
    }
}

fn refused((status, code, message): Refusal) -> Response {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    (status, [(header::CONTENT_TYPE, "application/xml")], body).into_response()
}
