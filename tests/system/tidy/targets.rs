//! The manifests state which targets have tests. For each target with `test = true`, the default, `cargo test` compiles and links
//! the code of the target a second time.

use super::circles::packages;
use super::imports::{Graph, add_target, roots};
use super::root;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;

/// The first files of the targets for which a manifest states `test = false`.
fn without_tests(manifest: &str) -> impl Iterator<Item = &str> {
    manifest.split("\n[").filter(|section| section.lines().any(|line| line == "test = false")).map(|section| {
        let path = section.lines().find_map(|line| line.strip_prefix("path = "));
        path.map_or("src/lib.rs", |path| path.trim_matches('"'))
    })
}

#[test]
fn exactly_the_targets_with_tests_have_a_test_harness() {
    let mut found = BTreeMap::new();
    for package in packages() {
        let folder = root().join(&package);
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        for first in roots(&folder).iter().filter(|path| path.starts_with("src/")) {
            let has_tests = Cell::new(false);
            add_target(&mut Graph::new(), first, &|file| {
                let text = fs::read_to_string(folder.join(file)).ok()?;
                has_tests.set(
                    has_tests.get() || text.contains("#[test]") || text.contains("::test]") || text.contains("::test("),
                );
                Some(text)
            });
            let has_harness = !without_tests(&manifest).any(|path| path == first);
            if has_tests.get() != has_harness {
                let edit = format!("{package}/Cargo.toml: test = {}", has_tests.get());
                found.insert(format!("{package}/{first}"), edit);
            }
        }
    }
    assert_eq!(found, BTreeMap::new());
}
