//! `template.yaml` as CloudFormation deploys it: its loops expanded, with billing or without.

use serde_yaml_ng::value::{Tag, TaggedValue};
use serde_yaml_ng::{Mapping, Value};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

/// The condition of what belongs to billing.
const WITH_BILLING: &str = "WithBilling";
/// Those of a resource that is deployed only with billing.
const OF_BILLING: [&str; 2] = [WITH_BILLING, "HasBillingCanary"];
/// The beginning of the key of a loop.
const FOR_EACH: &str = "Fn::ForEach::";

/// The template of a deployment with billing, or of one without. Other conditions stand as they are written.
#[must_use]
pub fn template_of(has_billing: bool) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
    let written: Value = serde_yaml_ng::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let loops = Loops { mappings: &written["Mappings"], items: BTreeMap::new() };
    resolve(loops.expand(&written), has_billing).unwrap()
}

/// The template of a deployment with everything.
#[must_use]
pub fn template() -> Value {
    template_of(true)
}

/// A value as it is in the file, with its tags.
#[must_use]
pub fn written(value: &Value) -> String {
    serde_yaml_ng::to_string(value).unwrap().trim().to_owned()
}

/// The functions, by their ids in the template and their names in the repository.
pub static FUNCTIONS: LazyLock<Vec<(String, &str)>> = LazyLock::new(|| {
    tollgate_local::FUNCTIONS.iter().map(|function| (function_id(function.name), function.name)).collect()
});

/// The id of a function in the template: that of `stripe-events` is `StripeEvents`.
#[must_use]
pub fn function_id(name: &str) -> String {
    let upper = |word: &str| word[..1].to_uppercase() + &word[1..];
    name.split('-').map(upper).collect()
}

/// The transform `AWS::LanguageExtensions`, in the forms that the template uses: an identifier of a loop is replaced in keys,
/// by `!Ref` and in `!Sub`. CloudFormation leaves it in any other text, so that is refused here.
struct Loops<'t> {
    mappings: &'t Value,
    /// The item of each loop around a value, by the loop's identifier.
    items: BTreeMap<String, String>,
}

impl Loops<'_> {
    fn expand(&self, value: &Value) -> Value {
        match value {
            Value::Tagged(tagged) => self.expand_tagged(tagged),
            Value::Sequence(items) => Value::Sequence(items.iter().map(|item| self.expand(item)).collect()),
            Value::Mapping(fields) => Value::Mapping(self.expand_fields(fields)),
            Value::String(text) => {
                assert_eq!(self.substitute(text), *text, "only !Sub replaces the identifier of a loop");
                value.clone()
            }
            plain => plain.clone(),
        }
    }

    fn expand_fields(&self, fields: &Mapping) -> Mapping {
        let mut expanded = Mapping::new();
        for (key, value) in fields {
            let key = key.as_str().unwrap();
            let added = match key.starts_with(FOR_EACH) {
                true => self.repeat(key, value),
                false => Mapping::from_iter([(self.substitute(key).into(), self.expand(value))]),
            };
            for (key, value) in added {
                assert!(expanded.insert(key.clone(), value).is_none(), "{key:?} is there twice");
            }
        }
        expanded
    }

    /// The fields of a loop's fragment, for each item of its collection.
    fn repeat(&self, name: &str, arguments: &Value) -> Mapping {
        let Some([Value::String(identifier), Value::Sequence(collection), Value::Mapping(fragment)]) =
            arguments.as_sequence().map(Vec::as_slice)
        else {
            panic!("{name}: an identifier, a list and a mapping");
        };
        let each = collection.iter().map(|item| {
            let mut items = self.items.clone();
            items.insert(identifier.clone(), item.as_str().unwrap_or_else(|| panic!("{name}: {item:?}")).to_owned());
            Loops { mappings: self.mappings, items }.expand_fields(fragment)
        });
        let fields: Vec<_> = each.flatten().collect();
        let expanded = Mapping::from_iter(fields.iter().cloned());
        assert_eq!(expanded.len(), fields.len(), "{name}: each key contains ${{{identifier}}}");
        expanded
    }

    fn substitute(&self, text: &str) -> String {
        let replace = |text: String, (name, item): (&String, &String)| text.replace(&format!("${{{name}}}"), item);
        self.items.iter().fold(text.to_owned(), replace)
    }

    fn expand_tagged(&self, TaggedValue { tag, value }: &TaggedValue) -> Value {
        let expand_all = |parts: &[Value]| parts.iter().map(|part| self.expand(part)).collect::<Vec<_>>();
        match (tag.to_string().as_str(), value) {
            ("!Ref", Value::String(name)) if self.items.contains_key(name) => self.items[name].clone().into(),
            ("!Ref", Value::Mapping(name)) => {
                assert_eq!(name.len(), 1, "{name:?}");
                tagged(tag.clone(), self.substitute(name["Fn::Sub"].as_str().unwrap()).into())
            }
            ("!FindInMap", Value::Sequence(keys)) => {
                let find = |found: Value, key: &Value| found.get(key).unwrap_or_else(|| panic!("{keys:?}")).clone();
                expand_all(keys).iter().fold(self.mappings.clone(), find)
            }
            ("!GetAtt", Value::Sequence(parts)) => {
                let parts: Vec<_> = expand_all(parts).iter().map(|part| part.as_str().unwrap().to_owned()).collect();
                tagged(tag.clone(), parts.join(".").into())
            }
            ("!Sub", Value::String(text)) => substituted(self.substitute(text)),
            ("!Sub", Value::Sequence(parts)) if !self.items.is_empty() => {
                let [text, variables] = [&parts[0], &parts[1]];
                let mut text = self.substitute(text.as_str().unwrap());
                for (name, variable) in self.expand(variables).as_mapping().unwrap() {
                    let value = match variable {
                        Value::Tagged(tagged) if tagged.tag == "Ref" => {
                            format!("${{{}}}", tagged.value.as_str().unwrap())
                        }
                        plain => plain.as_str().unwrap().to_owned(),
                    };
                    text = text.replace(&format!("${{{}}}", name.as_str().unwrap()), &value);
                }
                substituted(text)
            }
            (_, value) => tagged(tag.clone(), self.expand(value)),
        }
    }
}

/// A text of `!Sub`: plain, where no variable is left.
fn substituted(text: String) -> Value {
    match text.contains("${") {
        true => tagged(Tag::new("Sub"), text.into()),
        false => text.into(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(text: &str) -> Value {
        let written: Value = serde_yaml_ng::from_str(text).unwrap();
        let loops = Loops { mappings: &written["Mappings"], items: BTreeMap::new() };
        loops.expand(&written)["Resources"].clone()
    }

    #[test]
    fn loops_become_the_resources_of_their_items() {
        let found = expand(
            r#"
Mappings:
  Functions: {Auth: {Name: auth}, Admin: {Name: admin}}
Resources:
  Fn::ForEach::Functions:
    - Function
    - [Auth, Admin]
    - ${Function}Log:
        Name: !Sub ["${Stage}-${Name}", {Name: !FindInMap [Functions, !Ref Function, Name]}]
      Fn::ForEach::Metrics:
        - Metric
        - [Errors]
        - ${Function}${Metric}Alarm:
            Text: !Sub "The ${Metric} of ${Function}"
            Of: [!Ref {Fn::Sub: "${Function}.Alias"}, !GetAtt [!Sub "${Function}", Arn], !Ref Stage]
            Id: !Sub ["${Id}:live", {Id: !Ref {Fn::Sub: "${Function}"}}]
"#,
        );
        let wanted: Value = serde_yaml_ng::from_str(
            r#"
AuthLog: {Name: !Sub "${Stage}-auth"}
AuthErrorsAlarm: {Text: The Errors of Auth, Of: [!Ref Auth.Alias, !GetAtt Auth.Arn, !Ref Stage], Id: !Sub "${Auth}:live"}
AdminLog: {Name: !Sub "${Stage}-admin"}
AdminErrorsAlarm: {Text: The Errors of Admin, Of: [!Ref Admin.Alias, !GetAtt Admin.Arn, !Ref Stage], Id: !Sub "${Admin}:live"}
"#,
        )
        .unwrap();
        assert_eq!(found, wanted);
    }

    #[test]
    fn forms_that_cloudformation_expands_otherwise_are_refused() {
        for fragment in [
            "{Same: {}}",
            "{\"${Name}Log\": {Text: \"${Name}\"}}",
            "{\"${Name}Log\": {Text: !FindInMap [Names, !Ref Name, Unknown]}}",
        ] {
            let text = format!(
                "Mappings: {{Names: {{A: {{Text: a}}}}}}\nResources:\n  Fn::ForEach::Names: [Name, [A, B], {fragment}]\n"
            );
            assert!(std::panic::catch_unwind(|| expand(&text)).is_err(), "{fragment}");
        }
        let no_list = "Mappings: {}\nResources:\n  Fn::ForEach::Names: [Name, !Ref Names, {\"${Name}Log\": {}}]\n";
        assert!(std::panic::catch_unwind(|| expand(no_list)).is_err());
    }
}
