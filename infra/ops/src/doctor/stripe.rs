//! The checks of the account at Stripe: the key, the webhook endpoint, the customer portal.

use super::examination::{Examination, Finding};
use tollgate_stripe::{Gateway, GatewayError, KEY_PERMISSIONS, PortalConfiguration, WebhookEndpoint};

const SETUP: &str = "run `tollgate-ops stripe-setup`";

fn not_set_up() -> Finding {
    Finding::skipped("Stripe is not set up")
}

fn no_answer(error: &GatewayError) -> Finding {
    Finding::fail(error.to_string(), "look at Stripe's status page, and put a valid key into the secret stripe")
}

/// The permissions that the key lacks.
///
/// # Errors
/// When Stripe does not accept the key, or does not answer.
pub async fn missing_permissions(gateway: &Gateway) -> Result<Vec<&'static str>, GatewayError> {
    let mut missing = Vec::new();
    for permission in KEY_PERMISSIONS {
        if !gateway.has_permission(permission).await? {
            missing.push(permission.name);
        }
    }
    Ok(missing)
}

pub async fn check_key(of: &Examination<'_>) -> Finding {
    let Some((gateway, _)) = &of.stripe else { return not_set_up() };
    match missing_permissions(gateway).await {
        Ok(missing) if missing.is_empty() => Finding::ok("the key has every permission"),
        Ok(missing) => Finding::fail(
            format!("the key lacks: {}", missing.join(", ")),
            "give the restricted key these permissions in Stripe's dashboard (docs/stripe.md)",
        ),
        Err(error) => no_answer(&error),
    }
}

/// The endpoints of this stack's webhook, the enabled ones first.
async fn endpoints(of: &Examination<'_>, gateway: &Gateway) -> Result<Vec<WebhookEndpoint>, GatewayError> {
    let url = of.outputs.get("StripeWebhookUrl").map(String::as_str).unwrap_or_default();
    let mut own: Vec<_> = gateway.webhook_endpoints().await?.into_iter().filter(|own| own.url == url).collect();
    own.sort_by_key(|endpoint| endpoint.status != "enabled");
    Ok(own)
}

pub async fn check_endpoint(of: &Examination<'_>) -> Finding {
    let Some((gateway, _)) = &of.stripe else { return not_set_up() };
    let own = match endpoints(of, gateway).await {
        Ok(own) => own,
        Err(error) => return no_answer(&error),
    };
    let Some(endpoint) = own.first() else {
        return Finding::fail("Stripe has no endpoint with the address of this stack", SETUP);
    };
    if endpoint.status != "enabled" {
        return Finding::fail(format!("{} is {}", endpoint.id, endpoint.status), SETUP);
    }
    if !endpoint.has_current_version() {
        let version = endpoint.api_version.as_deref().unwrap_or("the account's default version");
        let found = format!("{} sends events of {version}, expected {}", endpoint.id, tollgate_stripe::API_VERSION);
        return Finding::fail(found, SETUP);
    }
    let missing = endpoint.missing_events();
    match missing.is_empty() {
        true => Finding::ok(format!("{} sends every event", endpoint.id)),
        false => Finding::fail(format!("{} does not send: {}", endpoint.id, missing.join(", ")), SETUP),
    }
}

pub async fn check_secret(of: &Examination<'_>) -> Finding {
    let Some((gateway, secret)) = &of.stripe else { return not_set_up() };
    let own = match endpoints(of, gateway).await {
        Ok(own) => own,
        Err(error) => return no_answer(&error),
    };
    match own.first().map(|endpoint| (endpoint, endpoint.signs_with(secret))) {
        None => Finding::skipped("there is no endpoint"),
        Some((_, Some(true))) => Finding::ok("the secret is the endpoint's"),
        Some((endpoint, Some(false))) => Finding::fail(format!("{} signs with another secret", endpoint.id), SETUP),
        Some((endpoint, None)) => {
            let found = format!("{} was created elsewhere: Stripe shows its secret to its creator only", endpoint.id);
            Finding::warn(found, "if the webhook refuses events, run `tollgate-ops stripe-setup`, which replaces it")
        }
    }
}

pub async fn check_portal(of: &Examination<'_>) -> Finding {
    let Some((gateway, _)) = &of.stripe else { return not_set_up() };
    match gateway.portal_configurations().await {
        Ok(configurations) if configurations.iter().any(PortalConfiguration::is_usable) => {
            Finding::ok("the customer portal is configured")
        }
        Ok(_) => Finding::fail("the customer portal has no configuration", SETUP),
        Err(error) => no_answer(&error),
    }
}
