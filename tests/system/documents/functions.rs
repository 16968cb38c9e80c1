//! The tables about functions and tables in ARCHITECTURE.md and docs/design.md: generated from the functions' `Cargo.toml` and from
//! the store.

use super::{compare_or_update, read};
use tollgate_local::{FUNCTIONS, Source};
use tollgate_store::roles::{TABLE_ACCESS, TableAccess};
use tollgate_store::schema::TABLES;

/// The manifest of a function.
fn manifest(function: &str) -> String {
    read(&format!("functions/{function}/Cargo.toml"))
}

/// What a function declares under `package.metadata.tollgate`.
pub fn declared(function: &str, key: &str) -> Vec<String> {
    let manifest = manifest(function);
    let list = manifest.split_once("\n[package.metadata.tollgate]\n").and_then(|(_, rest)| {
        let (_, list) = rest.split("\n[").next()?.split_once(&format!("{key} = ["))?;
        Some(list.split_once(']')?.0)
    });
    let list = list
        .unwrap_or_else(|| panic!("functions/{function}/Cargo.toml has no list {key} in package.metadata.tollgate"));
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

fn description(function: &str) -> String {
    let manifest = manifest(function);
    let (_, rest) = manifest.split_once("\ndescription = \"").unwrap_or_else(|| {
        panic!("functions/{function}/Cargo.toml needs a description");
    });
    rest.lines().next().unwrap().trim_end_matches('"').to_owned()
}

/// What calls it.
fn caller(source: &Source) -> String {
    match source {
        Source::Gateway(_) => "HTTP API".to_owned(),
        Source::OtherPaths(_) => "HTTP API and its `$default`".to_owned(),
        Source::OwnApi => "your own HTTP API, as its Lambda authorizer".to_owned(),
        Source::Outbox => "the outbox's stream (inserts)".to_owned(),
        Source::Queue(name) => format!("queue `{name}`"),
        Source::Schedules(_) => "EventBridge Scheduler".to_owned(),
    }
}

#[test]
fn the_map_lists_each_function_with_its_crates() {
    let mut table = "| folder | what it is | uses |\n|---|---|---|\n".to_owned();
    for name in FUNCTIONS.iter().map(|function| function.name) {
        let manifest = manifest(name);
        let (_, dependencies) = manifest.split_once("\n[dependencies]\n").unwrap();
        let dependencies = dependencies.split("\n[").next().unwrap().lines();
        let uses = dependencies.filter_map(|line| line.strip_prefix("tollgate-")?.split(['.', ' ']).next());
        let uses = uses.collect::<Vec<_>>().join(", ");
        table.push_str(&format!("| `functions/{name}` | {} | {uses} |\n", description(name)));
    }
    compare_or_update("ARCHITECTURE.md", "functions", &table);
}

#[test]
fn the_design_lists_what_each_function_may_use() {
    let mut table =
        "| function | called by | does | reads | writes | secrets | sends to | other actions |\n|---|---|---|---|---|---|---|---|\n"
            .to_owned();
    for function in FUNCTIONS {
        let name = function.name;
        let access = TABLE_ACCESS.iter().find(|access| access.function == name);
        let [reads, writes] = [|access: &TableAccess| access.reads, |access: &TableAccess| access.writes]
            .map(|of| access.map(of).unwrap_or_default().join(", "));
        let [secrets, queues] = ["secrets", "sends-to"].map(|key| declared(name, key).join(", "));
        let of_columns =
            |action: &String| ["dynamodb:", "secretsmanager:", "sqs:"].iter().any(|of| action.starts_with(of));
        let others: Vec<_> = declared(name, "actions").into_iter().filter(|action| !of_columns(action)).collect();
        let (caller, does, others) = (caller(&function.source), description(name), others.join(", "));
        table.push_str(&format!(
            "| `{name}` | {caller} | {does} | {reads} | {writes} | {secrets} | {queues} | {others} |\n"
        ));
    }
    compare_or_update("docs/design.md", "functions", &table);
}

#[test]
fn the_design_lists_what_each_table_holds() {
    let mut table = "| table | holds | expires | read by | written by |\n|---|---|---|---|---|\n".to_owned();
    for spec in TABLES {
        let by = |of: fn(&TableAccess) -> &'static [&'static str]| {
            let users = TABLE_ACCESS.iter().filter(|access| of(access).contains(&spec.name));
            users.map(|access| access.function).collect::<Vec<_>>().join(", ")
        };
        let (read_by, written_by) = (by(|access| access.reads), by(|access| access.writes));
        let expires = if spec.ttl.is_some() { "TTL" } else { "" };
        table.push_str(&format!("| `{}` | {} | {expires} | {read_by} | {written_by} |\n", spec.name, spec.holds));
    }
    compare_or_update("docs/design.md", "tables", &table);
}
