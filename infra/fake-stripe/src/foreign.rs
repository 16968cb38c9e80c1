//! Objects in the same account that belong to another application, in any shape.

use crate::control_error::ControlError;
use crate::core::Core;
use crate::objects::sublist;
use crate::stripe::Stripe;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// An object of another application.
#[derive(Debug, Clone, Deserialize)]
pub struct Foreign {
    /// The kind of object, by Stripe's name.
    pub kind: String,
    /// Fields with values other than the usual ones: any values, also `null`.
    #[serde(default)]
    pub fields: Map<String, Value>,
}

impl Stripe {
    /// Creates an object of another application, which is listed and has an event.
    ///
    /// # Errors
    /// When the fake does not have this kind.
    pub fn make_foreign(&self, foreign: Foreign) -> Result<Value, ControlError> {
        self.with(|core| {
            let (id, event) = core.usual(&foreign.kind)?;
            let mut object = core.object(&id);
            merge(&mut object, Value::Object(foreign.fields));
            // It is found under its id and listed under its kind.
            object["id"] = json!(id);
            object["object"] = json!(foreign.kind);
            core.insert(object.clone(), json!({"foreign": true}));
            core.emit(event, &object, None);
            Ok(object)
        })
    }
}

/// Replaces fields, also within objects.
fn merge(value: &mut Value, fields: Value) {
    match (value, fields) {
        (Value::Object(present), Value::Object(fields)) => {
            for (name, field) in fields {
                merge(present.entry(name).or_insert(Value::Null), field);
            }
        }
        (place, field) => *place = field,
    }
}

impl Core {
    /// A usual object of a kind, and its event. It has no other event.
    fn usual(&mut self, kind: &str) -> Result<(String, &'static str), ControlError> {
        Ok(match kind {
            "product" => (self.new_product(None, "Another product", Map::new()), "product.created"),
            "price" => (self.usual_price(), "price.created"),
            "customer" => (self.usual_customer(), "customer.created"),
            "subscription" => (self.usual_subscription(), "customer.subscription.created"),
            "invoice" => (self.usual_invoice(), "invoice.created"),
            "charge" => (self.usual_charge(), "charge.succeeded"),
            "refund" => {
                let charge = self.usual_charge();
                (self.new_refund(&self.object(&charge), 1000), "refund.created")
            }
            "dispute" => {
                let charge = self.usual_charge();
                (self.new_dispute(&charge), "charge.dispute.created")
            }
            _ => return Err(ControlError::Refused(format!("no object of the kind {kind} is made here"))),
        })
    }

    fn usual_price(&mut self) -> String {
        let product = self.new_product(None, "Another product", Map::new());
        self.new_price(&product, ("usd", 1000, ("month", 1)), Map::new())
    }

    fn usual_customer(&mut self) -> String {
        self.new_customer(Some("other@other.example".to_owned()), None, Map::new())
    }

    fn usual_subscription(&mut self) -> String {
        let price = self.usual_price();
        let (price, customer) = (self.object(&price), self.usual_customer());
        let (id, now) = (self.new_id("sub"), self.now());
        let mut subscription = self.new_subscription(&id, &customer, &json!("usd"), &json!({}));
        let item = self.new_item(&id, &price, 1, (now, now + 30 * 86_400));
        subscription["items"] = sublist(&format!("/v1/subscription_items?subscription={id}"), vec![item]);
        subscription["status"] = json!("active");
        self.insert(subscription, json!({"foreign": true}))
    }

    fn usual_invoice(&mut self) -> String {
        let subscription = self.usual_subscription();
        let (id, object) = (self.new_id("in"), self.object(&subscription));
        let lines = self.period_lines(&object);
        let invoice = self.new_invoice(&id, &object, "subscription_create", lines);
        self.insert(invoice, json!({"foreign": true}))
    }

    fn usual_charge(&mut self) -> String {
        let of = json!({"customer": self.usual_customer(), "currency": "usd"});
        let intent = self.new_id("pi");
        self.new_charge(&intent, &of, &json!(1000))
    }
}
