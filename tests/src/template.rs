//! `template.yaml` as CloudFormation deploys it: with billing or without.

use serde_yaml_ng::value::{Tag, TaggedValue};
use serde_yaml_ng::{Mapping, Value};
use std::path::Path;

/// The condition of what belongs to billing.
const WITH_BILLING: &str = "WithBilling";
/// Those of a resource that is deployed only with billing.
const OF_BILLING: [&str; 2] = [WITH_BILLING, "HasBillingCanary"];

/// The template of a deployment with billing, or of one without. Other conditions stand as they are written.
#[must_use]
pub fn template(has_billing: bool) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
    let written: Value = serde_yaml_ng::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    resolve(written, has_billing).unwrap()
}

/// `value` with the chosen side of each `!If` about billing; `None` for what is not deployed.
fn resolve(value: Value, has_billing: bool) -> Option<Value> {
    match value {
        Value::Tagged(tagged) => resolve_tagged(*tagged, has_billing),
        Value::Sequence(items) => {
            Some(Value::Sequence(items.into_iter().filter_map(|item| resolve(item, has_billing)).collect()))
        }
        Value::Mapping(fields) => {
            let condition = fields.get("Condition").and_then(Value::as_str);
            let is_of_billing = condition.is_some_and(|condition| OF_BILLING.contains(&condition));
            if is_of_billing && !has_billing {
                return None;
            }
            let fields = fields.into_iter().filter_map(|(name, field)| Some((name, resolve(field, has_billing)?)));
            Some(Value::Mapping(fields.collect::<Mapping>()))
        }
        plain => Some(plain),
    }
}

fn resolve_tagged(TaggedValue { tag, value }: TaggedValue, has_billing: bool) -> Option<Value> {
    let is_no_value = tag == "Ref" && value.as_str() == Some("AWS::NoValue");
    match value {
        Value::Sequence(mut sides) if tag == "If" && sides[0].as_str() == Some(WITH_BILLING) => {
            assert_eq!(sides.len(), 3, "an !If has two sides");
            resolve(sides.swap_remove(if has_billing { 1 } else { 2 }), has_billing)
        }
        Value::Sequence(parts) if tag == "Sub" => {
            let [text, variables] = <[Value; 2]>::try_from(parts).unwrap();
            let mut text = text.as_str().unwrap().to_owned();
            for (name, variable) in resolve(variables, has_billing)?.as_mapping().unwrap() {
                text = text.replace(&format!("${{{}}}", name.as_str().unwrap()), text_of(variable));
            }
            Some(tagged(tag, Value::String(text)))
        }
        _ if is_no_value => None,
        value => Some(tagged(tag, resolve(value, has_billing)?)),
    }
}

/// A text, plain or with variables of its own; of two texts the one of the condition that holds.
fn text_of(value: &Value) -> &str {
    match value {
        Value::Tagged(tagged) if tagged.tag == "If" => text_of(&tagged.value[1]),
        Value::Tagged(tagged) if tagged.tag == "Sub" => tagged.value.as_str().unwrap(),
        plain => plain.as_str().unwrap(),
    }
}

fn tagged(tag: Tag, value: Value) -> Value {
    Value::Tagged(Box::new(TaggedValue { tag, value }))
}
