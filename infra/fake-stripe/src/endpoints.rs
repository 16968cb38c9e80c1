//! Webhook endpoints. All events go to one address; they are signed with the secret of the newest enabled endpoint of
//! that address.

use crate::call::Answered;
use crate::core::Core;
use crate::error::ApiError;
use crate::params::Params;
use crate::stripe::Stripe;
use serde_json::{Map, Value, json};

const KIND: &str = "webhook_endpoint";

/// Creates an endpoint. Its secret is in this answer only.
pub fn make_endpoint(core: &mut Core, mut params: Params) -> Answered {
    let url = params.require("url")?;
    let (version, description) = (params.take("api_version"), params.take("description"));
    let (events, metadata) = (params.list("enabled_events"), params.map("metadata"));
    params.finish()?;
    if events.is_empty() {
        let missing = ApiError::invalid("Missing required param: enabled_events.");
        return Err(missing.code("parameter_missing", "enabled_events"));
    }
    let (id, secret) = (core.new_id("we"), core.new_id("whsec_local"));
    let mut endpoint = json!({
        "id": id, "object": KIND, "api_version": version, "application": null, "created": core.now(),
        "description": description, "enabled_events": events, "livemode": false, "metadata": metadata,
        "status": "enabled", "url": url,
    });
    core.insert(endpoint.clone(), json!({"secret": secret}));
    endpoint["secret"] = json!(secret);
    Ok(endpoint)
}

/// Changes an endpoint. Its API version cannot change.
pub fn change_endpoint(core: &mut Core, id: &str, mut params: Params) -> Answered {
    let mut metadata = core.find(KIND, id).ok_or_else(|| ApiError::missing(KIND, id))?["metadata"].clone();
    let (url, description) = (params.take("url"), params.take("description"));
    let (events, disabled, changed) = (params.list("enabled_events"), params.flag("disabled")?, params.map("metadata"));
    params.finish()?;
    for (name, value) in [("url", url), ("description", description)] {
        if let Some(value) = value {
            core.set(id, name, json!(value));
        }
    }
    if !events.is_empty() {
        core.set(id, "enabled_events", json!(events));
    }
    if let Some(disabled) = disabled {
        core.set(id, "status", json!(if disabled { "disabled" } else { "enabled" }));
    }
    for (name, value) in changed {
        metadata[name] = value;
    }
    core.set(id, "metadata", metadata);
    Ok(core.object(id))
}

/// Deletes an endpoint.
pub fn delete_endpoint(core: &mut Core, id: &str) -> Answered {
    core.find(KIND, id).ok_or_else(|| ApiError::missing(KIND, id))?;
    core.remove(id);
    Ok(json!({"id": id, "object": KIND, "deleted": true}))
}

impl Stripe {
    /// Creates an endpoint for the address of the events, unless there is one. It signs with the secret of the settings.
    /// The one that was created for an earlier address gets the new address.
    pub fn ensure_endpoint(&self, events: &[&str], metadata: Map<String, Value>) {
        self.with(|core| {
            let url = core.settings.webhook_url.clone();
            if !core.endpoints_of(&url).is_empty() {
                return;
            }
            // One that was created by a call of the API has a secret of its own.
            let own = core.ids_of(KIND, None, |record| record.side["secret"].is_null());
            if let Some(id) = own.first() {
                core.set(id, "url", json!(url));
                return;
            }
            let endpoint = json!({
                "id": core.new_id("we"), "object": KIND, "api_version": crate::settings::API_VERSION, "application": null,
                "created": core.now(), "description": null, "enabled_events": events, "livemode": false,
                "metadata": metadata, "status": "enabled", "url": url,
            });
            core.insert(endpoint, json!({}));
        });
    }
}

impl Core {
    fn endpoints_of(&self, url: &str) -> Vec<String> {
        self.ids_of(KIND, None, |record| record.object["url"] == url && record.object["status"] == "enabled")
    }

    /// The secret that signs events.
    pub fn signing_secret(&self) -> String {
        let newest = self.endpoints_of(&self.settings.webhook_url).pop();
        let own = newest.and_then(|id| self.side(&id)["secret"].as_str().map(str::to_owned));
        own.unwrap_or_else(|| self.settings.webhook_secret.clone())
    }
}
