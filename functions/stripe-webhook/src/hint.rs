//! The hint of an event, which decides its message group: the events of one customer are handled one after another.

use serde::Deserialize;
use serde_json::Value;

/// The longest name of a message group.
const MAX_GROUP: usize = 128;

/// The fields of an event that are used here.
pub struct Hint {
    /// Stripe's id.
    pub id: String,
    /// The type of the event.
    pub kind: String,
    /// The customer, or the object's own id.
    pub group: String,
}

#[derive(Deserialize)]
struct Event {
    id: String,
    object: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    data: Data,
}

#[derive(Default, Deserialize)]
struct Data {
    #[serde(default)]
    object: Option<Object>,
}

#[derive(Default, Deserialize)]
struct Object {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    customer: Value,
}

impl Hint {
    /// The hint of the event in `body`; `None` if it contains none.
    pub fn of(body: &[u8]) -> Option<Self> {
        let event: Event = serde_json::from_slice(body).ok()?;
        let fits =
            |text: &str| !text.is_empty() && text.len() <= MAX_GROUP && text.bytes().all(|b| b.is_ascii_graphic());
        let object = match (event.object.as_str(), event.data.object) {
            ("event", Some(object)) => object,
            // A thin event: it names the changed object and does not contain it.
            ("v2.core.event", _) => Object::default(),
            _ => return None,
        };
        if !fits(&event.id) {
            return None;
        }
        let Object { id, customer } = &object;
        let group = customer.as_str().or_else(|| customer["id"].as_str()).or_else(|| id.as_str());
        let group = group.filter(|group| fits(group)).unwrap_or(&event.id).to_owned();
        Some(Self { id: event.id, kind: event.kind, group })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(object: &str) -> Option<String> {
        let event = format!(r#"{{"id":"evt_1","object":"event","type":"a.b","data":{{"object":{object}}}}}"#);
        Hint::of(event.as_bytes()).map(|hint| hint.group)
    }

    #[test]
    fn events_of_one_customer_are_one_group() {
        for object in [
            r#"{"id":"sub_1","customer":"cus_1"}"#,
            r#"{"id":"in_1","customer":{"id":"cus_1","object":"customer"}}"#,
            r#"{"id":"cus_1","object":"customer"}"#,
        ] {
            assert_eq!(group(object).as_deref(), Some("cus_1"), "{object}");
        }
        assert_eq!(group(r#"{"id":"prod_1","customer":null}"#).as_deref(), Some("prod_1"));
        assert_eq!(group("{}").as_deref(), Some("evt_1"));
        assert_eq!(group(r#"{"id":"with space"}"#).as_deref(), Some("evt_1"));
    }

    // A15
    #[test]
    fn a_thin_event_is_an_event_of_its_own_group() {
        for rest in ["", r#","data":{"amount":1}"#, r#","data":{}"#, r#","related_object":{"id":"mtr_1"}"#] {
            let event =
                format!(r#"{{"id":"evt_1","object":"v2.core.event","type":"v1.billing.meter.no_meter_found"{rest}}}"#);
            let hint = Hint::of(event.as_bytes()).unwrap();
            assert_eq!((hint.group.as_str(), hint.kind.as_str()), ("evt_1", "v1.billing.meter.no_meter_found"));
        }
    }

    #[test]
    fn a_payload_that_is_not_an_event_has_no_hint() {
        let other = br#"{"id":"cus_1","object":"customer","type":"a","data":{"object":{}}}"#;
        let unnamed = br#"{"id":"","object":"event","type":"a","data":{"object":{}}}"#;
        let empty = br#"{"id":"evt_1","object":"event","type":"a"}"#;
        for body in [&b"{}"[..], b"", b"nonsense", b"[]", other, unnamed, empty] {
            assert!(Hint::of(body).is_none());
        }
    }
}
