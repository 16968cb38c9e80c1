//! `stripe-setup`: the webhook endpoint, its secret, and the configuration of the portal. Each step reads what is there
//! first: a run that was cut short continues, and a second one changes nothing.

use crate::arguments::Write;
use crate::confirm::confirm;
use crate::doctor::missing_permissions;
use crate::outcome::{Failure, Outcome};
use crate::target::Target;
use crate::trail::record;
use aws_smithy_types::error::display::DisplayErrorContext;
use serde_json::json;
use tollgate_platform::Secret;
use tollgate_stripe::{Gateway, PortalConfiguration, WebhookEndpoint};

const AGAIN: &str = "run the same command again: it continues";

/// The missing parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    CreateEndpoint,
    UpdateEndpoint,
    CreatePortal,
}

impl Step {
    const fn text(self) -> &'static str {
        match self {
            Self::CreateEndpoint => "create the webhook endpoint and store its secret",
            Self::UpdateEndpoint => "update the events of the webhook endpoint",
            Self::CreatePortal => "create a configuration of the customer portal",
        }
    }
}

pub async fn run(target: &Target, write: Write) -> Result<Outcome, Failure> {
    let gateway = target.stripe().await?;
    gateway.check_key().await?;
    let missing = missing_permissions(&gateway).await?;
    if !missing.is_empty() {
        let message = format!("the key lacks permissions: {}", missing.join(", "));
        return Err(Failure::refused("key_permissions", message));
    }
    let url = webhook_url(target).await?;
    let secret = read_secret(target).await?;
    let endpoints: Vec<_> = gateway.webhook_endpoints().await?.into_iter().filter(|own| own.url == url).collect();
    let good = endpoints.iter().find(|own| own.has_current_version() && own.signs_with(&secret) == Some(true));
    let mut steps = Vec::new();
    match good {
        None => steps.push(Step::CreateEndpoint),
        Some(good) if !good.missing_events().is_empty() || good.status != "enabled" => steps.push(Step::UpdateEndpoint),
        Some(_) => {}
    }
    if !gateway.portal_configurations().await?.iter().any(PortalConfiguration::is_usable) {
        steps.push(Step::CreatePortal);
    }
    let names: Vec<_> = steps.iter().map(|step| step.text()).collect();
    if steps.is_empty() {
        return Ok(Outcome::nothing("Stripe is set up", json!({"webhook_url": url, "steps": []})));
    }
    if write.dry_run {
        let text = format!("would {}", names.join("; "));
        return Ok(Outcome::done(text, json!({"dry_run": true, "webhook_url": url, "steps": names})));
    }
    confirm(target, write, &format!("At Stripe: {}", names.join("; ")))?;
    record(target, "stripe-setup", json!({"steps": names})).await?;
    for step in steps {
        match step {
            Step::CreateEndpoint => create_endpoint(target, &gateway, &url, &endpoints).await?,
            Step::UpdateEndpoint => {
                let id = good.map(|good| good.id.as_str()).unwrap_or_default();
                gateway.update_webhook_endpoint(id).await?;
            }
            Step::CreatePortal => {
                let app_url = target.settings("auth").await?.get("APP_URL").unwrap_or_default().to_owned();
                gateway.create_portal_configuration(&app_url).await?;
            }
        }
    }
    Ok(Outcome::done(format!("done: {}", names.join("; ")), json!({"webhook_url": url, "steps": names})))
}

async fn webhook_url(target: &Target) -> Result<String, Failure> {
    let outputs = target.outputs().await.map_err(|error| Failure::failed("stack", error))?;
    let url = outputs.get("StripeWebhookUrl").cloned();
    url.ok_or_else(|| Failure::failed("stack", "the stack has no output StripeWebhookUrl"))
}

pub async fn read_secret(target: &Target) -> Result<Secret<String>, Failure> {
    let read = target.secrets().get_secret_value().secret_id(target.name_of("stripe-webhook")).send().await;
    let read = read.map_err(|error| Failure::failed("secret", DisplayErrorContext(error)))?;
    Ok(Secret::new(read.secret_string.unwrap_or_default().trim().to_owned()))
}

/// Creates the endpoint, stores its secret, and deletes the endpoints before it. The endpoint is marked as complete
/// last: the next run replaces one that is not marked.
async fn create_endpoint(
    target: &Target,
    gateway: &Gateway,
    url: &str,
    before: &[WebhookEndpoint],
) -> Result<(), Failure> {
    let (created, secret) = gateway.create_webhook_endpoint(url).await?;
    let put = target.secrets().put_secret_value().secret_id(target.name_of("stripe-webhook"));
    let put = put.secret_string(secret.expose()).send().await;
    put.map_err(|error| Failure::partly("secret", DisplayErrorContext(error), AGAIN))?;
    let partly = |error| Failure { resume: Some(AGAIN.to_owned()), ..Failure::from(error) };
    gateway.name_webhook_secret(&created.id, &secret).await.map_err(partly)?;
    for endpoint in before {
        gateway.delete_webhook_endpoint(&endpoint.id).await.map_err(partly)?;
    }
    Ok(())
}
