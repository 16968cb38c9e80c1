//! The documents: generated tables are compared with their sources, each cited number has its text, each page of docs/
//! names its reader and is linked, each link has a target, and the runbook names each alarm.
//!
//! A generated table is between two comments. `UPDATE=1 cargo test --workspace documents` writes it.

pub mod functions;
pub mod settings;

use crate::openapi;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tollgate_platform::Env;
use tollgate_tests::guards::assert_same_names;
use tollgate_tests::template::{FUNCTIONS, template};

const END: &str = "<!-- generated: end -->";
const UPDATE: &str = "UPDATE";
/// The documents in the root folder.
const ROOT_DOCUMENTS: [&str; 5] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The pages of docs/, such as `docs/api.md`.
fn pages() -> Vec<String> {
    let entries = fs::read_dir(root().join("docs")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut pages: Vec<_> = names.filter(|name| name.ends_with(".md")).map(|name| format!("docs/{name}")).collect();
    pages.sort();
    assert!(pages.len() > 10);
    pages
}

fn documents() -> Vec<String> {
    pages().into_iter().chain(ROOT_DOCUMENTS.map(str::to_owned)).collect()
}

/// The Rust files below these folders.
fn rust_files(folders: &[&str]) -> Vec<PathBuf> {
    let mut folders: Vec<_> = folders.iter().map(|folder| root().join(folder)).collect();
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    assert!(found.len() > 10);
    found
}

/// Compares a generated part of `page` with `wanted`, or writes it where `UPDATE` is set.
#[track_caller]
fn compare_or_update(page: &str, part: &str, wanted: &str) {
    // Two parts of a page are written one after the other.
    static WRITING: Mutex<()> = Mutex::new(());
    let _alone = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let begin = format!("<!-- generated: {part} -->");
    let text = read(page);
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{page} has no line {begin}"));
    let (found, after) = rest.split_once(END).unwrap_or_else(|| panic!("{page} has no line {END}"));
    let wanted = format!("\n\n{}\n\n", wanted.trim());
    if found == wanted {
        return;
    }
    if Env::process().get(UPDATE).is_some() {
        fs::write(root().join(page), format!("{before}{begin}{wanted}{END}{after}")).unwrap();
        return;
    }
    let edit = "nothing: run UPDATE=1 cargo test --workspace documents";
    assert_same_names(&format!("the generated {part} of {page}"), found.lines(), wanted.lines(), edit);
    panic!("the lines of the generated {part} of {page} are in another order. Edit {edit}.");
}

/// The price of a million of an operation, in ten-thousandths of a dollar for each unit: docs/cost.md states the
/// prices.
const READ_UNIT: f64 = 1_250.0;
const WRITE_UNIT: f64 = 6_250.0;

#[test]
fn the_cost_page_lists_the_measured_budget() {
    let budget: Value = serde_json::from_str(&read("docs/budget.json")).unwrap();
    let operations: BTreeMap<_, _> = budget["operations"].as_object().unwrap().iter().collect();
    let mut table =
        "| operation | calls | depth | read units | write units | a million cost |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for (operation, cost) in operations {
        let [calls, depth, reads, writes] =
            ["calls", "depth", "read_units", "write_units"].map(|name| cost[name].as_f64().unwrap());
        let cents = ((reads * READ_UNIT + writes * WRITE_UNIT) / 100.0).ceil() as u64;
        let (dollars, cents) = (cents / 100, cents % 100);
        table
            .push_str(&format!("| `{operation}` | {calls} | {depth} | {reads} | {writes} | ${dollars}.{cents:02} |\n"));
    }
    compare_or_update("docs/cost.md", "budget", &table);
}

/// The depth of calls that an operation may have without a reason on the page.
const DEEPEST: u64 = 4;

#[test]
fn the_cost_page_gives_a_reason_for_each_deep_operation() {
    let budget: Value = serde_json::from_str(&read("docs/budget.json")).unwrap();
    let operations = budget["operations"].as_object().unwrap().iter();
    let deep = operations.filter(|(_, cost)| cost["depth"].as_u64().unwrap() > DEEPEST).map(|(name, _)| name.as_str());
    let page = read("docs/cost.md");
    let table = page.split_once("| operations | why |\n|---|---|\n").unwrap().1.split_once("\n\n").unwrap().0;
    // The first column: names in backticks.
    let reasoned = table.lines().flat_map(|row| row.split(" | ").next().unwrap().split('`').skip(1).step_by(2));
    assert_same_names("the table of docs/cost.md with reasons", reasoned, deep, "the table");
}

/// Codes that many operations answer with; the page describes them before the table.
const COMMON_CODES: [&str; 12] = [
    "body_too_large",
    "forbidden",
    "internal",
    "invalid_cursor",
    "invalid_filter",
    "invalid_json",
    "not_found",
    "rate_limited",
    "unauthenticated",
    "unavailable",
    "unsupported_media_type",
    "validation_failed",
];

/// The fields of a request, such as `{email, locale?}`.
fn fields_of(operation: &Value, document: &Value) -> String {
    let reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str();
    let Some(schema) = reference.and_then(|path| document.pointer(path.trim_start_matches('#'))) else {
        return String::new();
    };
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let fields = schema["properties"].as_object().into_iter().flat_map(|fields| fields.keys());
    let fields =
        fields.map(|name| if required.contains(&name.as_str().into()) { name.clone() } else { format!("{name}?") });
    format!("`{{{}}}`", fields.collect::<Vec<_>>().join(", "))
}

/// The status of success, and the codes of refusals that are its own.
fn answers_of(operation: &Value) -> String {
    let mut answers = Vec::new();
    for (status, response) in operation["responses"].as_object().unwrap() {
        let codes = response["description"].as_str().unwrap().split('`').skip(1).step_by(2);
        let own: Vec<_> = codes.filter(|code| !COMMON_CODES.contains(code)).map(|code| format!("`{code}`")).collect();
        match status.as_str() < "400" {
            true => answers.push(status.clone()),
            false if own.is_empty() => {}
            false => answers.push(format!("{status} {}", own.join(", "))),
        }
    }
    answers.join("; ")
}

#[test]
fn the_page_of_the_contract_lists_the_operations_of_admins() {
    let document = openapi::document();
    let mut table = "| operation | request | description | answers |\n|---|---|---|---|\n".to_owned();
    let mut of_admins: Vec<_> =
        openapi::operations().into_iter().filter(|(name, _)| name.contains(" /admin/")).collect();
    of_admins.sort_by_key(|(name, _)| name.split_once(' ').unwrap().1.to_owned());
    for (name, operation) in &of_admins {
        let text = |field: &str| operation[field].as_str().unwrap_or_default().replace('\n', " ");
        let description = format!("{} {}", text("summary"), text("description"));
        let (fields, answers) = (fields_of(operation, &document), answers_of(operation));
        table.push_str(&format!(
            "| {} | {fields} | {} | {answers} |\n",
            name.replacen(' ', " `", 1) + "`",
            description.trim()
        ));
    }
    compare_or_update("docs/api.md", "operations", &table);
}

/// Whether `word` is the number of a requirement: `S` or `R` and one or two digits.
fn is_requirement(word: &str) -> bool {
    let digits = word.strip_prefix(['S', 'R']).unwrap_or_default();
    matches!(digits.len(), 1 | 2) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether `word` is the number of a decision, such as `D-12`.
fn is_decision(word: &str) -> bool {
    let digits = word.strip_prefix("D-").unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The numbers of requirements and decisions that a text cites.
fn cited(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_');
    words.filter(|word| is_requirement(word) || is_decision(word)).collect()
}

#[test]
fn each_number_that_is_cited_has_its_text() {
    let (security, decisions) = (read("docs/security.md"), read("docs/decisions.md"));
    let rows = security.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    let headings = decisions.lines().filter_map(|line| line.strip_prefix("### ")?.split(' ').next());
    let known: Vec<_> =
        rows.filter(|row| is_requirement(row)).chain(headings.filter(|word| is_decision(word))).collect();
    let numbers: BTreeSet<_> = known.iter().copied().collect();
    assert_eq!(numbers.len(), known.len(), "each number stands once");
    let code = rust_files(&["functions", "shared", "infra", "tests"]);
    let others = documents().into_iter().chain(["template.yaml".to_owned()]).map(|path| root().join(path));
    for path in code.into_iter().chain(others) {
        let text = fs::read_to_string(&path).unwrap();
        let unknown: Vec<_> = cited(&text).difference(&numbers).copied().map(str::to_owned).collect();
        let path = path.display();
        assert!(unknown.is_empty(), "{path}: {unknown:?} has no text in docs/security.md or docs/decisions.md");
    }
}

#[test]
fn each_requirement_has_a_test_that_cites_it() {
    let security = read("docs/security.md");
    let rows = security.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    let mut untested: BTreeSet<_> = rows.filter(|row| is_requirement(row)).collect();
    assert!(untested.len() > 40);
    for path in rust_files(&["functions", "shared", "infra", "tests"]) {
        let text = fs::read_to_string(path).unwrap();
        for line in text.lines().filter_map(|line| line.trim().strip_prefix("// ")) {
            for word in line.split(", ") {
                untested.remove(word);
            }
        }
    }
    assert!(untested.is_empty(), "no test cites {untested:?} in a comment of its own");
}

/// The files, and the headings in them, that a document links.
fn links(document: &str) -> Vec<(String, String)> {
    let text = read(document);
    let folder = document.strip_suffix(document.rsplit('/').next().unwrap()).unwrap();
    let targets = text.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    let own = targets.filter(|target| !target.contains("://"));
    own.map(|target| match target.split_once('#') {
        Some(("", heading)) => (document.to_owned(), heading.to_owned()),
        Some((file, heading)) => (format!("{folder}{file}"), heading.to_owned()),
        None => (format!("{folder}{target}"), String::new()),
    })
    .map(|(file, heading)| (file.replace("docs/../", ""), heading))
    .collect()
}

/// The anchor of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn each_link_leads_to_a_file_and_a_heading() {
    for document in documents() {
        for (file, heading) in links(&document) {
            assert!(root().join(&file).exists(), "{document} links {file}, which does not exist");
            let text = if heading.is_empty() { String::new() } else { read(&file) };
            let mut anchors =
                text.lines().filter(|line| line.starts_with('#')).map(|line| anchor(line.trim_start_matches('#')));
            let is_there = heading.is_empty() || anchors.any(|anchor| anchor == heading);
            assert!(is_there, "{document} links {file}#{heading}, which does not exist");
        }
    }
}

#[test]
fn each_page_names_its_reader_and_links_the_next_page() {
    let linked: BTreeSet<_> = documents().iter().flat_map(|document| links(document)).map(|(file, _)| file).collect();
    for page in pages() {
        let text = read(&page);
        assert!(text.starts_with("For "), "{page}: its first line says for whom it is, such as \"For operators …\"");
        assert!(text.lines().any(|line| line.starts_with("Next: [")), "{page}: its end links the next page");
        assert!(linked.contains(&page), "{page}: no document links it");
    }
}

#[test]
fn the_guide_shows_code_that_is_compiled() {
    let example = read("shared/guard/examples/standalone.rs");
    let (_, code) = example.split_once("\n\n").unwrap();
    assert!(code.contains("RequireTier<2>"), "the example is empty");
    let guide = read("docs/adopting.md");
    assert!(
        guide.contains(&format!("```rust\n{code}```")),
        "copy shared/guard/examples/standalone.rs into docs/adopting.md"
    );
}

/// Whether a text in backticks is a path of the repository; one with a placeholder such as NAME or AREA is not.
fn is_path(text: &str) -> bool {
    let folders = ["functions/", "shared/", "infra/", "tests/", "docs/", "events/", ".ci/", ".github/"];
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
    let is_placeholder = |part: &str| part.len() > 1 && part.bytes().all(|byte| byte.is_ascii_uppercase());
    is_plain
        && folders.iter().any(|folder| text.starts_with(folder))
        && !text.split(['/', '.', '-']).any(is_placeholder)
}

#[test]
fn each_path_that_a_document_names_exists() {
    for document in documents() {
        let text = read(&document);
        for path in text.split('`').filter(|text| is_path(text)) {
            assert!(root().join(path).exists(), "{document} names {path}, which does not exist");
        }
    }
}

/// The name of an alarm in the runbook: the alarms that each function has are named once.
fn in_runbook(alarm: &str) -> String {
    for kind in ["CanaryErrorsAlarm", "ErrorsAlarm", "ThrottlesAlarm"] {
        if alarm.strip_suffix(kind).is_some_and(|of| FUNCTIONS.iter().any(|(function, _)| function == of)) {
            return format!("…{kind}");
        }
    }
    alarm.to_owned()
}

#[test]
fn the_runbook_names_each_alarm() {
    let runbook = read("docs/operations.md");
    let names: BTreeSet<_> = runbook.split('`').filter(|text| text.ends_with("Alarm")).map(str::to_owned).collect();
    let template = template();
    let resources = template["Resources"].as_mapping().unwrap().iter();
    let alarms = resources.filter(|(_, resource)| resource["Type"].as_str() == Some("AWS::CloudWatch::Alarm"));
    let alarms: BTreeSet<_> = alarms.map(|(name, _)| in_runbook(name.as_str().unwrap())).collect();
    assert_same_names("the alarms of docs/operations.md", names, alarms, "docs/operations.md, or template.yaml");
}
