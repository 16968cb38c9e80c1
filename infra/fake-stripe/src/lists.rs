//! Reads: one object by its id, and lists with their pages and filters.

use crate::call::{Answered, Call};
use crate::core::Core;
use crate::error::ApiError;
use crate::index::NAMES;
use crate::items::items_of;
use crate::params::Params;
use crate::record::Record;
use crate::status::is_live;
use http::Method;
use serde_json::json;

/// The objects that are read by id: their path, and their kind.
const READ: &[(&str, &str)] = &[
    ("products", "product"),
    ("prices", "price"),
    ("customers", "customer"),
    ("coupons", "coupon"),
    ("tax_rates", "tax_rate"),
    ("checkout/sessions", "checkout.session"),
    ("subscriptions", "subscription"),
    ("subscription_schedules", "subscription_schedule"),
    ("invoices", "invoice"),
    ("invoice_payments", "invoice_payment"),
    ("payment_intents", "payment_intent"),
    ("payment_methods", "payment_method"),
    ("charges", "charge"),
    ("refunds", "refund"),
    ("disputes", "dispute"),
    ("credit_notes", "credit_note"),
    ("events", "event"),
    ("webhook_endpoints", "webhook_endpoint"),
];

pub fn one(core: &Core, path: &[&str]) -> Answered {
    let (id, folder) = path.split_last().ok_or_else(|| ApiError::missing("resource", ""))?;
    let folder = folder.join("/");
    let (_, kind) = READ.iter().find(|(read, _)| *read == folder).ok_or_else(|| ApiError {
        status: 404,
        ..ApiError::invalid(format!("Unrecognized request URL (GET: /v1/{})", path.join("/")))
    })?;
    core.find(kind, id).cloned().ok_or_else(|| ApiError::missing(kind, id))
}

/// A list, if the call is one for a list.
pub fn lists(core: &Core, call: &Call<'_>) -> Option<Answered> {
    let folder = call.path.join("/");
    let (folder, kind) = READ.iter().find(|(read, _)| *read == folder)?;
    (call.method == Method::GET).then(|| list(core, folder, kind, call.params.clone()))
}

fn list(core: &Core, folder: &str, kind: &str, mut params: Params) -> Answered {
    let limit = usize::try_from(params.number("limit")?.unwrap_or(10)).unwrap_or_default();
    if !(1..=100).contains(&limit) {
        return Err(
            ApiError::invalid("This list takes a limit from 1 to 100.").code("parameter_invalid_integer", "limit")
        );
    }
    let (after, before) = (params.take("starting_after"), params.take("ending_before"));
    let mut by_name = fields_of(kind).iter().filter(|(_, field)| NAMES.contains(field));
    let mut found = match by_name.find_map(|(name, _)| params.get(name)) {
        Some(name) => core.of(kind, name),
        None => core.all(kind),
    };
    // A deleted customer is not listed.
    found.retain(|record| record.object["deleted"] != true);
    filter(kind, &mut found, &mut params)?;
    params.finish()?;
    let place = |id: &str| {
        let at = found.iter().position(|record| record.id == id);
        at.ok_or_else(|| ApiError { status: 400, ..ApiError::missing(kind, id) })
    };
    let (start, end) = match (&after, &before) {
        (Some(id), _) => {
            let start = place(id)? + 1;
            (start, (start + limit).min(found.len()))
        }
        (None, Some(id)) => {
            let end = place(id)?;
            (end.saturating_sub(limit), end)
        }
        (None, None) => (0, limit.min(found.len())),
    };
    let has_more = if before.is_some() { start > 0 } else { end < found.len() };
    let data: Vec<_> = found[start..end].iter().map(|record| record.object.clone()).collect();
    Ok(json!({"object": "list", "url": format!("/v1/{folder}"), "has_more": has_more, "data": data}))
}

/// Keeps the objects that pass the filters of the call.
fn filter(kind: &str, found: &mut Vec<&Record>, params: &mut Params) -> Result<(), ApiError> {
    for (name, compare) in [
        ("created[gte]", (|at, bound| at >= bound) as fn(i64, i64) -> bool),
        ("created[gt]", |at, bound| at > bound),
        ("created[lte]", |at, bound| at <= bound),
        ("created[lt]", |at, bound| at < bound),
    ] {
        if let Some(bound) = params.number(name)? {
            found.retain(|record| record.object["created"].as_i64().is_some_and(|at| compare(at, bound)));
        }
    }
    if let Some(moment) = params.number("created")? {
        found.retain(|record| record.object["created"] == moment);
    }
    for (name, field) in fields_of(kind) {
        if let Some(requested) = params.take(name) {
            found.retain(|record| record.object.pointer(field) == Some(&json!(requested)));
        }
    }
    if kind == "subscription" {
        if let Some(price) = params.take("price") {
            found.retain(|record| items_of(&record.object).iter().any(|item| item["price"]["id"] == *price));
        }
        let status = params.take("status");
        found.retain(|record| match status.as_deref() {
            Some("all") => true,
            Some("ended") => !is_live(&record.object["status"]),
            Some(requested) => record.object["status"] == requested,
            None => record.object["status"] != "canceled",
        });
    }
    if matches!(kind, "product" | "price")
        && let Some(requested) = params.flag("active")?
    {
        found.retain(|record| record.object["active"] == requested);
    }
    Ok(())
}

/// The filters of a list: each parameter with the field that it must equal.
fn fields_of(kind: &str) -> &'static [(&'static str, &'static str)] {
    match kind {
        "price" => &[("product", "/product"), ("currency", "/currency"), ("type", "/type")],
        "customer" => &[("email", "/email")],
        "checkout.session" => &[("customer", "/customer"), ("status", "/status"), ("subscription", "/subscription")],
        "subscription" => &[("customer", "/customer")],
        "invoice" => &[
            ("customer", "/customer"),
            ("subscription", "/parent/subscription_details/subscription"),
            ("status", "/status"),
        ],
        "invoice_payment" => &[
            ("invoice", "/invoice"),
            ("payment[payment_intent]", "/payment/payment_intent"),
            ("payment[type]", "/payment/type"),
            ("status", "/status"),
        ],
        "payment_intent" | "subscription_schedule" | "payment_method" => &[("customer", "/customer")],
        "charge" => &[("customer", "/customer"), ("payment_intent", "/payment_intent")],
        "refund" | "dispute" => &[("charge", "/charge"), ("payment_intent", "/payment_intent")],
        "credit_note" => &[("customer", "/customer"), ("invoice", "/invoice")],
        "event" => &[("type", "/type")],
        _ => &[],
    }
}
