//! The alarms: two kinds with a topic each, a heading of the runbook for each alarm and vice versa, and metrics that
//! the code writes.

use serde_yaml_ng::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use tollgate_tests::template::{FUNCTIONS, template, written};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

fn resources(kind: &str) -> BTreeMap<String, Value> {
    let template = template();
    let all = template["Resources"].as_mapping().unwrap().iter();
    let of_kind = all.filter(|(_, resource)| resource["Type"].as_str() == Some(kind));
    of_kind.map(|(name, resource)| (name.as_str().unwrap().to_owned(), resource["Properties"].clone())).collect()
}

fn alarms() -> BTreeMap<String, Value> {
    let alarms = resources("AWS::CloudWatch::Alarm");
    assert!(alarms.len() > 30);
    alarms
}

/// The section of an alarm: the alarms that each function has share one.
fn section_of(alarm: &str) -> String {
    let shared = ["CanaryErrorsAlarm", "ErrorsAlarm", "ThrottlesAlarm"]
        .into_iter()
        .find(|kind| alarm.strip_suffix(kind).is_some_and(|of| FUNCTIONS.iter().any(|(function, _)| function == of)));
    shared.unwrap_or(alarm).to_owned()
}

/// The sections of the runbook's part `Alarms`, by heading.
fn sections() -> BTreeMap<String, String> {
    let runbook = read("docs/operations.md");
    let (_, rest) = runbook.split_once("\n## Alarms\n").unwrap();
    let (alarms, _) = rest.split_once("\n## ").unwrap();
    let sections = alarms.split("\n### `").skip(1).map(|section| section.split_once("`\n").unwrap());
    sections.map(|(name, text)| (name.trim_start_matches('…').to_owned(), text.to_owned())).collect()
}

#[test]
fn each_alarm_has_a_heading_and_each_heading_an_alarm() {
    let found: BTreeSet<_> = sections().into_keys().collect();
    let wanted: BTreeSet<_> = alarms().keys().map(|name| section_of(name)).collect();
    assert_eq!(found, wanted, "docs/operations.md, or the alarms of template.yaml");
}

#[test]
fn each_description_is_a_kind_a_sentence_and_a_link() {
    for (name, alarm) in alarms() {
        let text = alarm["AlarmDescription"].as_str().unwrap();
        let (kind, rest) = text.split_once(": ").unwrap();
        let (sentence, link) = rest.rsplit_once(' ').unwrap();
        assert!(sentence.ends_with('.') && sentence.matches(". ").count() == 0, "{name}: one sentence: {sentence}");
        assert_eq!(link, format!("docs/operations.md#{}", section_of(&name).to_lowercase()), "{name}");
        let topic = match kind {
            "Page" => "!Ref Alarms",
            "Investigate" => "!Ref Notices",
            other => panic!("{name}: {other}"),
        };
        assert_eq!(written(&alarm["AlarmActions"][0]), topic, "{name}");
    }
}

#[test]
fn each_section_says_what_to_investigate_and_what_to_do() {
    for (name, text) in sections() {
        for part in ["**Meaning.** ", "**Investigate.** `tollgate-ops doctor", "**Action.** ", "**Over when** "] {
            assert_eq!(text.matches(part).count(), 1, "{name}: {part}");
        }
        let query = text.split("```\n").nth(1).unwrap_or_else(|| panic!("{name}: a query"));
        assert!(query.starts_with("fields @timestamp"), "{name}: {query}");
    }
}

#[test]
fn sign_in_and_payment_alarms_page_and_others_do_not() {
    let alarms = alarms();
    let pages = alarms.iter().filter(|(_, alarm)| alarm["AlarmDescription"].as_str().unwrap().starts_with("Page"));
    let pages: Vec<_> = pages.map(|(name, _)| name.as_str()).collect();
    let wanted = [
        "AuthFailuresAlarm",
        "ExpiryNotRunAlarm",
        "MailAgeAlarm",
        "MailDeadLettersAlarm",
        "ReconcileNotRunAlarm",
        "RelayAgeAlarm",
        "ServerErrorsAlarm",
        "StripeAgeAlarm",
        "StripeDeadLettersAlarm",
        "StripeRefusedAlarm",
        "StripeWebhookUrl4xxAlarm",
        "StripeWebhookUrl5xxAlarm",
    ];
    assert_eq!(pages, wanted);
    assert_eq!(alarms["StripeAgeAlarm"]["Threshold"].as_i64(), Some(300));
    assert_eq!(alarms["BouncesAlarm"]["Threshold"].as_f64(), Some(0.02));
    assert_eq!(alarms["ComplaintsAlarm"]["Threshold"].as_f64(), Some(0.0005));
    for (name, alarm) in alarms {
        let (of, count) = (alarm["EvaluationPeriods"].as_i64(), alarm["DatapointsToAlarm"].as_i64());
        // Messages in a queue of dead letters stay, and our own metrics count events that must not happen even once.
        let lasting = [
            "5xx",
            "ApproximateAgeOfOldestMessage",
            "Errors",
            "IteratorAge",
            "Throttles",
            "Url4xxCount",
            "Url5xxCount",
            "auth_failed",
        ];
        if lasting.contains(&alarm["MetricName"].as_str().unwrap()) {
            assert_eq!((of, count), (Some(3), Some(2)), "{name}");
        }
    }
}

#[test]
fn each_metric_of_our_own_is_counted_from_a_log_line_of_the_code() {
    let of = |properties: &Value| properties["MetricTransformations"][0]["MetricName"].as_str().unwrap().to_owned();
    let filters = resources("AWS::Logs::MetricFilter");
    let counted: BTreeSet<_> = filters.values().map(of).collect();
    assert!(counted.len() <= 10, "each further series costs: {counted:?}");
    for alarm in alarms().values().map(written) {
        let own = alarm.lines().filter_map(|line| line.trim().strip_prefix("MetricName: "));
        let own = own.filter(|name| name.contains('_'));
        own.for_each(|name| assert!(counted.contains(name.trim_end_matches(',')), "{name}"));
    }
    for (name, filter) in filters {
        let pattern = filter["FilterPattern"].as_str().unwrap();
        let Some((_, rest)) = pattern.split_once("$.metric = \"") else { continue };
        let metric = rest.split('"').next().unwrap();
        let is_written = ["functions", "shared"].iter().any(|folder| writes(folder, &format!("metric = \"{metric}\"")));
        assert!(is_written, "{name}: no code writes {metric}");
    }
}

fn writes(folder: &str, text: &str) -> bool {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && fs::read_to_string(&path).unwrap().contains(text)
            {
                return true;
            }
        }
    }
    false
}

/// The widgets of the dashboard in a text in which `${…}` stand for names.
fn widgets(body: &str) -> Vec<serde_json::Value> {
    let parsed: serde_json::Value = serde_json::from_str(&body.replace("${", "").replace("}\"", "\"")).unwrap();
    parsed["widgets"].as_array().unwrap().clone()
}

#[test]
fn the_dashboard_names_resources_of_the_template() {
    let dashboards = resources("AWS::CloudWatch::Dashboard");
    let body = &dashboards["OperationsDashboard"]["DashboardBody"];
    let Value::Tagged(body) = body else { panic!("{body:?}") };
    let text = body.value.as_str().unwrap();
    let template = template();
    let names = text.split("${").skip(1).map(|rest| rest.split(['}', '.']).next().unwrap());
    let mut found = BTreeSet::new();
    for name in names.filter(|name| *name != "Stage" && !name.starts_with("AWS::")) {
        assert!(
            template["Resources"].get(name).is_some(),
            "there is no {name}: edit OperationsDashboard in template.yaml"
        );
        found.insert(name);
    }
    for (function, _) in FUNCTIONS.iter().filter(|(function, _)| function != "Example") {
        assert!(
            found.contains(function.as_str()),
            "no widget shows {function}: edit OperationsDashboard in template.yaml"
        );
    }
    // The widget of the example is there where the example is.
    let written = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml")).unwrap();
    let written: Value = serde_yaml_ng::from_str(&written).unwrap();
    let body = &written["Resources"]["OperationsDashboard"]["Properties"]["DashboardBody"];
    let Value::Tagged(body) = body else { panic!("{body:?}") };
    let product = &body.value[1]["ProductWidget"];
    let Value::Tagged(product) = product else { panic!("{product:?}") };
    assert_eq!((product.tag.to_string().as_str(), product.value[0].as_str()), ("!If", Some("HasExample")));
    let Value::Tagged(widget) = &product.value[1] else { panic!("{:?}", product.value[1]) };
    let widget = widget.value.as_str().unwrap();
    assert!(widget.contains("tollgate-${Stage}-example"));
    assert_eq!(widgets(text).len(), 14);
    assert_eq!(product.value[2].as_str(), Some(""));
    assert_eq!(widgets(&text.replace(widget, "")).len(), 13);
}
