//! The customer portal: its configuration, and the call that opens a session.

use crate::call::Answered;
use crate::core::Core;
use crate::error::ApiError;
use crate::params::Params;
use crate::status::present_customer;
use crate::stripe::Stripe;
use serde_json::{Value, json};

/// The call that creates a session.
pub fn portal_session(core: &mut Core, mut params: Params) -> Answered {
    let customer = params.require("customer")?;
    let (return_url, locale) = (params.take("return_url"), params.take("locale"));
    let configuration = params.take("configuration");
    params.finish()?;
    present_customer(core, &customer)?;
    if let Some(id) = &configuration {
        core.find(CONFIGURATION, id).ok_or_else(|| ApiError { status: 400, ..ApiError::missing(CONFIGURATION, id) })?;
    } else if !core.is_portal_configured() {
        let message = "No configuration provided and your test mode default configuration has not been created. Provide \
                       a configuration or create your default by saving your customer portal settings in test mode at \
                       https://dashboard.stripe.com/test/settings/billing/portal.";
        return Err(ApiError::invalid(message));
    }
    let id = core.new_id("bps");
    let session = json!({
        "id": id, "object": "billing_portal.session", "configuration": configuration.as_deref().unwrap_or(DEFAULT), "created": core.now(),
        "customer": customer, "customer_account": null, "flow": null, "livemode": false, "locale": locale,
        "on_behalf_of": null, "return_url": return_url, "url": format!("{}/portal/{id}", core.settings.base_url),
    });
    core.insert(session.clone(), Value::Null);
    core.emit("billing_portal.session.created", &session, None);
    Ok(session)
}

const CONFIGURATION: &str = "billing_portal.configuration";
/// The configuration that the dashboard saves.
const DEFAULT: &str = "bpc_default";

fn configuration(id: &str, created: i64, is_default: bool, more: &Value) -> Value {
    json!({
        "id": id, "object": CONFIGURATION, "active": true, "application": null, "business_profile": {"headline": null, "privacy_policy_url": null, "terms_of_service_url": null},
        "created": created, "default_return_url": more["default_return_url"], "features": features(&more["features"]),
        "is_default": is_default, "livemode": false, "login_page": {"enabled": false, "url": null},
        "metadata": more["metadata"], "name": null, "updated": created,
    })
}

/// The features of a configuration, from parameters such as `invoice_history][enabled`.
fn features(sent: &Value) -> Value {
    let is_on = |name: &str| sent[format!("{name}][enabled")] == "true";
    json!({
        "customer_update": {"allowed_updates": [], "enabled": is_on("customer_update")},
        "invoice_history": {"enabled": is_on("invoice_history")},
        "payment_method_update": {"enabled": is_on("payment_method_update"), "payment_method_configuration": null},
        "subscription_cancel": {
            "cancellation_reason": {"enabled": false, "feedback_options": null, "options": []}, "enabled": is_on("subscription_cancel"),
            "mode": "at_period_end", "proration_behavior": "none",
        },
        "subscription_update": {
            "billing_cycle_anchor": null, "default_allowed_updates": [], "enabled": is_on("subscription_update"),
            "products": null, "proration_behavior": "none",
            "schedule_at_period_end": {"conditions": []}, "trial_update_behavior": "continue_trial",
        },
    })
}

/// The call that creates a configuration.
pub fn make_configuration(core: &mut Core, mut params: Params) -> Answered {
    let more = json!({
        "default_return_url": params.take("default_return_url"), "features": params.map("features"),
        "metadata": params.map("metadata"),
    });
    params.finish()?;
    let (id, now) = (core.new_id("bpc"), core.now());
    core.insert(configuration(&id, now, false, &more), Value::Null);
    Ok(core.object(&id))
}

/// The call that lists the configurations, the newest first.
pub fn list_configurations(core: &mut Core, mut params: Params) -> Answered {
    params.number("limit")?;
    params.finish()?;
    let mut data: Vec<_> = core.all(CONFIGURATION).into_iter().map(|record| record.object.clone()).collect();
    if core.is_portal_configured() {
        data.push(configuration(DEFAULT, 0, true, &json!({"features": {}, "metadata": {}})));
    }
    Ok(json!({"object": "list", "url": "/v1/billing_portal/configurations", "has_more": false, "data": data}))
}

const SETTINGS: &str = "settings_portal";

impl Stripe {
    /// Whether the portal's settings were saved in the dashboard: without them no session is created. The default is
    /// true.
    pub fn set_portal_configured(&self, is_configured: bool) {
        self.with(|core| {
            core.insert(json!({"id": SETTINGS, "object": "settings"}), json!({"configured": is_configured}));
        });
    }
}

impl Core {
    fn is_portal_configured(&self) -> bool {
        self.side(SETTINGS)["configured"] != false
    }
}
