//! Failures of tests that compare a file of the repository: the difference, in a few lines, and the file to edit.

use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Display;

/// The largest number of lines of a difference that are shown.
const MAX_LINES: usize = 20;
/// The number of characters of a value that are shown.
const MAX_CHARS: usize = 80;

/// Panics where `found` and `wanted` are not the same names, and lists the names that only one of them has.
#[track_caller]
pub fn assert_same_names<T: Display + Ord>(
    what: &str,
    found: impl IntoIterator<Item = T>,
    wanted: impl IntoIterator<Item = T>,
    edit: &str,
) {
    let (found, wanted): (BTreeSet<_>, BTreeSet<_>) = (found.into_iter().collect(), wanted.into_iter().collect());
    let missing = wanted.difference(&found).map(|name| format!("missing: {name}"));
    let unknown = found.difference(&wanted).map(|name| format!("not known: {name}"));
    report(what, &missing.chain(unknown).collect::<Vec<_>>(), edit);
}

/// Panics where `found` differs from `wanted`, and lists the places.
#[track_caller]
pub fn assert_same_json(what: &str, found: &Value, wanted: &Value, edit: &str) {
    let mut lines = Vec::new();
    differences("", found, wanted, &mut lines);
    report(what, &lines, edit);
}

#[track_caller]
fn report(what: &str, lines: &[String], edit: &str) {
    let shown = &lines[..lines.len().min(MAX_LINES)];
    let rest = match lines.len() - shown.len() {
        0 => String::new(),
        rest => format!("\n  and {rest} more"),
    };
    assert!(lines.is_empty(), "{what}:\n  {}{rest}\nEdit {edit}.", shown.join("\n  "));
}

/// The places where two values differ, each with both values.
fn differences(place: &str, found: &Value, wanted: &Value, lines: &mut Vec<String>) {
    match (found, wanted) {
        (Value::Object(one), Value::Object(other)) => {
            for name in one.keys().chain(other.keys()).collect::<BTreeSet<_>>() {
                let place = format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
                match (one.get(name), other.get(name)) {
                    (Some(found), Some(wanted)) => differences(&place, found, wanted, lines),
                    (None, Some(wanted)) => lines.push(format!("missing: {place} = {}", short(wanted))),
                    (Some(found), None) => lines.push(format!("not known: {place} = {}", short(found))),
                    (None, None) => {}
                }
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (found, wanted)) in one.iter().zip(other).enumerate() {
                differences(&format!("{place}/{index}"), found, wanted, lines);
            }
        }
        _ if found == wanted => {}
        _ => lines.push(format!("{place} is {}, wanted is {}", short(found), short(wanted))),
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= MAX_CHARS { text } else { text.chars().take(MAX_CHARS).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text_of;
    use serde_json::json;

    fn said(work: impl FnOnce() + std::panic::UnwindSafe) -> String {
        text_of(std::panic::catch_unwind(work).unwrap_err())
    }

    // E13
    #[test]
    fn a_guard_names_only_the_difference_and_the_file() {
        let routes = |more: &str| (0..70).map(|n| format!("ANY /{n}")).chain([more.to_owned()]).collect::<Vec<_>>();
        let text = said(|| assert_same_names("the routes", routes("ANY /old"), routes("ANY /new"), "template.yaml"));
        assert_eq!(text, "the routes:\n  missing: ANY /new\n  not known: ANY /old\nEdit template.yaml.");
        assert_same_names("the routes", routes("ANY /new"), routes("ANY /new"), "template.yaml");

        let document = |summary: &str| json!({"paths": {"/login": {"post": {"summary": summary, "tags": ["x"]}}}});
        let mut found = document("Signs in.");
        found["paths"]["/login"]["post"].as_object_mut().unwrap().remove("tags");
        let text = said(move || assert_same_json("the document", &found, &document("Sign in."), "openapi.json"));
        let lines = [
            "the document:",
            "  /paths/~1login/post/summary is \"Signs in.\", wanted is \"Sign in.\"",
            "  missing: /paths/~1login/post/tags = [\"x\"]",
            "Edit openapi.json.",
        ];
        assert_eq!(text, lines.join("\n"));
    }

    // E13
    #[test]
    fn a_guard_shows_twenty_lines_and_the_beginning_of_a_long_value() {
        let many = |from: usize| (from..from + 100).map(|n| format!("{n:03}"));
        let text = said(|| assert_same_names("the names", many(0), many(500), "a file"));
        assert_eq!(text.lines().count(), 20 + 3);
        assert!(text.contains("and 180 more"), "{text}");
        let long = json!({"description": "x".repeat(300_000)});
        let text = said(move || assert_same_json("the document", &long, &json!({}), "a file"));
        assert!(text.len() < 200 && text.contains("not known: /description"), "{text}");
    }
}
