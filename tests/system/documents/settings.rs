//! The settings: docs/configuration.md, docs/deploying.md and .env.example are generated from the parameters of template.yaml, from
//! docs/settings.yaml, and from what the functions read when they start.

use super::{compare_or_update, read, root, rust_files};
use crate::edge_proxy::behind_proxy;
use serde_yaml_ng::Value as Yaml;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::LazyLock;
use tollgate_local::variables_read_by;
use tollgate_platform::Env;
use tollgate_tests::guards::assert_same_names;
use tollgate_tests::template::{FUNCTIONS, template, written};

/// The beginning of `.env.example`.
const EXAMPLE: &str = "\
# Settings of `cargo run`. Copy this file to .env and remove the # from the lines that you need; everything has a default.
# docs/configuration.md describes each one. A test writes this file from template.yaml and docs/settings.yaml.
";
/// The length of its lines.
const MAX_WIDTH: usize = 120;
/// How a description says which value an empty one stands for.
const EMPTY: &str = "; empty for ";
const UPDATE: &str = "run UPDATE=1 cargo test --workspace documents";

/// The variables that each function reads when it starts, by its name. Those of AWS's SDKs are no settings.
pub static READ: LazyLock<BTreeMap<&str, BTreeSet<String>>> = LazyLock::new(|| {
    let options = behind_proxy("x-client-ip");
    let read = |function| {
        let names = variables_read_by(function, &options).unwrap_or_else(|error| panic!("{}: {error}", function.name));
        (function.name, names.into_iter().filter(|name| !name.starts_with("AWS_")).collect())
    };
    tollgate_local::FUNCTIONS.iter().map(read).collect()
});

/// The variables that the template gives to the functions.
pub fn given() -> BTreeMap<&'static str, BTreeMap<String, Yaml>> {
    let template = template();
    let of_function = |(id, name): &(String, &'static str)| {
        let variables = &template["Resources"][id.as_str()]["Properties"]["Environment"]["Variables"];
        let variables = variables.as_mapping().unwrap_or_else(|| panic!("{id} has no Variables in template.yaml"));
        (*name, variables.iter().map(|(name, value)| (text(name), value.clone())).collect())
    };
    FUNCTIONS.iter().map(of_function).collect()
}

/// One variable.
struct Setting {
    name: String,
    group: String,
    /// A description in Markdown, with pages as `docs/PAGE.md`.
    meaning: String,
    values: String,
    default: String,
    read_by: String,
    /// Its source in AWS: a parameter of the template, or the stack itself. Empty where no function has it.
    origin: String,
    /// The value in `.env.example`, where `cargo run` accepts the setting.
    local: Option<String>,
}

fn text(value: &Yaml) -> String {
    match value {
        Yaml::String(text) => text.clone(),
        Yaml::Number(number) => number.to_string(),
        Yaml::Null => String::new(),
        other => panic!("no text: {other:?}"),
    }
}

fn texts(value: &Yaml) -> Vec<String> {
    value.as_sequence().into_iter().flatten().map(text).collect()
}

/// The parameter that a variable has as its value, or as the value of a condition inside.
fn parameter_of(value: &Yaml, template: &Yaml) -> Option<String> {
    let written = written(value);
    let name = written.split("!Ref ").nth(1)?.split_whitespace().next()?;
    template["Parameters"].get(name).map(|_| name.to_owned())
}

/// The groups of the parameters, with their names.
fn groups(template: &Yaml) -> Vec<(String, Vec<String>)> {
    let groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"].as_sequence().unwrap();
    groups.iter().map(|group| (text(&group["Label"]["default"]), texts(&group["Parameters"]))).collect()
}

/// What a parameter says about itself: its description, its values, and its default.
struct Described {
    meaning: String,
    values: String,
    default: String,
}

fn describe(name: &str, template: &Yaml) -> Described {
    let parameter = &template["Parameters"][name];
    let field = |name: &str| text(&parameter[name]);
    let meaning = field("Description");
    assert!(!meaning.is_empty(), "the parameter {name} needs a Description in template.yaml");
    let allowed: Vec<_> = parameter["AllowedValues"].as_sequence().into_iter().flatten().map(text).collect();
    let values = match (field("MinValue").as_str(), field("MaxValue").as_str(), field("MaxLength").as_str()) {
        _ if !allowed.is_empty() => allowed.join(", "),
        ("", "", "") => field("ConstraintDescription"),
        ("", _, max) => format!("at most {max} characters"),
        (min, "", _) => format!("at least {min}"),
        (min, max, _) => format!("{min} to {max}"),
    };
    let default = match (parameter.get("Default"), meaning.split_once(EMPTY)) {
        (None, _) => "required".to_owned(),
        (Some(default), None) => text(default),
        (Some(_), Some((_, stands_for))) => stands_for.trim_end_matches('.').to_owned(),
    };
    Described { meaning, values, default }
}

/// All settings, in the order of the page.
fn settings() -> Vec<Setting> {
    let template = template();
    let notes: Yaml = serde_yaml_ng::from_str(&read("docs/settings.yaml")).unwrap();
    let variables: BTreeMap<String, Yaml> = given().into_values().flatten().collect();
    let mut settings = others(&notes["others"], &variables);
    let is_other: BTreeSet<_> = settings.iter().map(|setting| setting.name.clone()).collect();
    let of_parameters = variables.iter().filter(|(name, _)| !is_other.contains(*name));
    let of_parameters: Vec<_> =
        of_parameters.filter_map(|(name, value)| Some((name, parameter_of(value, &template)?))).collect();
    let mut found = Vec::new();
    for (group, parameters) in groups(&template) {
        for parameter in parameters {
            let Described { meaning, values, default } = describe(&parameter, &template);
            for (name, _) in of_parameters.iter().filter(|(_, of)| *of == parameter) {
                let note = &notes["cargo run"][name.as_str()];
                let own = note.get("default").map(|default| format!("locally {}", text(default)));
                found.push(Setting {
                    name: (*name).clone(),
                    group: group.clone(),
                    meaning: meaning.clone(),
                    values: values.clone(),
                    default: [Some(default.clone()), own].into_iter().flatten().collect::<Vec<_>>().join("; "),
                    read_by: readers(name),
                    origin: format!("`{parameter}`"),
                    local: Some(text(note.get("local").unwrap_or(&template["Parameters"][&*parameter]["Default"]))),
                });
            }
        }
    }
    found.append(&mut settings);
    found
}

/// The functions that read a variable.
fn readers(variable: &str) -> String {
    let readers = READ.iter().filter(|(_, names)| names.contains(variable)).map(|(function, _)| *function);
    readers.collect::<Vec<_>>().join(", ")
}

/// The variables that docs/settings.yaml describes.
fn others(groups: &Yaml, variables: &BTreeMap<String, Yaml>) -> Vec<Setting> {
    let mut found = Vec::new();
    for group in groups.as_sequence().unwrap() {
        for setting in group["settings"].as_sequence().unwrap() {
            let name = text(&setting["name"]);
            let is_given = variables.contains_key(&name);
            found.push(Setting {
                group: text(&group["group"]),
                meaning: text(&setting["meaning"]),
                values: String::new(),
                default: text(&setting["default"]),
                read_by: setting.get("read by").map_or_else(|| readers(&name), text),
                origin: if is_given { "set by the stack".to_owned() } else { String::new() },
                local: setting.get("local").map(text),
                name,
            });
        }
    }
    found
}

/// Markdown in which the pages that a description names are links.
fn linked(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let Some((before, (path, after))) =
            word.split_once("docs/").and_then(|(before, rest)| Some((before, rest.split_once(".md")?)))
        else {
            return word.to_owned();
        };
        let (anchor, after) = after.split_at(after.find([')', ',', ';']).unwrap_or(after.len()));
        let title = anchor.strip_prefix('#').unwrap_or(path).replace('-', " ");
        format!("{before}[{title}]({path}.md{anchor}){after}")
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A description without its end about the empty value, which the column of defaults has.
fn short(meaning: &str) -> String {
    linked(&meaning.split_once(EMPTY).map_or_else(|| meaning.to_owned(), |(text, _)| format!("{text}.")))
}

#[test]
fn the_configuration_page_lists_all_settings() {
    let mut table = String::new();
    let mut group = String::new();
    for setting in settings() {
        if setting.group != group {
            group.clone_from(&setting.group);
            table.push_str(&format!("\n## {group}\n\n"));
            table.push_str("| setting | meaning | values | default | read by | template parameter |\n");
            table.push_str("|---|---|---|---|---|---|\n");
        }
        let Setting { name, values, default, read_by, origin, .. } = &setting;
        let meaning = short(&setting.meaning);
        table.push_str(&format!("| `{name}` | {meaning} | {values} | {default} | {read_by} | {origin} |\n"));
    }
    compare_or_update("docs/configuration.md", "settings", &table);
}

#[test]
fn the_page_of_deployments_lists_the_other_parameters() {
    let template = template();
    let of_settings: BTreeSet<_> = settings().into_iter().map(|setting| setting.origin).collect();
    let parameters = groups(&template).into_iter().flat_map(|(_, parameters)| parameters);
    let mut table = "| parameter | meaning | values | default |\n|---|---|---|---|\n".to_owned();
    for name in parameters.filter(|name| !of_settings.contains(&format!("`{name}`"))) {
        let Described { meaning, values, default } = describe(&name, &template);
        table.push_str(&format!("| `{name}` | {} | {values} | {default} |\n", short(&meaning)));
    }
    compare_or_update("docs/deploying.md", "parameters", &table);
}

#[test]
fn each_parameter_is_in_one_group() {
    let template = template();
    let grouped: Vec<_> = groups(&template).into_iter().flat_map(|(_, parameters)| parameters).collect();
    let edit = "AWS::CloudFormation::Interface in template.yaml";
    let parameters = template["Parameters"].as_mapping().unwrap().keys().map(text);
    assert_same_names("the parameters in groups", grouped.iter().cloned(), parameters, edit);
    assert_eq!(grouped.len(), grouped.iter().collect::<BTreeSet<_>>().len(), "one is twice in {edit}");
}

#[test]
fn each_variable_of_a_function_is_a_described_setting() {
    let given: BTreeSet<_> = given().into_values().flat_map(BTreeMap::into_keys).collect();
    let described: Vec<_> =
        settings().into_iter().filter(|setting| !setting.origin.is_empty()).map(|setting| setting.name).collect();
    let edit = "Parameters in template.yaml, or `others` in docs/settings.yaml";
    assert_same_names("the described variables of functions", described, given.iter().cloned(), edit);
    // A note about nothing is old.
    let notes: Yaml = serde_yaml_ng::from_str(&read("docs/settings.yaml")).unwrap();
    let parameters: BTreeSet<_> =
        settings().into_iter().filter(|setting| setting.origin.starts_with('`')).map(|setting| setting.name).collect();
    let kept = notes["cargo run"].as_mapping().unwrap().keys().map(text);
    let unknown: Vec<_> = kept.filter(|name| !parameters.contains(name)).collect();
    assert!(unknown.is_empty(), "{unknown:?} has no parameter. Edit `cargo run` in docs/settings.yaml.");
    for setting in settings() {
        let is_for_cargo_run = setting.read_by == "cargo run";
        let has_readers = !setting.read_by.is_empty();
        assert!(has_readers, "{}: nothing reads it. Edit docs/settings.yaml, or template.yaml.", setting.name);
        assert!(!is_for_cargo_run || setting.local.is_some(), "{}: give it a value `local`", setting.name);
    }
}

#[test]
fn a_variable_has_the_same_parameter_in_each_function() {
    let template = template();
    let mut first = BTreeMap::new();
    for (function, variables) in given() {
        for (name, value) in variables {
            let parameter = parameter_of(&value, &template);
            let known = first.entry(name.clone()).or_insert_with(|| parameter.clone());
            assert_eq!(*known, parameter, "{name} of {function} in template.yaml");
        }
    }
}

#[test]
fn no_setting_is_read_after_the_start() {
    let mut found = BTreeSet::new();
    for file in rust_files(&["functions", "shared"]) {
        let code = fs::read_to_string(file).unwrap();
        for call in ["env.get(\"", "env.required(\"", "env.parse(\"", "env.seconds(\"", "address(\""] {
            found.extend(code.split(call).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()));
        }
    }
    // The tests of `Env` itself read variables of one letter.
    let found: BTreeSet<_> = found.into_iter().filter(|name| name.len() > 1 && !name.starts_with("AWS_")).collect();
    assert!(found.len() > 15, "the search found {}", found.len());
    let at_start: BTreeSet<_> = READ.values().flatten().cloned().chain(["RUST_LOG".to_owned()]).collect();
    let unknown: Vec<_> = found.difference(&at_start).collect();
    assert!(
        unknown.is_empty(),
        "{unknown:?}: read it in a function's Config::from_env, or set in READ what it depends on"
    );
}

#[test]
fn the_example_of_an_environment_lists_what_cargo_run_accepts() {
    let mut wanted = EXAMPLE.to_owned();
    let mut group = String::new();
    for setting in settings() {
        let Some(value) = &setting.local else { continue };
        if setting.group != group {
            group.clone_from(&setting.group);
            wanted.push_str(&format!("\n# {} {}\n\n", "-".repeat(10), group.replace('`', "")));
        }
        let values = if setting.values.is_empty() { String::new() } else { format!(" Values: {}.", setting.values) };
        let comment = format!("{}{values}", setting.meaning).replace('`', "");
        wanted.push_str(&format!("{}\n#{}={value}\n", wrapped(&comment), setting.name));
    }
    if read(".env.example") != wanted && Env::process().get(super::UPDATE).is_some() {
        fs::write(root().join(".env.example"), &wanted).unwrap();
    }
    let edit = format!("template.yaml or docs/settings.yaml, and {UPDATE}");
    assert_same_names("the lines of .env.example", read(".env.example").lines(), wanted.lines(), &edit);
    let found: Vec<_> = tollgate_local::settings().collect();
    assert!(found.contains(&"APP_NAME") && !found.contains(&"PORT"), "{found:?}");
}

/// A comment in lines that are not too long.
fn wrapped(comment: &str) -> String {
    let mut lines = vec!["#".to_owned()];
    for word in comment.split_whitespace() {
        if lines.last().is_some_and(|line| line.len() > 1 && line.len() + 1 + word.len() > MAX_WIDTH) {
            lines.push("#".to_owned());
        }
        lines.last_mut().unwrap().push_str(&format!(" {word}"));
    }
    lines.join("\n")
}
