//! The check of the templates of `brand/mails/`, at build: of a field that mails do not have, the compiler would name neither the
//! file nor the line, and a syntax error is named the same way.

use askama_parser::{Ast, Syntax};
use std::fs;
use std::io::Error;
use std::path::Path;

/// What a template may begin a name with, beside its two values.
const KEYWORDS: [&str; 10] = ["page", "t", "if", "else", "self", "super", "true", "false", "in", "not"];

/// Checks the names in the templates of `folder`, which need not exist; returns the names of those of single mails.
pub fn check_templates(root: &Path, folder: &Path, texts: &[String]) -> Result<Vec<String>, Error> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let page = fs::read_to_string(root.join("src/page.rs"))?;
    let fields: Vec<&str> = page
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(": "))
        .map(|(name, _)| name)
        .collect();
    let mut own = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if is_of_one_mail(root, &name) {
            own.push(name.clone());
        } else if !root.join("templates/shared").join(&name).is_file() {
            return Err(Error::other(format!("brand/mails/{name}: no mail has a template of this name")));
        }
        let source = fs::read_to_string(&path)?;
        if let Err(error) = check_syntax(&source) {
            return Err(Error::other(format!("brand/mails/{name}:{error}")));
        }
        for (index, line) in source.lines().enumerate() {
            if let Some(problem) = problem_of(line, &fields, texts) {
                return Err(Error::other(format!("brand/mails/{name}:{}: {problem}", index + 1)));
            }
        }
    }
    own.sort();
    Ok(own)
}

/// Whether `name` is that of a part of a mail, which has a file of its kind.
fn is_of_one_mail(root: &Path, name: &str) -> bool {
    let kind = name.strip_suffix(".txt").or_else(|| name.strip_suffix(".html"));
    kind.is_some_and(|kind| root.join("src/mails").join(format!("{kind}.rs")).is_file())
}

/// Whether askama can read the template; the error begins with line and column.
fn check_syntax(source: &str) -> Result<(), String> {
    let Err(error) = Ast::from_str(source, None, &Syntax::default()) else { return Ok(()) };
    let before = source.get(..error.offset).unwrap_or(source);
    let (line, column) = (before.matches('\n').count() + 1, before.rsplit('\n').next().map_or(0, str::len) + 1);
    Err(format!("{line}:{column}: {}", error.message.as_deref().unwrap_or("a syntax error")))
}

/// What is wrong with the names of a line.
fn problem_of(line: &str, fields: &[&str], texts: &[String]) -> Option<String> {
    let expressions = line.split("{{").skip(1).filter_map(|rest| rest.split_once("}}")).map(|(code, _)| code);
    let tags = line
        .split("{%")
        .skip(1)
        .filter_map(|rest| rest.split_once("%}"))
        .map(|(code, _)| code.trim_matches(['-', '+', ' ']));
    let conditions =
        tags.filter(|tag| tag.starts_with("if ") || tag.starts_with("else if ") || tag.starts_with("elif "));
    for path in expressions.chain(conditions).flat_map(paths) {
        let mut names = path.split('.');
        let (root, field) = (names.next()?, names.next());
        let problem = match (root, field) {
            ("page", Some(field)) if !fields.contains(&field) && !["fill", "marked"].contains(&field) => {
                format!("page has no field {field}")
            }
            ("t", Some(text)) if !texts.iter().any(|name| name == text) => format!("there is no text {text}"),
            (root, _) if !KEYWORDS.contains(&root) => format!("there is no value {root}"),
            _ => continue,
        };
        return Some(problem);
    }
    None
}

/// The paths of names in an expression, such as `page.plan`; not the names of filters, and nothing between quotes.
fn paths(code: &str) -> Vec<String> {
    let code: String = code.split('"').step_by(2).collect::<Vec<_>>().join(" ");
    let mut found = Vec::new();
    let mut before = ' ';
    let mut name = String::new();
    for c in code.chars().chain([' ']) {
        if c.is_ascii_alphanumeric() || c == '_' || (c == '.' && !name.is_empty()) {
            name.push(c);
            continue;
        }
        if name.starts_with(|c: char| c.is_ascii_alphabetic()) && before != '|' && before != '.' {
            found.push(std::mem::take(&mut name));
        }
        name.clear();
        before = if c == ' ' { before } else { c };
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::TEXTS;

    const FIELDS: [&str; 3] = ["plan", "brand", "is_change"];

    fn problem(line: &str) -> Option<String> {
        problem_of(line, &FIELDS, &["verify_title".to_owned(), "lang".to_owned()])
    }

    #[test]
    fn a_name_that_mails_do_not_have_is_a_problem() {
        for (line, expected) in [
            ("<p>{{ page.plan }} {{ page.nope }}</p>", "page has no field nope"),
            ("{% if page.changed %}x{% endif %}", "page has no field changed"),
            ("{% else if !page.nope.is_empty() -%}", "page has no field nope"),
            ("{{ page.fill(t.nope) }}", "there is no text nope"),
            ("{{- plan|safe }}", "there is no value plan"),
        ] {
            assert_eq!(problem(line).as_deref(), Some(expected), "{line}");
        }
        for line in [
            "{{ page.plan }} {{ page.fill(t.verify_title) }} {{ page.marked(t.verify_title)|safe }}",
            "{% if t.lang == \"de\" && !page.brand.support_email.is_empty() %}page.nope{% else %}{% endif %}",
            "{% block body %}{{ super() }}{% endblock %}{% include \"code.html\" %}{# nope #}",
            "{% if page.fill(\"{reason}\").is_empty() %}{{ page.fill(\"{nope}\") }}{% endif %}",
        ] {
            assert_eq!(problem(line), None, "{line}");
        }
    }

    #[test]
    fn a_syntax_error_is_a_problem_with_its_line_and_column() {
        for (source, place) in [
            ("{% extends \"layout.txt\" %}\n{% if page.is_change %}\nx\n{% endblock %}\n", "4:4: "),
            ("{% block body %}\n{{ page.plan }\n{% endblock %}", "2:14: "),
            ("{% block body %}x", "1:4: "),
        ] {
            let error = check_syntax(source).unwrap_err();
            assert!(error.starts_with(place) && error.len() > place.len() + 5, "{source}: {error}");
        }
    }

    /// Checks the shared templates together with `own`, and without the text `missing`.
    fn check(test: &str, own: &[(&str, &str)], missing: &str) -> Result<Vec<String>, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = std::env::temp_dir().join(format!("tollgate-mails-{test}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for entry in fs::read_dir(root.join("templates/shared")).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
        }
        for (name, source) in own {
            fs::write(folder.join(name), source).unwrap();
        }
        let texts: Vec<_> = TEXTS.iter().map(|name| (*name).to_owned()).filter(|name| name != missing).collect();
        let found = check_templates(root, &folder, &texts);
        fs::remove_dir_all(&folder).unwrap();
        found.map_err(|error| error.to_string())
    }

    const VERIFY: &str =
        "{% extends \"layout.html\" %}\n{% block title %}{{ page.fill(t.verify_title) }}{% endblock %}";

    #[test]
    fn the_templates_of_single_mails_are_found_among_the_shared_ones() {
        let own = [("verify.html", VERIFY), ("login_code.txt", "{{ page.code }}"), ("login_code.html", "{{ t.code }}")];
        assert_eq!(check("found", &own, "").unwrap(), ["login_code.html", "login_code.txt", "verify.html"]);
        assert!(check("none", &[], "").unwrap().is_empty());
        let nowhere = Path::new("/nowhere");
        assert!(check_templates(nowhere, nowhere, &[]).unwrap().is_empty());
    }

    #[test]
    fn an_unknown_text_is_named_with_its_template_and_line() {
        let error = check("text", &[("verify.html", VERIFY)], "verify_title").unwrap_err();
        assert_eq!(error, "brand/mails/verify.html:2: there is no text verify_title");
        let error = check("shared", &[], "open_link").unwrap_err();
        assert!(error.starts_with("brand/mails/layout.html:"), "{error}");
        assert!(error.ends_with(": there is no text open_link"), "{error}");
    }

    #[test]
    fn a_template_of_no_mail_is_a_problem() {
        for name in
            ["verfy.html", "verify.htm", "verify", "mail.html", "mail.txt", "earlier.jsonl", "layout.htm", ".txt"]
        {
            let error = check("unknown", &[(name, VERIFY)], "").unwrap_err();
            assert_eq!(error, format!("brand/mails/{name}: no mail has a template of this name"));
        }
    }

    // askama looks beside a template for those that it names, before it looks into `brand/mails`.
    #[test]
    fn no_template_has_those_that_it_names_beside_it() {
        let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        for folder in [templates.clone(), templates.join("shared")] {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let Ok(source) = fs::read_to_string(&path) else { continue };
                for tag in ["{% extends \"", "{% include \""] {
                    for rest in source.split(tag).skip(1) {
                        let (name, _) = rest.split_once('"').unwrap();
                        assert!(templates.join("shared").join(name).is_file(), "{name} is shared");
                        assert!(!folder.join(name).exists(), "{}: {name}", path.display());
                    }
                }
            }
        }
    }
}
