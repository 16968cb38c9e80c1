//! The roles of the functions: the permissions that `template.yaml` grants, and those that are used (S31). Every stack
//! of a test enforces the template's roles, as IAM does.

use serde_yaml_ng::Value;
use serde_yaml_ng::value::TaggedValue;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};
use tollgate_local::permissions::{Access, Decide, Permission};
use tollgate_local::{DeployedFunction, FUNCTIONS, Source};

/// An action on a resource that a role allows, possibly only for some attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub permission: Permission,
    /// The attributes that a read may name, if it is restricted to some.
    pub attributes: Option<BTreeSet<String>>,
}

/// The permissions of each function's role, by the function's name in the repository.
pub type Grants = BTreeMap<String, Vec<Grant>>;

/// The permissions that each function uses, by its name in the repository.
pub type Used = BTreeMap<String, BTreeSet<Access>>;

/// The roles in the template.
pub static GRANTS: LazyLock<Grants> = LazyLock::new(|| grants(&crate::template::template()));

/// Decides by the roles of the template.
pub fn as_in_the_template() -> Arc<Decide> {
    Arc::new(|function, access| {
        GRANTS.get(function).is_some_and(|grants| grants.iter().any(|grant| grant.allows(access)))
    })
}

/// The same with one role that lacks a permission.
pub fn without(function: &'static str, missing: &Permission) -> Arc<Decide> {
    let (as_granted, missing) = (as_in_the_template(), missing.clone());
    Arc::new(move |caller, access| as_granted(caller, access) && !(caller == function && access.permission == missing))
}

impl Grant {
    fn allows(&self, access: &Access) -> bool {
        let names_others = self
            .attributes
            .as_ref()
            .is_some_and(|granted| access.attributes.as_ref().is_none_or(|named| !named.is_subset(granted)));
        self.permission == access.permission && !names_others
    }
}

/// The roles in a template.
pub fn grants(template: &Value) -> Grants {
    let resources = template["Resources"].as_mapping().unwrap();
    let functions =
        resources.iter().filter(|(_, resource)| resource["Type"].as_str() == Some("AWS::Serverless::Function"));
    let role_of = |(_, function): (&Value, &Value)| {
        let properties = &function["Properties"];
        let name = own_name(text(&properties["FunctionName"]));
        let role = text(&properties["Role"]).strip_suffix(".Arn").unwrap();
        let policies = resources[role]["Properties"]["Policies"].as_sequence().unwrap().iter();
        let statements = policies.flat_map(|policy| policy["PolicyDocument"]["Statement"].as_sequence().unwrap());
        (name, statements.flat_map(|statement| grants_of(statement, template)).collect())
    };
    functions.map(role_of).collect()
}

fn grants_of(statement: &Value, template: &Value) -> Vec<Grant> {
    assert_eq!(statement["Effect"].as_str(), Some("Allow"), "{statement:?}");
    let resource = resource(text(&statement["Resource"]), template);
    let attributes = statement.get("Condition").map(|condition| {
        assert_eq!(condition["StringEquals"]["dynamodb:Select"].as_str(), Some("SPECIFIC_ATTRIBUTES"));
        let attributes = condition["ForAllValues:StringEquals"]["dynamodb:Attributes"].as_sequence().unwrap();
        attributes.iter().map(|name| text(name).to_owned()).collect()
    });
    let actions = statement["Action"].as_sequence().unwrap().iter();
    let grant = |action| Grant {
        permission: Permission { action: text(action).to_owned(), resource: resource.clone() },
        attributes: attributes.clone(),
    };
    actions.map(grant).collect()
}

/// A string, plain or with one of CloudFormation's tags.
fn text(value: &Value) -> &str {
    match value {
        Value::Tagged(tagged) => {
            let TaggedValue { tag, value } = &**tagged;
            assert!(tag == "Sub" || tag == "GetAtt" || tag == "Ref", "{tag}");
            value.as_str().unwrap()
        }
        plain => plain.as_str().unwrap(),
    }
}

/// The NAME in `tollgate-${Stage}-NAME`.
fn own_name(name: &str) -> String {
    name.strip_prefix("/aws/lambda/").unwrap_or(name).strip_prefix("tollgate-${Stage}-").unwrap().to_owned()
}

/// A resource of a statement, in the form of [`Permission`].
fn resource(name: &str, template: &Value) -> String {
    if let Some((_, identity)) = name.split_once(":${AWS::AccountId}:") {
        return identity.split('/').next().unwrap().to_owned();
    }
    // `Table.Arn`, or `${Table.Arn}/index/name`.
    let (reference, rest) = match name.strip_prefix("${") {
        Some(name) => name.split_once('}').unwrap(),
        None => (name, ""),
    };
    let (logical_id, attribute) = reference.split_once('.').unwrap();
    let found = &template["Resources"][logical_id];
    let properties = &found["Properties"];
    let (kind, name) = match found["Type"].as_str().unwrap() {
        "AWS::DynamoDB::Table" => ("table", &properties["TableName"]),
        "AWS::SQS::Queue" => ("queue", &properties["QueueName"]),
        "AWS::SecretsManager::Secret" => ("secret", &properties["Name"]),
        "AWS::S3::Bucket" => {
            let name = text(&properties["BucketName"]).strip_suffix("-${AWS::AccountId}-${AWS::Region}").unwrap();
            assert_eq!(rest, "/*");
            return format!("bucket/{}", own_name(name));
        }
        "AWS::Logs::LogGroup" => ("log", &properties["LogGroupName"]),
        other => panic!("{logical_id}: {other}"),
    };
    let stream = if attribute == "StreamArn" { "/stream" } else { "" };
    format!("{kind}/{}{stream}{rest}", own_name(text(name)))
}

/// The uses of a function's role by Lambda itself, by AWS's documentation: it writes the log, polls the event source of
/// the function, and sends failed events to its destination.
pub fn used_by_lambda() -> Used {
    let queue = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];
    let stream = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"];
    let mut used = Used::new();
    let mut add = |function: &str, actions: &[&str], resource: &str| {
        let access = |action: &&str| Access {
            permission: Permission { action: (*action).to_owned(), resource: resource.to_owned() },
            attributes: None,
        };
        used.entry(function.to_owned()).or_default().extend(actions.iter().map(access));
    };
    for DeployedFunction { name, source, .. } in FUNCTIONS {
        add(name, &["logs:CreateLogStream", "logs:PutLogEvents"], &format!("log/{name}"));
        match source {
            Source::Queue(from) => add(name, &queue, &format!("queue/{from}")),
            Source::Outbox => {
                add(name, &stream, "table/outbox/stream");
                add(name, &["dynamodb:ListStreams"], "table/outbox/stream/*");
                add(name, &["sqs:SendMessage"], &format!("queue/{name}-failures"));
            }
            Source::Gateway(_) | Source::OtherPaths(_) | Source::OwnApi | Source::Schedules => {}
        }
    }
    used
}

/// The missing and the unused permissions of a role. One line each.
pub fn differences(grants: &Grants, used: &Used) -> Vec<String> {
    let (no_grants, no_use) = (Vec::new(), BTreeSet::new());
    let mut lines = Vec::new();
    for function in grants.keys().chain(used.keys()).collect::<BTreeSet<_>>() {
        let (granted, used) = (grants.get(function).unwrap_or(&no_grants), used.get(function).unwrap_or(&no_use));
        let mut line = |what: &str, Permission { action, resource }: &Permission, names: &str| {
            lines.push(format!("{function}: {what}: {action} on {resource}{names}"));
        };
        for access in used.iter().filter(|access| !granted.iter().any(|grant| grant.allows(access))) {
            line("missing", &access.permission, &names(access.attributes.as_ref()));
        }
        for grant in granted {
            let backing: Vec<_> = used.iter().filter(|access| grant.allows(access)).collect();
            if backing.is_empty() {
                line("not used", &grant.permission, &names(grant.attributes.as_ref()));
            }
            let named: BTreeSet<_> = backing.iter().filter_map(|access| access.attributes.clone()).flatten().collect();
            for name in grant.attributes.iter().flatten().filter(|name| !named.contains(*name)) {
                line("not used", &grant.permission, &format!(", attribute {name}"));
            }
            if granted.iter().filter(|other| other.permission == grant.permission).count() > 1 {
                line("granted twice", &grant.permission, "");
            }
        }
    }
    lines
}

fn names(attributes: Option<&BTreeSet<String>>) -> String {
    attributes.map(|names| format!(", attributes {names:?}")).unwrap_or_default()
}
