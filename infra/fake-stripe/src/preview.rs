//! A preview of the invoice of a change, or else of the next one; it is not stored and has no event.

use crate::call::Answered;
use crate::core::Core;
use crate::error::ApiError;
use crate::invoices::balance_after;
use crate::params::Params;
use crate::status::{is_live, will_end};
use serde_json::{Value, json};

/// The call for it.
pub fn preview(core: &Core, mut params: Params) -> Answered {
    let (customer, id) = (params.take("customer"), params.require("subscription")?);
    let missing =
        || ApiError { status: 400, ..ApiError::missing("subscription", &id) }.code("resource_missing", "subscription");
    let mut subscription = core.find("subscription", &id).ok_or_else(missing)?.clone();
    if customer.is_some_and(|customer| subscription["customer"] != customer) {
        return Err(missing());
    }
    let change = core.change_in(&subscription, &mut params, "subscription_details")?;
    params.finish()?;
    if !is_live(&subscription["status"]) {
        return Err(none(&subscription));
    }
    let mut side = core.side(&id);
    let (mut lines, mut waiting) = (Vec::new(), Vec::new());
    if let Some(change) = &change {
        let changed = core.changed(&subscription, change);
        if changed.is_to_wait {
            waiting = changed.lines;
        } else {
            lines = changed.lines;
        }
        for (name, value) in changed.fields.as_object().into_iter().flatten() {
            subscription[name] = value.clone();
        }
    }
    if lines.is_empty() {
        if will_end(&subscription) {
            return Err(none(&subscription));
        }
        subscription = core.renewed(&subscription, &mut side);
        lines = core.period_lines(&subscription);
    }
    lines.extend(core.pending_lines(&id));
    lines.append(&mut waiting);
    let mut invoice = core.new_invoice(&core.new_id("upcoming_in"), &subscription, "upcoming", lines);
    invoice["ending_balance"] = json!(balance_after(&invoice));
    invoice["effective_at"] = Value::Null;
    invoice["hosted_invoice_url"] = Value::Null;
    invoice["invoice_pdf"] = Value::Null;
    if let Some(change) = change {
        invoice["parent"]["subscription_details"]["subscription_proration_date"] = json!(change.at);
    }
    Ok(invoice)
}

fn none(subscription: &Value) -> ApiError {
    let message = format!("No upcoming invoices for customer: {}", subscription["customer"]);
    ApiError { status: 404, ..ApiError::invalid(message) }.code("invoice_upcoming_none", "subscription")
}
