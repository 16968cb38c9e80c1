//! The configuration of all AWS clients: settings, trusted roots, retries, deadlines.

use crate::{ConfigError, Env};
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::time::Duration;

/// The roots of AWS's own services, as PEM.
const AMAZON_ROOTS: &str = include_str!(concat!(env!("OUT_DIR"), "/amazon_roots.pem"));

/// The settings of a deployed function: region, keys and endpoints from the variables that Lambda sets. It reads no
/// file and calls no other service: a function gets its keys from Lambda.
///
/// # Errors
/// When `AWS_CA_BUNDLE` is not a file of certificates.
pub fn load(env: &Env) -> Result<SdkConfig, ConfigError> {
    let mut builder = SdkConfig::builder()
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
        .identity_cache(IdentityCache::lazy().build())
        .service_config(Endpoints(env.clone()))
        .http_client(client(env)?)
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(SharedTimeSource::new(SystemTimeSource::new()));
    builder.set_region(env.get("AWS_REGION").map(|region| Region::new(region.to_owned())));
    Ok(defaults(builder).build())
}

/// The same retries and deadlines for settings from elsewhere. No answer is a stream: a stalled one ends by its
/// deadline, so stalled-stream protection is off.
#[must_use]
pub fn defaults(builder: aws_types::sdk_config::Builder) -> aws_types::sdk_config::Builder {
    builder
        .behavior_version(BehaviorVersion::latest())
        .retry_config(retries())
        .timeout_config(timeouts())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
}

/// `AWS_ENDPOINT_URL_<SERVICE>`, else `AWS_ENDPOINT_URL`, as the SDKs' own loader reads them.
#[derive(Debug)]
pub struct Endpoints(pub Env);

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_uppercase().replace(' ', "_");
        self.0.get(&format!("{}_{service}", key.env())).or_else(|| self.0.get(key.env())).map(str::to_owned)
    }
}

/// A client that trusts only Amazon's roots: reading the machine's own, some 150, takes longer than the rest of a
/// start. `AWS_CA_BUNDLE`, which AWS's tools use, names a file of other roots to trust.
fn client(env: &Env) -> Result<SharedHttpClient, ConfigError> {
    let roots = match env.get("AWS_CA_BUNDLE") {
        None => AMAZON_ROOTS.as_bytes().to_vec(),
        Some(file) => bundle(file)
            .ok_or_else(|| ConfigError::new("AWS_CA_BUNDLE", format!("a file of PEM certificates, found {file:?}")))?,
    };
    #[allow(clippy::expect_used)] // cannot fail: all parts are constants
    let context = TlsContext::builder()
        .with_trust_store(TrustStore::empty().with_pem_certificate(roots))
        .build()
        .expect("a trust store");
    Ok(aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(context)
        .build_https())
}

/// The content of a file of certificates, if it is valid: the client does not check it before its use.
fn bundle(file: &str) -> Option<Vec<u8>> {
    let content = std::fs::read(file).ok()?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&content) {
        roots.add(certificate.ok()?).ok()?;
    }
    (!roots.is_empty()).then_some(content)
}

/// Bounded and jittered (R8): with [`timeouts`] a failing call ends after 4.5 seconds, so that a request with one slow
/// call and one failing one is still answered within 10.
fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(50))
        .with_max_backoff(Duration::from_millis(500))
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_millis(1500))
        .operation_timeout(Duration::from_millis(4500))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    /// A file that is removed after the test.
    struct Scratch(PathBuf);

    impl Scratch {
        fn with(name: &str, content: &str) -> Self {
            let file = std::env::temp_dir().join(format!("tollgate-{name}-{}", std::process::id()));
            std::fs::write(&file, content).unwrap();
            Self(file)
        }

        fn name(&self) -> &str {
            self.0.to_str().unwrap()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            std::fs::remove_file(&self.0).unwrap();
        }
    }

    #[test]
    fn amazons_five_roots_are_trusted() {
        let file = Scratch::with("roots", AMAZON_ROOTS);
        assert!(bundle(file.name()).is_some());
        assert_eq!(CertificateDer::pem_slice_iter(AMAZON_ROOTS.as_bytes()).flatten().count(), 5);
    }

    #[test]
    fn a_bundle_that_is_missing_or_has_no_certificate_is_named() {
        let not_pem = Scratch::with("not-pem", "no certificate");
        let (head, tail) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
        let not_a_certificate = Scratch::with("not-a-certificate", &format!("{head}\nAAAA\n{tail}\n"));
        for file in ["/nowhere/roots.pem", not_pem.name(), not_a_certificate.name()] {
            let error = load(&Env::from_pairs([("AWS_CA_BUNDLE", file)])).unwrap_err();
            assert_eq!(error.variable, "AWS_CA_BUNDLE", "{file}");
        }
        let good = Scratch::with("good", AMAZON_ROOTS);
        assert!(load(&Env::from_pairs([("AWS_CA_BUNDLE", good.name())])).is_ok());
    }

    #[test]
    fn an_endpoint_of_one_service_overrides_the_general_one() {
        let env =
            Env::from_pairs([("AWS_ENDPOINT_URL", "http://all"), ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://one")]);
        let of = |service| {
            let key = ServiceConfigKey::builder().service_id(service).env("AWS_ENDPOINT_URL").profile("endpoint_url");
            Endpoints(env.clone()).load_config(key.build().unwrap())
        };
        assert_eq!([of("Secrets Manager"), of("DynamoDB")], [Some("http://one".into()), Some("http://all".into())]);
    }
}
