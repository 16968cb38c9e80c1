//! The connectors of the functions to what is not an AWS service of JSON: providers, Stripe, the chat model, files. All of
//! them pass the fault injector.

use crate::faults::FaultInjector;
use crate::service::Service;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use tollgate_domain::user::IdentityProvider;

impl FaultInjector {
    /// The connector to a provider.
    #[must_use]
    pub fn to_provider(&self, provider: IdentityProvider) -> SharedHttpConnector {
        SharedHttpConnector::new(ToProvider { fault_injector: self.clone(), provider })
    }

    /// The connector to the chat model.
    #[must_use]
    pub fn to_model(&self) -> SharedHttpConnector {
        SharedHttpConnector::new(ToModel(self.clone()))
    }

    /// The connector to S3, for its function.
    #[must_use]
    pub fn to_s3(&self) -> SharedHttpConnector {
        SharedHttpConnector::new(ToS3(self.clone()))
    }

    /// The connector to Stripe.
    #[must_use]
    pub fn to_stripe(&self) -> SharedHttpConnector {
        SharedHttpConnector::new(ToStripe(self.clone()))
    }
}

/// The connector to a provider: its operations are method and path, without the prefix of the fake.
#[derive(Debug)]
struct ToProvider {
    fault_injector: FaultInjector,
    provider: IdentityProvider,
}

impl HttpConnector for ToProvider {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let path = request.uri().parse::<http::Uri>().map(|uri| uri.path().to_owned()).unwrap_or_default();
        let path = path.strip_prefix(&format!("/_{}", self.provider.as_str())).unwrap_or(&path).to_owned();
        let service = match self.provider {
            IdentityProvider::Google => Service::Google,
            IdentityProvider::Github => Service::Github,
        };
        let operation = format!("{} {path}", request.method());
        HttpConnectorFuture::new(self.fault_injector.clone().pass((service, operation), request))
    }
}

/// The connector to Stripe: its operations are method and path, with `{id}` in place of an object's id.
#[derive(Debug)]
struct ToStripe(FaultInjector);

/// The path of an operation of Stripe, without ids.
fn stripe_path(path: &str) -> String {
    let path = path.strip_prefix("/_stripe").unwrap_or(path);
    let words = ["billing_portal", "create_preview", "invoice_payments", "subscription_schedules"];
    let is_id = |step: &str| step.contains('_') && !words.contains(&step);
    path.split('/').map(|step| if is_id(step) { "{id}" } else { step }).collect::<Vec<_>>().join("/")
}

impl HttpConnector for ToStripe {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let path = request.uri().parse::<http::Uri>().map(|uri| stripe_path(uri.path())).unwrap_or_default();
        let operation = format!("{} {path}", request.method());
        HttpConnectorFuture::new(self.0.clone().pass((Service::Stripe, operation), request))
    }
}

/// The connector to the chat model.
#[derive(Debug)]
struct ToModel(FaultInjector);

impl HttpConnector for ToModel {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let operation = format!("{} /chat/completions", request.method());
        HttpConnectorFuture::new(self.0.clone().pass((Service::Ai, operation), request))
    }
}

/// The connector to S3.
#[derive(Debug)]
struct ToS3(FaultInjector);

impl HttpConnector for ToS3 {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.0.clone().pass((Service::S3, "PutObject".to_owned()), request))
    }
}
