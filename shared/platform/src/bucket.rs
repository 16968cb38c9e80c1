//! A bucket of S3, as far as reports need one: to store a file, and to sign an address at which it can be downloaded
//! for a limited time. AWS's own library signs; its SDK for S3 would be a quarter of the function.

use crate::{ConfigError, Env, Outbound, OutboundError};
use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningInstructions,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use std::fmt::Display;
use std::time::{Duration, SystemTime};

/// The timeout of an upload.
const PUT_DEADLINE: Duration = Duration::from_secs(20);
/// The number of attempts.
const TRIES: usize = 3;

/// The location of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketAddress {
    base_url: String,
}

impl BucketAddress {
    /// The bucket that `REPORTS_BUCKET` names, at `AWS_ENDPOINT_URL_S3`, else `AWS_ENDPOINT_URL`, else at S3 itself.
    ///
    /// # Errors
    /// With the name of the first variable that is missing.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let name = env.required("REPORTS_BUCKET", "the name of the bucket of reports")?;
        let endpoint = env.get("AWS_ENDPOINT_URL_S3").or_else(|| env.get("AWS_ENDPOINT_URL"));
        let base_url = match endpoint {
            Some(endpoint) => format!("{}/{name}", endpoint.trim_end_matches('/')),
            None => {
                let region = env.required("AWS_REGION", "the region of this function")?;
                let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
                format!("https://{name}.s3.{region}.{domain}")
            }
        };
        Ok(Self { base_url })
    }

    /// The address of the object with `key`, which needs no escaping.
    fn of(&self, key: &str) -> String {
        format!("{}/{key}", self.base_url)
    }
}

/// The bucket, for a role that may use it.
#[derive(Clone)]
pub struct Bucket {
    address: BucketAddress,
    credentials: Option<SharedCredentialsProvider>,
    region: Region,
}

/// Why a call to a bucket failed.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// The request could not be signed.
    #[error("S3: not signed: {0}")]
    NotSigned(String),
    /// S3 did not answer.
    #[error("S3: {0}")]
    NoAnswer(#[from] OutboundError),
    /// S3 refused.
    #[error("S3 answered {status}: {body}")]
    Refused {
        /// The status.
        status: u16,
        /// Its answer.
        body: String,
    },
}

impl BucketError {
    fn not_signed(error: impl Display) -> Self {
        Self::NotSigned(error.to_string())
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::NotSigned(_) => false,
            Self::NoAnswer(_) => true,
            Self::Refused { status, .. } => *status >= 500 || *status == 429,
        }
    }
}

/// The signed parts.
struct Signed<'a> {
    method: &'a str,
    url: &'a str,
    headers: &'a [(&'a str, &'a str)],
    body: SignableBody<'a>,
    settings: SigningSettings,
    at: SystemTime,
}

impl Bucket {
    /// The bucket at `address`, with the credentials of `sdk`. It makes no call.
    #[must_use]
    pub fn new(address: BucketAddress, sdk: &SdkConfig) -> Self {
        let region = sdk.region().cloned().unwrap_or_else(|| Region::from_static("us-east-1"));
        Self { address, credentials: sdk.credentials_provider(), region }
    }

    /// Stores a file and replaces one with the same key.
    ///
    /// # Errors
    /// When S3 does not store it.
    pub async fn put(
        &self,
        outbound: &Outbound,
        (key, content): (&str, &[u8]),
        (content_type, file_name): (&str, &str),
        now: SystemTime,
    ) -> Result<(), BucketError> {
        let url = self.address.of(key);
        let disposition = format!("attachment; filename=\"{file_name}\"");
        let headers = [("content-type", content_type), ("content-disposition", disposition.as_str())];
        let signed = Signed {
            method: "PUT",
            url: &url,
            headers: &headers,
            body: SignableBody::Bytes(content),
            settings: settings(SignatureLocation::Headers),
            at: now,
        };
        let instructions = self.sign(signed).await?;
        let mut request = http::Request::put(&url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut request = request.body(content.to_vec()).map_err(BucketError::not_signed)?;
        instructions.apply_to_request_http1x(&mut request);
        let outbound = outbound.clone().with_deadline(PUT_DEADLINE);
        let mut last = None;
        // A file that was stored and whose answer was lost is stored again: the same key, the same content.
        for _ in 0..TRIES {
            match put_once(&outbound, request.clone()).await {
                Err(error) if error.is_transient() => last = Some(error),
                other => return other,
            }
        }
        last.map_or(Ok(()), Err)
    }

    /// A public address of the file under `key` that is valid for `valid_for` from `now` on.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub async fn download_url(&self, key: &str, valid_for: Duration, now: SystemTime) -> Result<String, BucketError> {
        let url = self.address.of(key);
        let mut settings = settings(SignatureLocation::QueryParams);
        settings.expires_in = Some(valid_for);
        let body = SignableBody::UnsignedPayload;
        let signed = Signed { method: "GET", url: &url, headers: &[], body, settings, at: now };
        let instructions = self.sign(signed).await?;
        let mut request = http::Request::get(&url).body(()).map_err(BucketError::not_signed)?;
        instructions.apply_to_request_http1x(&mut request);
        Ok(request.uri().to_string())
    }

    async fn sign(&self, signed: Signed<'_>) -> Result<SigningInstructions, BucketError> {
        let provider = self.credentials.as_ref().ok_or_else(|| BucketError::not_signed("there are no credentials"))?;
        let credentials: Credentials = provider.provide_credentials().await.map_err(BucketError::not_signed)?;
        let identity = Identity::from(credentials);
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region.as_ref())
            .name("s3")
            .time(signed.at)
            .settings(signed.settings)
            .build()
            .map_err(BucketError::not_signed)?;
        let request = SignableRequest::new(signed.method, signed.url, signed.headers.iter().copied(), signed.body);
        let request = request.map_err(BucketError::not_signed)?;
        Ok(sign(request, &parameters.into()).map_err(BucketError::not_signed)?.into_parts().0)
    }
}

/// S3's signing settings: the path as it is sent.
#[must_use]
pub fn settings(location: SignatureLocation) -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.signature_location = location;
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    settings
}

async fn put_once(outbound: &Outbound, request: http::Request<Vec<u8>>) -> Result<(), BucketError> {
    let answer = outbound.send(request).await?;
    if answer.status().is_success() {
        return Ok(());
    }
    let body = String::from_utf8_lossy(answer.body()).chars().take(500).collect();
    Err(BucketError::Refused { status: answer.status().as_u16(), body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_at_s3_unless_an_endpoint_is_configured() {
        let of = |pairs: &[(&str, &str)]| BucketAddress::from_env(&Env::from_pairs(pairs.iter().copied()));
        let url = |pairs: &[(&str, &str)]| of(pairs).unwrap().of("rep_1/2.csv");
        let (bucket, region) = (("REPORTS_BUCKET", "reports"), ("AWS_REGION", "eu-west-1"));
        assert_eq!(url(&[bucket, region]), "https://reports.s3.eu-west-1.amazonaws.com/rep_1/2.csv");
        let china = url(&[bucket, ("AWS_REGION", "cn-north-1")]);
        assert_eq!(china, "https://reports.s3.cn-north-1.amazonaws.com.cn/rep_1/2.csv");
        let all = ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566/");
        assert_eq!(url(&[bucket, all]), "http://127.0.0.1:4566/reports/rep_1/2.csv");
        let own = ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:8080/_s3");
        assert_eq!(url(&[bucket, all, own]), "http://127.0.0.1:8080/_s3/reports/rep_1/2.csv");
        assert_eq!(of(&[region]).unwrap_err().variable, "REPORTS_BUCKET");
        assert_eq!(of(&[bucket]).unwrap_err().variable, "AWS_REGION");
    }

    // The example of AWS's documentation: "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)".
    #[tokio::test]
    async fn a_download_address_is_signed_as_in_the_documentation_of_s3() {
        let credentials =
            Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None, None, "test");
        let sdk = SdkConfig::builder()
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        let address = BucketAddress { base_url: "https://examplebucket.s3.amazonaws.com".to_owned() };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_369_353_600); // 2013-05-24T00:00:00Z
        let url = Bucket::new(address, &sdk).download_url("test.txt", Duration::from_secs(86_400), now).await.unwrap();
        let signature = "X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
        assert!(url.contains(signature), "{url}");
    }
}
