//! Links that Stripe generates on each read: those of an invoice carry the current second.

use crate::core::Core;
use serde_json::{Value, json};

const LINKS: [&str; 2] = ["hosted_invoice_url", "invoice_pdf"];

impl Core {
    /// Gives each invoice in an answer the links of this read.
    pub fn with_links(&self, mut answer: Value) -> Value {
        sign(&mut answer, self.now());
        answer
    }
}

fn sign(value: &mut Value, now: i64) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| sign(value, now)),
        // An event keeps its object unchanged.
        Value::Object(fields) if fields.get("object").is_some_and(|kind| kind == "event") => {}
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(link) if LINKS.contains(&name.as_str()) => *value = json!(format!("{link}?s={now}")),
                    _ => sign(value, now),
                }
            }
        }
        _ => {}
    }
}
