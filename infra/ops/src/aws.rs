//! Calls to AWS services of which one or two operations are needed: signed requests, without an SDK for each service.

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use serde_json::Value;
use std::fmt::Display;
use std::time::{Duration, SystemTime};
use tollgate_platform::{Clock, Env, Outbound};

/// The timeouts of an SDK's calls: a connection that was lost ends an attempt.
pub(crate) fn timeouts() -> TimeoutConfig {
    let builder = TimeoutConfig::builder().connect_timeout(Duration::from_secs(5));
    builder.operation_attempt_timeout(Duration::from_secs(20)).build()
}

/// A service.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// Its name in `AWS_ENDPOINT_URL_…`.
    id: &'static str,
    /// Its name in signatures.
    signed_as: &'static str,
    /// The prefix of its host.
    host: &'static str,
    /// The version of its API, where its requests name one.
    version: &'static str,
}

pub const STS: Service = Service { id: "STS", signed_as: "sts", host: "sts", version: "2011-06-15" };
pub const CLOUDFORMATION: Service =
    Service { id: "CLOUDFORMATION", signed_as: "cloudformation", host: "cloudformation", version: "2010-05-15" };
pub const SNS: Service = Service { id: "SNS", signed_as: "sns", host: "sns", version: "2010-03-31" };
pub const LAMBDA: Service = Service { id: "LAMBDA", signed_as: "lambda", host: "lambda", version: "" };
pub const SES: Service = Service { id: "SESV2", signed_as: "ses", host: "email", version: "" };
pub const LOGS: Service = Service { id: "CLOUDWATCH_LOGS", signed_as: "logs", host: "logs", version: "" };

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// The local stack does not have this service.
    #[error("the local stack has no {0}")]
    Absent(&'static str),
    /// The service refused.
    #[error("{service} answered {status}: {body}")]
    Refused { service: &'static str, status: u16, body: String },
    /// No answer, or one that cannot be read.
    #[error("{0}: {1}")]
    Failed(&'static str, String),
}

/// A client for these services.
pub struct Aws {
    sdk: SdkConfig,
    env: Env,
    is_local: bool,
    outbound: Outbound,
}

impl Aws {
    /// With the credentials and the region of `sdk`. No call is made.
    pub fn new(sdk: &SdkConfig, is_local: bool) -> Self {
        Self { sdk: sdk.clone(), env: Env::process(), is_local, outbound: Outbound::system() }
    }

    fn region(&self) -> &str {
        self.sdk.region().map_or("us-east-1", AsRef::as_ref)
    }

    fn endpoint(&self, service: Service) -> Result<String, AwsError> {
        let own = self.env.get(&format!("AWS_ENDPOINT_URL_{}", service.id));
        let all = self.env.get("AWS_ENDPOINT_URL").filter(|_| !self.is_local);
        match own.or(all) {
            Some(url) => Ok(url.trim_end_matches('/').to_owned()),
            None if self.is_local => Err(AwsError::Absent(service.id)),
            None => {
                let region = self.region();
                let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
                Ok(format!("https://{}.{region}.{domain}", service.host))
            }
        }
    }

    /// Calls an operation of the query protocol; the answer is XML.
    pub async fn query(&self, service: Service, action: &str, parameters: &[(&str, &str)]) -> Result<String, AwsError> {
        let all = [("Action", action), ("Version", service.version)].into_iter().chain(parameters.iter().copied());
        let form = serde_urlencoded::to_string(all.collect::<Vec<_>>());
        let form = form.map_err(|error| AwsError::Failed(service.id, error.to_string()))?;
        let headers = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
        let answer = self.send(service, "POST", "/", &headers, form.into_bytes()).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// Reads a resource of a REST API.
    pub async fn get(&self, service: Service, path: &str) -> Result<Value, AwsError> {
        let answer = self.send(service, "GET", path, &[], Vec::new()).await?;
        serde_json::from_slice(&answer).map_err(|error| AwsError::Failed(service.id, error.to_string()))
    }

    /// Calls an operation of the JSON protocol.
    pub async fn json(&self, service: Service, target: &str, body: &Value) -> Result<Value, AwsError> {
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)];
        let answer = self.send(service, "POST", "/", &headers, body.to_string().into_bytes()).await?;
        serde_json::from_slice(&answer).map_err(|error| AwsError::Failed(service.id, error.to_string()))
    }

    async fn send(
        &self,
        service: Service,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Vec<u8>, AwsError> {
        let failed = |error: &dyn Display| AwsError::Failed(service.id, error.to_string());
        let url = format!("{}{path}", self.endpoint(service)?);
        let provider = self.sdk.credentials_provider().ok_or_else(|| failed(&"there are no credentials"))?;
        let credentials = provider.provide_credentials().await.map_err(|error| failed(&error))?;
        let identity = Identity::from(credentials);
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region())
            .name(service.signed_as)
            .time(SystemTime::from(Clock::system().now()))
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| failed(&error))?;
        let signable = SignableRequest::new(method, &url, headers.iter().copied(), SignableBody::Bytes(&body));
        let signed = sign(signable.map_err(|error| failed(&error))?, &parameters.into());
        let instructions = signed.map_err(|error| failed(&error))?.into_parts().0;
        let mut request = http::Request::builder().method(method).uri(&url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(body).map_err(|error| failed(&error))?;
        instructions.apply_to_request_http1x(&mut request);
        let answer = self.outbound.send(request).await.map_err(|error| failed(&error))?;
        if answer.status().is_success() {
            return Ok(answer.into_body());
        }
        let body = String::from_utf8_lossy(answer.body()).chars().take(500).collect();
        Err(AwsError::Refused { service: service.id, status: answer.status().as_u16(), body })
    }
}

/// The texts of the elements of this name in an answer of the query protocol, which nests none of them in itself.
pub fn elements(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let texts = xml.split(&open).skip(1).filter_map(|rest| Some(rest.split_once(&close)?.0));
    let plain = |text: &str| {
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
        text.replace("&amp;", "&")
    };
    texts.map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_returns_texts_in_order_without_escapes() {
        let xml = "<Outputs><member><OutputKey>A</OutputKey><OutputValue>x?a=1&amp;b=&lt;2&gt;</OutputValue></member>\
                   <member><OutputKey>B</OutputKey><OutputValue></OutputValue></member></Outputs>";
        assert_eq!(elements(xml, "OutputKey"), ["A", "B"]);
        assert_eq!(elements(xml, "OutputValue"), ["x?a=1&b=<2>", ""]);
        assert!(elements(xml, "Other").is_empty());
    }
}
