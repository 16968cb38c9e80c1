//! Rules of the repository that a program can check.

mod circles;
mod imports;
mod lengths;
mod targets;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use tollgate_local::FUNCTIONS;
use tollgate_tests::guards::assert_same_names;
use tollgate_tests::template::function_id;

/// How many lines of a failure are shown.
const SHOWN: usize = 20;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file with this ending in the folders of the code.
fn files(ending: &str) -> Vec<PathBuf> {
    fn list(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                // What npm installs is not ours.
                if !path.ends_with("node_modules") {
                    list(&path, ending, found);
                }
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    for folder in ["functions", "shared", "infra", "tests"] {
        list(&root().join(folder), ending, &mut found);
    }
    assert!(!found.is_empty());
    found
}

fn manifest(of: &str) -> String {
    read(&format!("{of}/Cargo.toml"))
}

/// All the sources of a package.
fn sources(of: &str) -> String {
    let folder = root().join(of).canonicalize().unwrap();
    let own = files(".rs").into_iter().filter(|path| path.canonicalize().unwrap().starts_with(&folder));
    own.map(|path| fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn every_file_starts_with_a_description() {
    for path in files(".rs") {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{}", path.display());
    }
}

#[test]
fn every_package_is_under_the_lints_of_the_workspace() {
    for path in files("Cargo.toml") {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("[lints]\nworkspace = true"), "{}", path.display());
        let own_versions = text.lines().filter(|line| line.contains("version = \""));
        assert_eq!(own_versions.count(), 0, "{}: versions stand in the workspace's manifest", path.display());
    }
}

// E4
#[test]
fn cargo_build_and_cargo_run_build_the_same_package() {
    let workspace = read("Cargo.toml");
    let default = workspace.lines().find_map(|line| line.strip_prefix("default-members = "));
    assert_eq!(default, Some(r#"["infra/local", "functions/*"]"#));
    let local = manifest("infra/local");
    assert!(local.contains("default-run = \"tollgate\""));
    let feature_of_a_binary = local.lines().find(|line| line.starts_with("required-features"));
    assert_eq!((feature_of_a_binary, local.contains("[features]")), (None, false));
}

#[test]
fn the_main_of_a_function_is_telemetry_config_clients_run() {
    for name in ["auth", "example", "pages", "relay", "mailer"] {
        let main = read(&format!("functions/{name}/src/main.rs"));
        assert!(main.lines().count() <= 40 && main.contains("telemetry::init()"), "{name}");
    }
}

#[test]
fn the_domain_has_no_aws_http_runtime_or_other_crate_of_ours() {
    let manifest = manifest("shared/domain");
    for word in ["aws", "http", "axum", "lambda", "tokio", "tollgate-store", "tollgate-platform", "tollgate-mail"] {
        assert!(!manifest.lines().skip(1).any(|line| line.starts_with(word)), "{word}");
    }
}

#[test]
fn only_the_store_calls_dynamodb() {
    for path in files("Cargo.toml") {
        let text = fs::read_to_string(&path).unwrap();
        // The bench has a bare function that makes the same calls without the store; it is not deployed.
        let may_call = path.ends_with("shared/store/Cargo.toml") || path.ends_with("infra/bench/Cargo.toml");
        assert_eq!(text.contains("aws-sdk-dynamodb"), may_call, "{}", path.display());
    }
}

/// The functions that use a crate or a client which the others must not have.
const USERS_OF: [(&str, &str); 6] = [
    ("tollgate-stripe", "billing stripe-events sweeper"),
    ("tollgate-outbox", "relay sweeper"),
    ("tollgate-mail", "auth mailer"),
    ("tollgate-sql", "admin reports"),
    ("aws-sdk-ses", "mailer"),
    ("aws-sdk-sqs", "stripe-webhook"),
];

#[test]
fn each_function_uses_only_the_allowed_crates_and_services() {
    let names = || FUNCTIONS.iter().map(|function| function.name);
    let uses = |function: &str, word: &str| {
        let lines = manifest(&format!("functions/{function}"));
        lines.lines().any(|line| line.split(['.', ' ']).next() == Some(word))
    };
    for (word, users) in USERS_OF {
        let found = names().filter(|function| uses(function, word));
        let edit = "functions/*/Cargo.toml, or USERS_OF in tests/system/tidy.rs";
        assert_same_names(&format!("the users of {word}"), found, users.split(' '), edit);
    }
    for function in FUNCTIONS {
        let name = function.name;
        assert_eq!(uses(name, "tollgate-http"), function.openapi().is_some(), "{name}: conventions of HTTP");
        let others = names().filter(|other| *other != name && uses(name, &format!("tollgate-{other}")));
        assert_eq!(others.collect::<Vec<_>>(), Vec::<&str>::new(), "{name} uses another function");
    }
    for (folder, forbidden) in [
        ("functions/pages", &["aws-"][..]),
        ("functions/example", &["tollgate-domain"]),
        ("shared/guard", &["tollgate-http", "utoipa"]),
    ] {
        for word in forbidden {
            assert!(!manifest(folder).contains(word), "{folder}: {word}");
        }
    }
}

/// `shared/store/src/roles.rs` states what each role may do, and its document tests verify that it can do nothing else.
#[test]
fn each_function_has_the_store_of_its_own_role() {
    let folders = fs::read_dir(root().join("functions")).unwrap();
    let folders: BTreeSet<_> = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let functions: BTreeSet<_> = FUNCTIONS.iter().map(|function| function.name.to_owned()).collect();
    let edit = "FUNCTIONS in infra/local/src/stack/functions.rs";
    assert_same_names("the folders of functions and the functions of the local stack", &folders, &functions, edit);
    for function in &functions {
        let sources = sources(&format!("functions/{function}"));
        let has_store = manifest(&format!("functions/{function}")).contains("tollgate-store");
        let role = has_store.then(|| function_id(function));
        let named = sources.split("Store<").skip(1).map(|rest| rest.split_once('>').unwrap().0);
        let named: BTreeSet<_> = named.filter(|role| *role != "R").collect();
        assert_eq!(named, role.iter().map(String::as_str).collect(), "{function}");
        // A store whose type names no role is the operator's.
        for operator in ["Operator", ": Store,", ": Store =", "&Store,", "&Store)", "Store::<", "-> Store "] {
            assert!(!sources.contains(operator), "{function}: {operator}");
        }
    }
}

#[test]
fn pages_and_mails_use_the_same_currency_decimals() {
    let texts = [read("shared/mail/src/money.rs"), read("functions/pages/web/account/dom.js")];
    for name in ["const WHOLE", "const THOUSANDTHS"] {
        let [mails, pages] = texts.each_ref().map(|text| {
            let (_, value) = text.split_once(name).unwrap().1.split_once('=').unwrap();
            let codes = value.split_once("];").unwrap().0.split('"').skip(1).step_by(2);
            codes.map(str::to_owned).collect::<Vec<_>>()
        });
        assert!(mails.len() > 5 && mails == pages, "{name}: {mails:?} {pages:?}");
    }
}

#[test]
fn nothing_that_is_deployed_knows_the_local_stack() {
    for folder in ["functions", "shared"] {
        for path in files(".rs").into_iter().filter(|path| path.to_string_lossy().contains(&format!("/{folder}/"))) {
            let text = fs::read_to_string(&path).unwrap();
            assert!(!text.contains("tollgate_local") && !text.contains("_local/"), "{}", path.display());
        }
    }
}

/// Words that the project does not use, the plain words instead, and the files in which each has another meaning. A word is
/// a part of an identifier or of a sentence: `desk` is found in `DeskError`, in `at_desk` and in "the desk".
const OLD_WORDS: &[(&str, &str, &[&[&str]])] = &[
    (
        "desk",
        "dev console, admin API, dashboard, or the table system",
        &[&[
            "infra/local/src/stack/data.rs",
            "infra/local/src/console/tables.rs",
            "shared/store/tests/store/earlier_rows.rs",
            "tests/system/local_stack.rs",
            "docs/upgrading.md",
        ]],
    ),
    ("standin", "fake", &[]),
    ("standins", "fakes", &[]),
    ("drawer", "document store", &[]),
    ("shelf", "document store", &[]),
    ("pump", "event source", &[&["tests/aws/emulator.py"]]),
    ("pumps", "event sources", &[]),
    ("crowd", "population", &[]),
    ("duel", "two racers", &[]),
    ("duels", "accounts", &[]),
    ("faceless", "nondeterministic fields", &[]),
    ("unproved", "unverified", &[STORED]),
    ("prove", "verify", &[]),
    ("proves", "verifies", &[]),
    ("proved", "verified", &[STORED]),
    ("proof", "verification, or sign-in method", &[]),
    ("surplus", "duplicate", &[STORED]),
    ("regrade", "recompute access", &[]),
    ("of nobody", "customer deleted, or unknown", &[]),
    ("judge", "decide, classify, check or compare", &[]),
    ("judged", "decided, classified, checked or compared", &[]),
    ("judges", "decides, classifies, checks or compares", &[]),
    ("noted", "expected, or recorded", &[]),
    ("tickets", "queue messages", &[]),
    ("departures", "closing", &[]),
    ("aws alone", "AWS endpoints", &[]),
    ("said no", "refused", &[]),
    ("says no", "refuses", &[]),
    ("told", "notified, reported, described or known", &[&["infra/fake-stripe/src/"]]),
    ("tell of", "describe, or name", &[]),
    ("or nobody", "or a placeholder", &[]),
    ("such that is", "one that is", &[]),
    ("to be had", "available", &[]),
];

/// Words and phrases that comments and documents do not use. In code and in data they have other meanings: an address of a
/// test is `nobody@example.com`.
const OLD_PROSE: &[(&str, &str)] = &[
    ("nobody", "no user, no account or no test"),
    ("somebody", "a user, or another writer"),
    ("whoever", "the user who, or the caller"),
    ("so many", "this number of"),
    ("what is asked of", "the limits of"),
    ("is told", "is notified, or learns"),
];

/// Files whose stored names are older than the words: a change would need a migration.
const STORED: &[&str] = &[
    "functions/pages/web/dashboard/sentences.js",
    "infra/athena/",
    "shared/domain/src/billing/subscription.rs",
    "shared/store/src/identity/profile.rs",
    "shared/store/tests/store/accounts.rs",
    "shared/store/tests/store/listing.rs",
    "tests/athena/",
    "tests/src/model/",
    "tests/src/races/",
];

/// Files that record the past or hold data of others.
const RECORDS: &[&str] = &["CHANGELOG.md", "docs/decisions.md", "tests/ask/", "tests/system/tidy.rs"];

/// The words of a line, in lower case and each between spaces.
fn words_of(line: &str) -> String {
    let (mut words, mut before) = (" ".to_owned(), ' ');
    for c in line.chars() {
        if c.is_alphanumeric() {
            if c.is_uppercase() && before.is_lowercase() {
                words.push(' ');
            }
            words.extend(c.to_lowercase());
        } else if !words.ends_with(' ') {
            words.push(' ');
        }
        before = c;
    }
    words.push(' ');
    words
}

/// The comment in a line of code, or the whole line of a document.
fn prose_of<'l>(file: &str, line: &'l str) -> &'l str {
    let markers: &[&str] = match file.rsplit('.').next() {
        Some("md") => return line,
        Some("rs" | "js" | "mjs" | "css") => &["/// ", "//! ", "// ", "/** ", "/* "],
        Some("sql") => &["-- "],
        _ => &["# "],
    };
    if let (Some("js" | "mjs" | "css"), Some(rest)) = (file.rsplit('.').next(), line.trim_start().strip_prefix("* ")) {
        return rest;
    }
    markers.iter().find_map(|marker| line.split_once(marker)).map_or("", |(_, comment)| comment)
}

#[test]
fn no_file_uses_an_old_word() {
    let endings = [".rs", ".toml", ".html", ".css", ".js", ".mjs", ".py", ".sh", ".sql"];
    let mut paths: Vec<_> = endings.into_iter().flat_map(files).collect();
    for folder in [".", "docs", "brand"] {
        let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let is_text =
            |path: &PathBuf| [".md", ".yaml", ".toml"].iter().any(|end| path.to_string_lossy().ends_with(end));
        paths.extend(entries.filter(|path| path.is_file() && is_text(path)));
    }
    let mut found = Vec::new();
    for path in paths {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        let name = name.trim_start_matches("./");
        let is_foreign = name.contains("/node_modules/") || name.contains("/target/");
        if is_foreign || RECORDS.iter().any(|record| name.starts_with(record)) {
            continue;
        }
        for (number, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            let words = words_of(line);
            let prose = words_of(prose_of(name, line));
            for (old, plain) in OLD_PROSE {
                if prose.contains(&format!(" {old} ")) {
                    found.push(format!("{name}:{}: \"{old}\" instead of {plain}", number + 1));
                }
            }
            for (old, plain, allowed) in OLD_WORDS {
                if words.contains(&format!(" {old} ")) && !allowed.concat().iter().any(|file| name.starts_with(file)) {
                    found.push(format!("{name}:{}: \"{old}\" instead of {plain}", number + 1));
                }
            }
        }
    }
    found.truncate(SHOWN);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn an_old_word_is_found_in_identifiers_and_sentences() {
    for line in ["struct DeskError;", "at_desk(1)", "/// The desk's page."] {
        assert!(words_of(line).contains(" desk "), "{line}");
    }
    assert!(!words_of("a desktop").contains(" desk "));
}

#[test]
fn prose_is_the_comment_of_a_line_or_a_line_of_a_document() {
    for (file, line, prose) in [
        ("a.rs", "    /// Nobody reads it.", "Nobody reads it."),
        ("a.rs", "let nobody = 1; // the first", "the first"),
        ("a.rs", r#"let email = "nobody@example.com";"#, ""),
        ("a.js", " * Nobody reads it.", "Nobody reads it."),
        ("a.py", "x = 1  # Nobody reads it.", "Nobody reads it."),
        ("a.md", "Nobody reads it.", "Nobody reads it."),
    ] {
        assert_eq!(prose_of(file, line), prose);
    }
}
