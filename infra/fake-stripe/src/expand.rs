//! `expand[]`: replaces ids in an answer by the objects that they name.

use crate::core::Core;
use crate::error::ApiError;
use serde_json::{Value, json};

/// Stripe's largest depth of an expansion.
const MAX_DEPTH: usize = 4;

impl Core {
    /// Returns `answer` with each of `paths` expanded.
    pub fn expanded(&self, mut answer: Value, paths: &[String]) -> Result<Value, ApiError> {
        for path in paths {
            let steps: Vec<&str> = path.split('.').collect();
            if steps.len() > MAX_DEPTH {
                return Err(ApiError::invalid("You cannot expand more than 4 levels of a property."));
            }
            self.expand(&mut answer, &steps, path)?;
        }
        Ok(answer)
    }

    fn is_foreign(&self, value: &Value) -> bool {
        self.side(value["id"].as_str().unwrap_or_default())["foreign"] == true
    }

    fn expand(&self, value: &mut Value, steps: &[&str], path: &str) -> Result<(), ApiError> {
        if let Value::Array(items) = value {
            return items.iter_mut().try_for_each(|item| match self.expand(item, steps, path) {
                // Its field may hold any value: Stripe decides by the kind of object, not by its content.
                Err(_) if self.is_foreign(item) => Ok(()),
                expanded => expanded,
            });
        }
        let Some((step, rest)) = steps.split_first() else { return Ok(()) };
        if *step == "payments" && value["object"] == "invoice" && value.get("payments").is_none() {
            let invoice = value["id"].as_str().unwrap_or_default();
            let of_it = self.of("invoice_payment", invoice).into_iter();
            let data = of_it.map(|record| record.object.clone()).collect();
            value["payments"] = crate::objects::sublist("/v1/invoice_payments", data);
        }
        let unknown = || ApiError::invalid(format!("This property cannot be expanded ({path})."));
        let inner = value.as_object_mut().and_then(|object| object.get_mut(*step)).ok_or_else(unknown)?;
        if let Some(id) = inner.as_str() {
            *inner = self.record(id).map(|record| record.object.clone()).ok_or_else(unknown)?;
        } else if let Value::Array(entries) = inner {
            for entry in entries {
                if let Some(id) = entry.as_str() {
                    *entry = self.record(id).map(|record| record.object.clone()).ok_or_else(unknown)?;
                }
            }
        } else if inner.is_null() {
            return Ok(());
        }
        if rest.is_empty() && !inner.is_object() && !inner.is_array() {
            return Err(unknown());
        }
        if inner["object"] == json!("list") && rest.first() == Some(&"data") {
            return self.expand(&mut inner["data"], &rest[1..], path);
        }
        self.expand(inner, rest, path)
    }
}
