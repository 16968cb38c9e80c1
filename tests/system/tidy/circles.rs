//! No files of a crate that import each other in a circle.

use super::imports::{Graph, add_target, roots};
use super::{SHOWN, root};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;

/// The files that can be reached from a file.
fn reached<'a>(graph: &'a Graph, from: &'a str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(file) = open.pop() {
        for next in graph.get(file).into_iter().flat_map(BTreeMap::keys) {
            if found.insert(next.as_str()) {
                open.push(next);
            }
        }
    }
    found
}

/// The groups of files of which each can be reached from each other one.
fn circles(graph: &Graph) -> BTreeSet<BTreeSet<&str>> {
    let reached: BTreeMap<_, _> = graph.keys().map(|file| (file.as_str(), reached(graph, file))).collect();
    let reaches = |from: &str, to: &str| reached.get(from).is_some_and(|files| files.contains(to));
    let circle_of = |file: &str| {
        let both = |other: &&str| reaches(file, other) && reaches(other, file);
        reached.keys().copied().filter(both).collect::<BTreeSet<_>>()
    };
    graph.keys().map(|file| circle_of(file)).filter(|circle| !circle.is_empty()).collect()
}

/// The shortest way from a file back to it.
fn way_back<'a>(graph: &'a Graph, start: &'a str) -> Option<Vec<&'a str>> {
    let mut seen = BTreeSet::new();
    let mut ways = VecDeque::from([vec![start]]);
    while let Some(way) = ways.pop_front() {
        for next in graph.get(*way.last()?).into_iter().flat_map(BTreeMap::keys) {
            if next == start {
                return Some(way);
            }
            if seen.insert(next) {
                ways.push_back([way.as_slice(), &[next]].concat());
            }
        }
    }
    None
}

/// What is wrong with a circle: its shortest way, the names that tie it, and what to edit.
fn problem(graph: &Graph, circle: &BTreeSet<&str>) -> String {
    let ways = circle.iter().filter_map(|file| way_back(graph, file));
    let way = ways.min_by_key(Vec::len).expect("each file of a circle is reached from itself");
    let next = |index: usize| way[(index + 1) % way.len()];
    let names = |index: usize| graph[way[index]][next(index)].iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let arrow = |index: usize| format!("{} takes {} from {}", way[index], names(index), next(index));
    let arrows: Vec<_> = (0..way.len()).map(arrow).collect();
    let fewest = (0..way.len()).min_by_key(|index| graph[way[*index]][next(*index)].len()).unwrap_or_default();
    format!(
        "{} files import each other in a circle, the shortest one is: {}. Edit {}: move {} to a file below",
        circle.len(),
        arrows.join("; "),
        next(fewest),
        names(fewest),
    )
}

pub fn packages() -> Vec<String> {
    let mut found = vec!["tests".to_owned()];
    for folder in ["functions", "shared", "infra"] {
        let entries = fs::read_dir(root().join(folder)).unwrap();
        let names = entries.map(|entry| format!("{folder}/{}", entry.unwrap().file_name().into_string().unwrap()));
        found.extend(names.filter(|package| root().join(package).join("Cargo.toml").is_file()));
    }
    found.sort();
    found
}

#[test]
fn no_files_of_a_crate_import_each_other_in_a_circle() {
    let mut found = Vec::new();
    for package in packages() {
        let folder = root().join(&package);
        let mut graph = Graph::new();
        let roots = roots(&folder);
        assert!(!roots.is_empty(), "{package} has no sources");
        for first in roots {
            add_target(&mut graph, &first, &|file| fs::read_to_string(folder.join(file)).ok());
        }
        found.extend(circles(&graph).iter().map(|circle| format!("{package}: {}", problem(&graph, circle))));
    }
    found.truncate(SHOWN);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The graph of a crate with these files.
fn graph_of(files: &[(&str, &str)]) -> Graph {
    let mut graph = Graph::new();
    let read = |path: &str| files.iter().find(|(file, _)| *file == path).map(|(_, text)| (*text).to_owned());
    add_target(&mut graph, files[0].0, &read);
    graph
}

/// The arrows of a crate with these files: `a b:Name` where `src/a.rs` takes `Name` from `src/b.rs`.
fn arrows(files: &[(&str, &str)]) -> Vec<String> {
    let short = |file: &str| file.trim_start_matches("src/").trim_end_matches(".rs").to_owned();
    let graph = graph_of(files);
    let pairs = graph.iter().flat_map(|(from, files)| files.iter().map(move |(to, names)| (from, to, names)));
    let named = |names: &BTreeSet<String>| names.iter().map(String::as_str).collect::<Vec<_>>().join(",");
    pairs.map(|(from, to, names)| format!("{} {}:{}", short(from), short(to), named(names))).collect()
}

#[test]
fn a_name_is_taken_from_the_file_that_defines_it() {
    const ROOT: &str = "mod a; mod b; mod c; pub use b::B; pub(crate) use c::*;";
    const B: &str = "pub struct B; impl B { pub fn new() {} } pub fn f() {} macro_rules! ids { () => {} } ids!(Id);";
    const C: &str = "pub mod d { pub struct D; } pub use d::D as E; #[macro_export] macro_rules! m { () => {} }";
    for (a, expected) in [
        ("use crate::B;", "a b:B"),
        ("use super::{b::{self, B as X}}; fn g() -> X { b::f() }", "a b:B,f"),
        ("fn g() { crate::b::f() }", "a b:f"),
        ("fn g() { super::B::new() }", "a b:B"),
        ("use crate::*; fn g() -> B {}", "a b:B"),
        ("use crate::*;", ""),
        ("use crate::b;", ""),
        ("use crate::E;", "a c:D"),
        ("use crate::b::Id;", "a b:Id"),
        ("fn g() { use crate::b::*; f() }", "a b:f"),
        ("mod inner { fn g() { super::super::b::f() } }", "a b:f"),
        ("fn g() { vec![crate::b::f()] }", "a b:f"),
        ("fn g() { crate::m!() }", "a c:m"),
        ("#[serde(with = \"crate::b\")] struct S;", ""),
        ("#[serde(default = \"crate::b::f\")] struct S;", "a b:f"),
        ("/// [`crate::b::f`]\nstruct S;", ""),
        ("pub use crate::b::f;", ""),
        ("pub use crate::b::f; fn g() { f() }", "a b:f"),
        ("fn g(b: crate::b::B) { b.f() }", "a b:B"),
        ("struct B; fn g() -> B { ::b::f() }", ""),
        ("use std::f; use serde::Deserialize;", ""),
        ("#[cfg(test)] use crate::b::f; #[cfg(test)] mod tests { use crate::b::f; }", ""),
        ("#[cfg(test)] mod of_a_file_that_is_not_read;", ""),
        ("#[cfg(not(test))] use crate::b::f;", "a b:f"),
        ("struct S; impl S { #[cfg(test)] fn g() { crate::b::f() } }", ""),
    ] {
        let found = arrows(&[("src/lib.rs", ROOT), ("src/a.rs", a), ("src/b.rs", B), ("src/c.rs", C)]);
        let expected: Vec<_> = Some(expected).filter(|expected| !expected.is_empty()).into_iter().collect();
        assert_eq!(found, expected, "{a}");
    }
}

#[test]
fn a_module_is_found_by_its_folder_or_its_path() {
    let files = [
        ("src/lib.rs", "mod a; mod b { mod c; } #[path = \"../other/e.rs\"] mod e;"),
        ("src/a/mod.rs", "mod d; use super::e::E;"),
        ("src/a/d.rs", "use super::super::b::C;"),
        ("src/b/c.rs", "use crate::a::d::D;"),
        ("src/../other/e.rs", "pub struct E;"),
    ];
    assert_eq!(arrows(&files), ["a/d lib:C", "a/mod ../other/e:E", "b/c a/d:D"].map(str::to_owned));
}

#[test]
fn a_circle_is_reported_with_its_names_and_what_to_edit() {
    let root = ("src/lib.rs", "mod a; mod b; mod c; pub use a::A; pub use b::{B, C};");
    let (a, c) = (("src/a.rs", "use crate::{B, C}; pub struct A;"), ("src/c.rs", "use crate::A;"));
    let no_circle = graph_of(&[root, a, ("src/b.rs", "pub struct B; pub struct C;"), c]);
    assert_eq!(circles(&no_circle), BTreeSet::new());
    let graph = graph_of(&[root, a, ("src/b.rs", "use crate::A; pub struct B; pub struct C;"), c]);
    let found: Vec<_> = circles(&graph).iter().map(|circle| problem(&graph, circle)).collect();
    let expected = "2 files import each other in a circle, the shortest one is: src/a.rs takes B, C from src/b.rs; \
                    src/b.rs takes A from src/a.rs. Edit src/a.rs: move A to a file below";
    assert_eq!(found, [expected]);
}
