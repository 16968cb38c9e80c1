//! The roles of `shared/store/src/roles.rs`: each capability of a role is used by the role's code. So a role is no wider than
//! its code, whose calls the roles in `template.yaml` allow exactly (`roles.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use tollgate_tests::template::function_id;

/// The roles of shared crates, to which functions narrow their stores, with their folders.
const SHARED: [(&str, &str); 4] = [
    ("Verifying", "shared/guard"),
    ("Guarding", "shared/guard"),
    ("Limiting", "shared/http"),
    ("Converging", "shared/convergence"),
];

/// The Rust code of a folder, one text.
fn code(folder: &str) -> String {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder)];
    let mut code = String::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                code.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    code
}

/// The capabilities of each role.
fn roles() -> BTreeMap<String, BTreeSet<String>> {
    let code = code("shared/store/src");
    let (_, declared) = code.split_once("\nroles! {\n").unwrap();
    let (declared, _) = declared.split_once("\n}\n").unwrap();
    let lines = declared.lines().filter(|line| !line.trim().starts_with("///")).collect::<String>();
    let role = |text: &str| {
        let (role, capabilities) = text.split_once(": ").unwrap();
        (role.trim().to_owned(), capabilities.split(',').map(|name| name.trim().to_owned()).collect())
    };
    lines.split(';').filter(|text| !text.trim().is_empty()).map(role).collect()
}

/// The methods and reads that exist for roles with a capability, by the capability.
fn methods() -> BTreeMap<String, BTreeSet<String>> {
    let code = code("shared/store/src");
    let mut found = BTreeMap::<String, BTreeSet<String>>::new();
    for block in code.split("\nimpl<R: ").skip(1) {
        let (capabilities, rest) = block.split_once("> ").unwrap();
        let (head, body) = rest.split_once('{').unwrap();
        let names: Vec<_> = match head.split_once(" for ") {
            Some((_, read)) => vec![name_at(read)],
            None => {
                let (body, _) = body.split_once("\n}").unwrap();
                let methods = body.split("\n    pub ").skip(1);
                methods.filter_map(|text| Some(name_at(text.split_once("fn ")?.1))).collect()
            }
        };
        for capability in capabilities.split(" + ") {
            found.entry(capability.to_owned()).or_default().extend(names.iter().map(|name| (*name).to_owned()));
        }
    }
    found
}

/// The name at the beginning of a text.
fn name_at(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap()
}

// S31
#[test]
fn each_capability_of_a_role_is_used_by_its_code() {
    let (roles, methods) = (roles(), methods());
    let folder_of = |role: &str| {
        let shared = SHARED.iter().find(|(name, _)| *name == role).map(|(_, folder)| (*folder).to_owned());
        let function = tollgate_local::FUNCTIONS.iter().find(|function| function_id(function.name) == role);
        shared.or_else(|| Some(format!("functions/{}", function?.name))).unwrap_or_else(|| panic!("{role}: no code"))
    };
    let mut unused = Vec::new();
    for (role, capabilities) in &roles {
        let code = code(&format!("{}/src", folder_of(role)));
        let words: BTreeSet<_> = code.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        // A function has the capabilities of the stores that it narrows its own to.
        let is_shared = SHARED.iter().any(|(name, _)| name == role);
        let narrowed: BTreeSet<_> = match words.contains("narrow") && !is_shared {
            true => SHARED.iter().flat_map(|(name, _)| &roles[*name]).collect(),
            false => BTreeSet::new(),
        };
        for capability in capabilities.iter().filter(|capability| !narrowed.contains(capability)) {
            if !methods[capability].iter().any(|method| words.contains(method.as_str())) {
                unused.push(format!("{role}: {capability}"));
            }
        }
    }
    assert!(roles.len() > 10 && methods.len() > 20, "{roles:?}");
    assert!(unused.is_empty(), "not used: {}. Edit shared/store/src/roles.rs.", unused.join(", "));
}
