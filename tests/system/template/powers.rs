//! What each function may do, as it is declared beside its code: its tables in `shared/store/src/roles.rs`, its actions, secrets and
//! queues in its `Cargo.toml`. The roles in the template allow exactly that: a role that gets a permission needs its declaration.

use crate::documents::functions::declared;
use std::collections::BTreeSet;
use tollgate_local::FUNCTIONS;
use tollgate_store::roles::TABLE_ACCESS;
use tollgate_store::schema::TABLES;
use tollgate_tests::guards::assert_same_names;
use tollgate_tests::roles::GRANTS;

const READS: [&str; 4] = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:Scan"];
const WRITES: [&str; 5] = [
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "dynamodb:DeleteItem",
    "dynamodb:PartiQLInsert",
    "dynamodb:PartiQLUpdate",
];

/// The names of a kind of resource on which the role of a function allows one of these actions.
fn allowed(function: &str, actions: &[&str], kind: &str) -> BTreeSet<String> {
    let grants = GRANTS[function].iter().map(|grant| &grant.permission);
    let of_kind = grants.filter(|permission| actions.contains(&permission.action.as_str()));
    of_kind.filter_map(|permission| own_name(&permission.resource, kind)).collect()
}

/// NAME in `KIND/NAME` or in `KIND/NAME/index/INDEX`. A table's stream is another resource.
fn own_name(resource: &str, kind: &str) -> Option<String> {
    let (found, path) = resource.split_once('/')?;
    let (name, rest) = path.split_once('/').unwrap_or((path, ""));
    (found == kind && (rest.is_empty() || rest.starts_with("index/"))).then(|| name.to_owned())
}

// S31
#[test]
fn each_role_reads_and_writes_exactly_the_declared_tables() {
    let edit = "the role in template.yaml, or TABLE_ACCESS in shared/store/src/roles.rs";
    let functions: BTreeSet<_> = FUNCTIONS.iter().map(|function| function.name).collect();
    let unknown: Vec<_> = TABLE_ACCESS.iter().filter(|access| !functions.contains(access.function)).collect();
    assert!(unknown.is_empty(), "{unknown:?} is no function. Edit {edit}.");
    for function in functions {
        let rows: Vec<_> = TABLE_ACCESS.iter().filter(|access| access.function == function).collect();
        assert!(rows.len() <= 1, "{function} is there twice. Edit {edit}.");
        for (what, actions, wanted) in [
            ("reads", &READS[..], rows.iter().flat_map(|access| access.reads).collect::<Vec<_>>()),
            ("writes", &WRITES, rows.iter().flat_map(|access| access.writes).collect()),
        ] {
            let found = allowed(function, actions, "table");
            let wanted = wanted.into_iter().map(|table| (*table).to_owned());
            assert_same_names(&format!("the tables that {function} {what}"), found, wanted, edit);
        }
    }
    let used = TABLE_ACCESS.iter().flat_map(|access| access.reads.iter().chain(access.writes)).copied();
    assert_same_names("the tables that functions use", used, TABLES.iter().map(|table| table.name), edit);
}

// S31
#[test]
fn each_role_allows_exactly_the_declared_actions_secrets_and_queues() {
    for function in FUNCTIONS.iter().map(|function| function.name) {
        let edit =
            format!("the role in template.yaml, or package.metadata.tollgate in functions/{function}/Cargo.toml");
        let actions = GRANTS[function].iter().map(|grant| grant.permission.action.clone());
        let actions: BTreeSet<_> = actions.filter(|action| !action.starts_with("logs:")).collect();
        let secrets = allowed(function, &["secretsmanager:GetSecretValue"], "secret");
        let queues = allowed(function, &["sqs:SendMessage"], "queue");
        for (key, found) in [("actions", actions), ("secrets", secrets), ("sends-to", queues)] {
            assert_same_names(&format!("the {key} of {function}"), found, declared(function, key), &edit);
        }
    }
}
