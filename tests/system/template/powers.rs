//! The invariants of ARCHITECTURE.md over all roles: which functions may read and write each table, read each secret, send to
//! each queue, and send mail. A role that gets such a permission must be named here.

use std::collections::BTreeSet;
use tollgate_store::schema::TABLES;
use tollgate_tests::guards::assert_same_names;
use tollgate_tests::roles::GRANTS;

/// The functions that may read each table, and those that may write it. A condition on an item is neither.
const TABLE_ROLES: [(&str, &str, &str); 9] = [
    ("identity", "admin auth billing reports stripe-events sweeper", "admin auth sweeper"),
    ("credentials", "auth", "admin auth sweeper"),
    (
        "gate",
        "admin auth authorizer billing example reports stripe-events sweeper",
        "admin auth billing stripe-events sweeper",
    ),
    ("sessions", "admin auth sweeper", "auth sweeper"),
    ("limits", "auth", "admin auth billing example"),
    ("outbox", "stripe-events sweeper", "admin auth billing mailer reports stripe-events sweeper"),
    ("audit", "admin auth reports sweeper", "admin auth billing stripe-events sweeper"),
    ("billing", "admin auth billing reports stripe-events sweeper", "billing stripe-events sweeper"),
    ("system", "admin sweeper", "admin reports sweeper"),
];
const READS: [&str; 4] = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:Scan"];
const WRITES: [&str; 3] = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"];

/// The functions that may do an action with what has this name, or with anything where it is empty.
const OTHER_ROLES: [(&str, &str, &str); 22] = [
    ("dynamodb:GetItem", "", "admin auth authorizer billing example stripe-events sweeper"),
    ("dynamodb:Query", "", "admin auth billing reports stripe-events sweeper"),
    ("dynamodb:Scan", "", "reports sweeper"),
    ("dynamodb:PutItem", "", "admin auth billing reports stripe-events sweeper"),
    ("dynamodb:DeleteItem", "", "admin auth billing sweeper"),
    ("sqs:ReceiveMessage", "", "mailer reports stripe-events"),
    ("ses:SendRawEmail", "", "mailer"),
    ("sqs:SendMessage", "queue/mail", "relay sweeper"),
    ("sqs:SendMessage", "queue/reports", "relay sweeper"),
    ("sqs:SendMessage", "queue/stripe.fifo", "relay stripe-webhook sweeper"),
    ("sqs:SendMessage", "queue/relay-failures", "relay"),
    ("s3:GetObject", "", "admin"),
    ("s3:PutObject", "", "reports"),
    ("secretsmanager:GetSecretValue", "secret/auth", "auth"),
    ("secretsmanager:GetSecretValue", "secret/codes", "auth mailer"),
    ("secretsmanager:GetSecretValue", "secret/trials", "billing stripe-events sweeper"),
    ("secretsmanager:GetSecretValue", "secret/edge", "admin auth billing"),
    ("secretsmanager:GetSecretValue", "secret/google", "auth"),
    ("secretsmanager:GetSecretValue", "secret/github", "auth"),
    ("secretsmanager:GetSecretValue", "secret/stripe", "billing stripe-events sweeper"),
    ("secretsmanager:GetSecretValue", "secret/stripe-webhook", "stripe-webhook"),
    ("secretsmanager:GetSecretValue", "secret/ai", "admin"),
];

const EDIT: &str = "the roles in template.yaml, or tests/system/template/powers.rs and ARCHITECTURE.md";

/// The functions whose roles allow one of these actions on a resource.
fn functions_that_may(actions: &[&str], is_it: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let may = GRANTS.iter().filter(|(_, grants)| {
        grants.iter().any(|grant| {
            actions.contains(&grant.permission.action.as_str()) && is_it(grant.permission.resource.as_str())
        })
    });
    may.map(|(function, _)| function.as_str()).collect()
}

// S31
#[test]
fn each_table_is_read_and_written_by_the_named_functions_only() {
    let names = TABLE_ROLES.iter().map(|(table, ..)| *table);
    assert_same_names("the tables", names, TABLES.iter().map(|table| table.name), EDIT);
    for (table, readers, writers) in TABLE_ROLES {
        let own = format!("table/{table}");
        let is_it = |resource: &str| {
            resource.strip_prefix(&own).is_some_and(|rest| rest.is_empty() || rest.starts_with("/index/"))
        };
        for (what, actions, wanted) in [("readers", &READS[..], readers), ("writers", &WRITES, writers)] {
            let found = functions_that_may(actions, is_it);
            assert_same_names(&format!("the {what} of {table}"), found, wanted.split_whitespace(), EDIT);
        }
    }
}

// S31
#[test]
fn each_secret_queue_and_mail_is_used_by_the_named_functions_only() {
    for (action, wanted, functions) in OTHER_ROLES {
        let found = functions_that_may(&[action], |resource| wanted.is_empty() || resource == wanted);
        assert_same_names(&format!("who may {action} {wanted}"), found, functions.split_whitespace(), EDIT);
    }
    // Each secret and each queue is in a row.
    let rows: BTreeSet<_> = OTHER_ROLES.iter().map(|(_, resource, _)| *resource).collect();
    let granted = GRANTS.values().flatten().map(|grant| &grant.permission);
    let granted = granted
        .filter(|permission| permission.resource.starts_with("secret/") || permission.action == "sqs:SendMessage");
    let granted: BTreeSet<_> = granted.map(|permission| permission.resource.as_str()).collect();
    let rows = rows.into_iter().filter(|row| !row.is_empty());
    assert_same_names("the secrets and queues that roles name", granted, rows, EDIT);
}
