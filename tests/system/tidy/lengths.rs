//! The longest files, functions and handlers of the code, that of the tests and examples included: of Rust, and of the scripts in
//! JavaScript and Python.

use super::{SHOWN, files, root};
use std::fs;

const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 70;
const HANDLER_LINES: usize = 25;

/// What may be longer: the file, the function in it, or none for the file itself, and the reason.
const LONGER: &[(&str, &str, &str)] = &[("shared/http/src/error.rs", "public", "one exhaustive match of all errors")];

/// A function and the number of its lines, from its signature to its closing brace.
#[derive(Debug, PartialEq, Eq)]
struct Function {
    name: String,
    lines: usize,
    is_handler: bool,
}

/// The functions of a formatted file: one ends at the first brace in its own column.
fn functions(source: &str) -> Vec<Function> {
    let lines: Vec<_> = source.lines().collect();
    let mut found = Vec::new();
    let mut is_handler = false;
    for (index, line) in lines.iter().enumerate() {
        is_handler |= line.trim_start().starts_with("#[utoipa::path(");
        let Some(name) = name_of(line) else { continue };
        let end_of_signature = lines[index..].iter().position(|line| line.ends_with(['{', ';', '}'])).unwrap();
        let indent = &line[..line.len() - line.trim_start().len()];
        let more = match lines[index + end_of_signature].ends_with('{') {
            true => lines[index..].iter().position(|line| line.strip_prefix(indent) == Some("}")).unwrap(),
            false => end_of_signature,
        };
        found.push(Function { name, lines: more + 1, is_handler: std::mem::take(&mut is_handler) });
    }
    found
}

/// The functions of a formatted script: one ends before the next line that is not within it.
fn functions_of_script(source: &str) -> Vec<Function> {
    let lines: Vec<_> = source.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let words = line.trim_start().split(' ').skip_while(|word| matches!(*word, "export" | "default" | "async"));
        let words: Vec<_> = words.collect();
        let [keyword @ ("function" | "def"), rest, ..] = words.as_slice() else { continue };
        let name = rest.split('(').next().unwrap_or_default().to_owned();
        // The brackets that close a signature, and the brace that closes a function, are in its own column.
        let is_within =
            |other: &&&str| other.is_empty() || indent(other) > indent(line) || other.trim_start().starts_with(')');
        let within = lines[index + 1..].iter().take_while(is_within).count();
        let blank = lines[index + 1..=index + within].iter().rev().take_while(|line| line.is_empty()).count();
        let body = within - blank;
        let brace = usize::from(*keyword == "function" && body > 0);
        found.push(Function { name, lines: 1 + body + brace, is_handler: false });
    }
    found
}

/// The name of the function that begins on a line.
fn name_of(line: &str) -> Option<String> {
    let (before, after) = line.split_once("fn ")?;
    let is_modifier = |word: &str| matches!(word, "pub" | "pub(crate)" | "pub(super)" | "const" | "async");
    let name = after.split(['(', '<']).next().filter(|name| !name.is_empty() && !name.contains(' '))?;
    before.split_whitespace().all(is_modifier).then(|| name.to_owned())
}

/// What is too long in a file: the function, or none for the file itself, and what to do.
fn too_long(source: &str, functions: fn(&str) -> Vec<Function>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let lines = source.lines().count();
    if lines > FILE_LINES {
        found.push((String::new(), format!("{lines} lines, at most {FILE_LINES}: split the file")));
    }
    for Function { name, lines, is_handler } in functions(source) {
        let most = if is_handler { HANDLER_LINES } else { FUNCTION_LINES };
        if lines > most {
            let what = if is_handler { "handler" } else { "function" };
            let problem = format!("{what} {name} has {lines} lines, at most {most}: extract a step with a name");
            found.push((name, problem));
        }
    }
    found
}

type Find = fn(&str) -> Vec<Function>;

#[test]
fn files_functions_and_handlers_are_short() {
    let mut problems = Vec::new();
    let mut longer = LONGER.to_vec();
    let scripts = [".js", ".mjs", ".py"].into_iter().flat_map(files).map(|path| (path, functions_of_script as Find));
    for (path, functions) in files(".rs").into_iter().map(|path| (path, functions as Find)).chain(scripts) {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        for (function, problem) in too_long(&fs::read_to_string(&path).unwrap(), functions) {
            let is_allowed = |(file, of, _): &(&str, &str, &str)| (*file, *of) == (name.as_str(), function.as_str());
            match longer.iter().position(is_allowed) {
                Some(index) => drop(longer.swap_remove(index)),
                None => problems.push(format!("{name}: {problem}")),
            }
        }
    }
    for (file, function, _) in longer {
        problems.push(format!("{}: {file} {function} is short now: remove it from LONGER", file!()));
    }
    problems.truncate(SHOWN);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn a_function_is_counted_from_its_signature_to_its_brace() {
    let source = "pub trait T {\n    fn a(&self) -> u8;\n    fn b(\n        x: u8,\n    )\n    where\n        Self: Sized;\n}\n\
                  pub const fn c() -> u8 { 1 }\n\
                  #[utoipa::path(\n    get\n)]\npub async fn d<T>(\n    x: T,\n) {\n    if x {\n    }\n}\n\
                  // A comment about the fn e of another file.\nmod m {\n    pub(super) fn f() {\n        x\n    }\n}\n";
    let found: Vec<_> = functions(source).into_iter().map(|f| (f.name, f.lines, f.is_handler)).collect();
    let expected = [("a", 1, false), ("b", 5, false), ("c", 1, false), ("d", 6, true), ("f", 3, false)];
    assert_eq!(found, expected.map(|(name, lines, is_handler)| (name.to_owned(), lines, is_handler)));
}

#[test]
fn a_file_function_or_handler_above_its_limit_is_found() {
    let body = |lines: usize| format!("async fn long() {{\n{}}}\n", "    x;\n".repeat(lines - 2));
    let handler = |lines| format!("#[utoipa::path(get)]\n{}", body(lines));
    let names = |source: &str| too_long(source, functions).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!((names(&body(70)), names(&body(71))), (vec![], vec!["long".to_owned()]));
    assert_eq!((names(&handler(25)), names(&handler(26))), (vec![], vec!["long".to_owned()]));
    assert_eq!((names(&"\n".repeat(500)), names(&"\n".repeat(501))), (vec![], vec![String::new()]));
}

#[test]
fn a_function_of_a_script_is_counted_from_its_first_to_its_last_line() {
    let source = "export async function a(\n  x,\n) {\n  if (x) {\n\n  }\n  function b() {\n    y();\n  }\n}\n\n\
                  function c() {}\n\n\
                  async def d(\n    x,\n):\n    y()\n\n\ndef e():\n    y()\n";
    let found: Vec<_> = functions_of_script(source).into_iter().map(|f| (f.name, f.lines)).collect();
    assert_eq!(
        found,
        [("a", 10), ("b", 3), ("c", 1), ("d", 4), ("e", 2)].map(|(name, lines)| (name.to_owned(), lines))
    );
}
