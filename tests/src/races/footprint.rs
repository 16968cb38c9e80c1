//! The items that a call uses, Stripe being one of them: two calls that use no common item, or only read it, can be
//! exchanged without a visible difference.

use serde_json::Value;
use tollgate_local::service::Service;
use tollgate_local::statements::{OPERATION, verb_and_table};
use tollgate_local::steps::SteppedCall;
use tollgate_store::schema::TABLES;

/// The footprint of a call.
#[derive(Debug, Clone, Default)]
pub struct Footprint(Vec<Touch>);

#[derive(Debug, Clone)]
struct Touch {
    table: String,
    /// `None`: any item.
    partition: Option<String>,
    /// `None`: any item of the partition.
    sort: Option<String>,
    writes: bool,
}

impl Footprint {
    pub fn of(call: &SteppedCall) -> Self {
        if call.service == Service::Stripe {
            return Self::at_stripe(&call.operation);
        }
        let request = &call.request;
        match call.operation.as_str() {
            "GetItem" => Self(vec![touch(request, &request["Key"], false)]),
            "PutItem" => Self(vec![touch(request, &request["Item"], true)]),
            "UpdateItem" | "DeleteItem" => Self(vec![touch(request, &request["Key"], true)]),
            "TransactWriteItems" => {
                let items = request["TransactItems"].as_array().unwrap().iter();
                let part = |item: &Value| {
                    let (kind, part) = item.as_object().unwrap().iter().next().unwrap();
                    let key = if kind == "Put" { &part["Item"] } else { &part["Key"] };
                    touch(part, key, kind != "ConditionCheck")
                };
                Self(items.map(part).collect())
            }
            OPERATION => Self(request["Statements"].as_array().unwrap().iter().map(of_statement).collect()),
            "BatchGetItem" => {
                let tables = request["RequestItems"].as_object().unwrap().iter();
                let keys = tables.flat_map(|(table, request)| {
                    let keys = request["Keys"].as_array().unwrap().iter();
                    keys.map(move |key| touch_in(table, key, false))
                });
                Self(keys.collect())
            }
            // By index: any item of the table.
            _ => {
                let table = request["TableName"].as_str().unwrap().to_owned();
                Self(vec![Touch { table, partition: partition_of(request), sort: None, writes: false }])
            }
        }
    }

    /// By method and path. A read, and the creation of an independent object, use their own kind; any other write uses
    /// all kinds.
    fn at_stripe(operation: &str) -> Self {
        const STAND_FOR_THEMSELVES: [&str; 4] = ["checkout", "products", "prices", "customers"];
        let kind = operation.split('/').nth(2).unwrap_or_default();
        let writes = !operation.starts_with("GET ");
        let is_one_kind = !writes || STAND_FOR_THEMSELVES.contains(&kind);
        let partition = is_one_kind.then(|| kind.to_owned());
        Self(vec![Touch { table: "at Stripe".to_owned(), partition, sort: None, writes }])
    }

    /// A call of one of several places.
    #[cfg(test)]
    pub fn of_place(place: usize, writes: bool) -> Self {
        Self(vec![Touch { table: place.to_string(), partition: None, sort: None, writes }])
    }

    /// Whether the two calls can be exchanged.
    pub fn commutes_with(&self, other: &Self) -> bool {
        !self.0.iter().any(|one| other.0.iter().any(|two| one.conflicts_with(two)))
    }
}

/// The partition of a query of the table itself.
fn partition_of(query: &Value) -> Option<String> {
    let condition = query["KeyConditionExpression"].as_str().filter(|_| query.get("IndexName").is_none())?;
    let (_, after) = condition.split_once(" = ")?;
    let name = after.split(' ').next()?;
    Some(query["ExpressionAttributeValues"][name].to_string())
}

fn touch(request: &Value, key: &Value, writes: bool) -> Touch {
    touch_in(request["TableName"].as_str().unwrap(), key, writes)
}

fn touch_in(table: &str, key: &Value, writes: bool) -> Touch {
    let spec = TABLES.iter().find(|spec| table.ends_with(spec.name)).unwrap();
    Touch {
        table: table.to_owned(),
        partition: Some(key[spec.partition_key].to_string()),
        sort: spec.sort_key.map(|name| key[name].to_string()),
        writes,
    }
}

/// The item that a statement writes.
fn of_statement(statement: &Value) -> Touch {
    let text = statement["Statement"].as_str().unwrap();
    let (_, table) = verb_and_table(text);
    // The value of `name`: each parameter stands for the next `?`.
    let parameter = |name: &str| {
        let forms = [format!("'{name}': ?"), format!("WHERE {name} = ?")];
        let (before, _) = forms.iter().find_map(|form| text.split_once(form.as_str())).unwrap();
        statement["Parameters"][before.matches('?').count()].clone()
    };
    let spec = TABLES.iter().find(|spec| table.ends_with(spec.name)).unwrap();
    let names = [Some(spec.partition_key), spec.sort_key];
    let key = names.into_iter().flatten().map(|name| (name.to_owned(), parameter(name))).collect();
    touch_in(table, &Value::Object(key), true)
}

impl Touch {
    fn conflicts_with(&self, other: &Self) -> bool {
        let may_be_same = |one: &Option<String>, two: &Option<String>| one.is_none() || two.is_none() || one == two;
        (self.writes || other.writes)
            && self.table == other.table
            && may_be_same(&self.partition, &other.partition)
            && may_be_same(&self.sort, &other.sort)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn call(operation: &str, request: Value) -> Footprint {
        Footprint::of(&SteppedCall { service: Service::Dynamodb, operation: operation.to_owned(), request })
    }

    #[test]
    fn calls_can_be_exchanged_unless_one_writes_an_item_of_the_other() {
        let key = |pk: &str, sk: &str| json!({"pk": {"S": pk}, "sk": {"S": sk}});
        let get = |pk: &str| call("GetItem", json!({"TableName": "t-sessions", "Key": key(pk, "a")}));
        let put = |pk: &str, sk: &str| call("PutItem", json!({"TableName": "t-sessions", "Item": key(pk, sk)}));
        let query = call("Query", json!({"TableName": "t-sessions"}));
        let of_partition = json!({
            "TableName": "t-sessions", "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)",
            "ExpressionAttributeValues": {":pk": {"S": "p"}, ":prefix": {"S": "a"}},
        });
        let mut by_index = of_partition.clone();
        by_index["IndexName"] = json!("due");
        let (of_partition, by_index) = (call("Query", of_partition), call("Query", by_index));
        assert!(!of_partition.commutes_with(&put("p", "b")) && of_partition.commutes_with(&put("q", "b")));
        assert!(!by_index.commutes_with(&put("q", "b")));
        let gate = json!({"TableName": "t-gate", "Key": {"pk": {"S": "p"}}});
        let transaction = call(
            "TransactWriteItems",
            json!({"TransactItems": [
                {"ConditionCheck": gate}, {"Put": {"TableName": "t-sessions", "Item": key("p", "a")}},
            ]}),
        );
        assert!(get("p").commutes_with(&get("p")) && get("p").commutes_with(&query));
        assert!(put("p", "a").commutes_with(&put("q", "a")) && put("p", "a").commutes_with(&put("p", "b")));
        assert!(!put("p", "a").commutes_with(&get("p")) && !query.commutes_with(&put("p", "a")));
        assert!(!transaction.commutes_with(&get("p")) && transaction.commutes_with(&get("q")));
        assert!(transaction.commutes_with(&call("GetItem", gate.clone())));
        assert!(!transaction.commutes_with(&call("UpdateItem", gate.clone())));
        let statements = call(
            "BatchExecuteStatement",
            json!({"Statements": [
                {"Statement": "UPDATE \"t-gate\" SET a = ? WHERE pk = ? AND b = ?",
                    "Parameters": [{"S": "1"}, {"S": "p"}, {"S": "2"}]},
                {"Statement": "INSERT INTO \"t-sessions\" VALUE {'pk': ?, 'sk': ?}", "Parameters": [{"S": "p"}, {"S": "a"}]},
            ]}),
        );
        assert!(!statements.commutes_with(&get("p")) && statements.commutes_with(&get("q")));
        assert!(!statements.commutes_with(&call("GetItem", gate.clone())));
        let another_gate = json!({"TableName": "t-gate", "Key": {"pk": {"S": "q"}}});
        assert!(statements.commutes_with(&call("UpdateItem", another_gate)));
        let at_stripe = |operation: &str| {
            Footprint::of(&SteppedCall {
                service: Service::Stripe,
                operation: operation.to_owned(),
                request: Value::Null,
            })
        };
        let (look, change) = (at_stripe("GET /v1/subscriptions"), at_stripe("DELETE /v1/subscriptions/{id}"));
        assert!(look.commutes_with(&look) && !look.commutes_with(&change) && change.commutes_with(&transaction));
        let (sessions, opened) = (at_stripe("GET /v1/checkout/sessions/{id}"), at_stripe("POST /v1/checkout/sessions"));
        assert!(!sessions.commutes_with(&opened) && !sessions.commutes_with(&change) && look.commutes_with(&opened));
        assert!(!look.commutes_with(&at_stripe("POST in the dev console")));
    }
}
