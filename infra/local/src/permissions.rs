//! The permission that a call needs, in IAM's terms: an action and a resource. Tables, queues and secrets have the
//! names that they have on this machine, without a prefix.

use crate::documents::TABLE_PREFIX;
use crate::service::Service;
use crate::statements::{self, verb_and_table};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// One action on one resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission {
    /// The name in IAM: `dynamodb:Query`.
    pub action: String,
    /// `table/identity`, `table/identity/index/listed`, `queue/mail`, `secret/auth`, `bucket/reports`, `identity` or `configuration-set`.
    pub resource: String,
}

/// A use of a permission.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Access {
    /// The permission.
    pub permission: Permission,
    /// The attributes that a read names, if it reads only those.
    pub attributes: Option<BTreeSet<String>>,
}

/// The accesses of each function, by its name in the repository.
pub type Accesses = BTreeMap<&'static str, BTreeSet<Access>>;

/// Decides whether a function's role allows an access.
pub type Decide = dyn Fn(&str, &Access) -> bool + Send + Sync;

/// The accesses of one call. A call to a service other than AWS's needs no permission.
pub fn accesses(service: Service, operation: &str, body: &[u8]) -> Vec<Access> {
    match service {
        Service::Dynamodb => of_tables(operation, &serde_json::from_slice(body).unwrap_or_default()),
        Service::Sqs => {
            let request: Value = serde_json::from_slice(body).unwrap_or_default();
            let queue = request["QueueUrl"].as_str().and_then(|url| url.rsplit('/').next()).unwrap_or_default();
            // IAM has one action for one message and for several.
            let action = operation.strip_suffix("Batch").unwrap_or(operation);
            vec![access("sqs", action, format!("queue/{queue}"))]
        }
        Service::Secrets => {
            let request: Value = serde_json::from_slice(body).unwrap_or_default();
            let secret = request["SecretId"].as_str().unwrap_or_default();
            vec![access("secretsmanager", operation, format!("secret/{secret}"))]
        }
        Service::Ses => {
            let form: HashMap<String, String> = serde_urlencoded::from_bytes(body).unwrap_or_default();
            let set = form.get("ConfigurationSetName").map(|_| "configuration-set");
            ["identity"].into_iter().chain(set).map(|resource| access("ses", operation, resource.to_owned())).collect()
        }
        Service::S3 => vec![file_access(&format!("s3:{operation}"))],
        Service::Google | Service::Github | Service::Stripe | Service::Ai => Vec::new(),
    }
}

/// The access to a file of the bucket of reports.
pub fn file_access(action: &str) -> Access {
    let permission = Permission { action: action.to_owned(), resource: "bucket/reports".to_owned() };
    Access { permission, attributes: None }
}

fn access(service: &str, action: &str, resource: String) -> Access {
    Access { permission: Permission { action: format!("{service}:{action}"), resource }, attributes: None }
}

fn of_tables(operation: &str, request: &Value) -> Vec<Access> {
    let table = |name: &str| format!("table/{}", name.strip_prefix(TABLE_PREFIX).unwrap_or(name));
    match operation {
        "TransactWriteItems" => {
            let items = request["TransactItems"].as_array().into_iter().flatten().filter_map(Value::as_object);
            let of_item = |(action, item): (&String, &Value)| {
                let action = if action == "ConditionCheck" { "ConditionCheckItem" } else { &format!("{action}Item") };
                access("dynamodb", action, table(item["TableName"].as_str().unwrap_or_default()))
            };
            items.flatten().map(of_item).collect()
        }
        statements::OPERATION => {
            let of_statement = |statement: &Value| {
                let (verb, name) = verb_and_table(statement["Statement"].as_str().unwrap_or_default());
                let action = match verb {
                    "INSERT" => "PartiQLInsert",
                    "UPDATE" => "PartiQLUpdate",
                    "DELETE" => "PartiQLDelete",
                    _ => "PartiQLSelect",
                };
                access("dynamodb", action, table(name))
            };
            request["Statements"].as_array().into_iter().flatten().map(of_statement).collect()
        }
        "BatchGetItem" => {
            let tables = request["RequestItems"].as_object().into_iter().flatten();
            tables.map(|(name, _)| access("dynamodb", operation, table(name))).collect()
        }
        _ => {
            let mut resource = table(request["TableName"].as_str().unwrap_or_default());
            if let Some(index) = request["IndexName"].as_str() {
                resource = format!("{resource}/index/{index}");
            }
            vec![Access { attributes: attributes(request), ..access("dynamodb", operation, resource) }]
        }
    }
}

/// The attributes that a read names, if it reads only those: those of its projection and of its conditions.
fn attributes(request: &Value) -> Option<BTreeSet<String>> {
    (request["Select"] == "SPECIFIC_ATTRIBUTES").then(|| {
        let expressions = ["ProjectionExpression", "KeyConditionExpression", "FilterExpression"];
        let text = expressions.iter().filter_map(|name| request[*name].as_str()).collect::<Vec<_>>().join(" ");
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "_#:".contains(c)));
        let is_name = |word: &&str| !word.is_empty() && !word.starts_with(':') && !KEYWORDS.contains(word);
        let name = |word: &str| request["ExpressionAttributeNames"][word].as_str().unwrap_or(word).to_owned();
        words.filter(is_name).map(name).collect()
    })
}

/// The words of an expression that are not attribute names.
const KEYWORDS: [&str; 8] =
    ["AND", "OR", "NOT", "BETWEEN", "begins_with", "attribute_exists", "attribute_not_exists", "IN"];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn named(service: Service, operation: &str, body: &[u8]) -> Vec<String> {
        let name = |access: &Access| format!("{} {}", access.permission.action, access.permission.resource);
        accesses(service, operation, body).iter().map(name).collect()
    }

    fn of_table(operation: &str, request: &Value) -> Vec<String> {
        named(Service::Dynamodb, operation, request.to_string().as_bytes())
    }

    #[test]
    fn a_call_to_a_table_needs_its_action_on_the_table_or_the_index() {
        let request = json!({"TableName": "tollgate-gate", "Key": {}});
        assert_eq!(of_table("GetItem", &request), ["dynamodb:GetItem table/gate"]);
        let request = json!({"TableName": "tollgate-audit", "IndexName": "listed"});
        assert_eq!(of_table("Query", &request), ["dynamodb:Query table/audit/index/listed"]);
        let request = json!({"RequestItems": {"tollgate-gate": {}, "tollgate-identity": {}}});
        let both = ["dynamodb:BatchGetItem table/gate", "dynamodb:BatchGetItem table/identity"];
        assert_eq!(of_table("BatchGetItem", &request), both);
    }

    #[test]
    fn a_statement_needs_the_action_of_its_verb() {
        let statements = json!([
            {"Statement": r#"INSERT INTO "tollgate-audit" VALUE {'pk': ?}"#},
            {"Statement": r#"UPDATE "tollgate-gate" SET a = ? WHERE pk = ?"#},
        ]);
        let needed = ["dynamodb:PartiQLInsert table/audit", "dynamodb:PartiQLUpdate table/gate"];
        assert_eq!(of_table("BatchExecuteStatement", &json!({"Statements": statements})), needed);
    }

    #[test]
    fn a_transaction_needs_the_action_of_each_of_its_items() {
        let on = |table: &str| json!({"TableName": format!("tollgate-{table}")});
        let items = [
            json!({"Put": on("outbox")}),
            json!({"Update": on("gate")}),
            json!({"Delete": on("identity")}),
            json!({"ConditionCheck": on("gate")}),
        ];
        let needed = [
            "dynamodb:PutItem table/outbox",
            "dynamodb:UpdateItem table/gate",
            "dynamodb:DeleteItem table/identity",
            "dynamodb:ConditionCheckItem table/gate",
        ];
        assert_eq!(of_table("TransactWriteItems", &json!({"TransactItems": items})), needed);
    }

    #[test]
    fn a_read_of_single_attributes_names_them() {
        let request = json!({
            "TableName": "tollgate-sessions", "Select": "SPECIFIC_ATTRIBUTES", "ProjectionExpression": "pk, #s",
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)", "ExpressionAttributeNames": {"#s": "state"},
        });
        let [access] = accesses(Service::Dynamodb, "Query", request.to_string().as_bytes()).try_into().unwrap();
        assert_eq!(access.attributes, Some(["pk", "sk", "state"].map(str::to_owned).into()));
        let request = json!({"TableName": "tollgate-sessions", "ProjectionExpression": "pk"});
        let [access] = accesses(Service::Dynamodb, "Query", request.to_string().as_bytes()).try_into().unwrap();
        assert_eq!(access.attributes, None);
    }

    #[test]
    fn several_messages_need_the_action_of_one() {
        let request = json!({"QueueUrl": "http://127.0.0.1:1/000000000000/stripe.fifo"}).to_string();
        for operation in ["SendMessage", "SendMessageBatch"] {
            let needed = ["sqs:SendMessage queue/stripe.fifo"];
            assert_eq!(named(Service::Sqs, operation, request.as_bytes()), needed, "{operation}");
        }
    }

    #[test]
    fn a_mail_needs_the_identity_and_the_configuration_set_that_it_names() {
        assert_eq!(named(Service::Ses, "SendEmail", b"Action=SendEmail"), ["ses:SendEmail identity"]);
        let form = b"Action=SendEmail&ConfigurationSetName=tollgate";
        assert_eq!(
            named(Service::Ses, "SendEmail", form),
            ["ses:SendEmail identity", "ses:SendEmail configuration-set"]
        );
    }

    #[test]
    fn a_secret_needs_its_own_permission_and_an_identity_provider_needs_none() {
        let request = json!({"SecretId": "codes"}).to_string();
        let needed = ["secretsmanager:GetSecretValue secret/codes"];
        assert_eq!(named(Service::Secrets, "GetSecretValue", request.as_bytes()), needed);
        assert!(named(Service::Stripe, "GET /v1/prices", b"").is_empty());
    }
}
