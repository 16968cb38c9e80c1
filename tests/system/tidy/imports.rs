//! The names that the files of a crate take from each other, read with a parser.
//!
//! A name is followed through imports and re-exports to the file that defines it. What is under `#[cfg(test)]` is left out.
//! The target of a method call cannot be seen here, and does not count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, Meta, UseTree, Visibility};

/// For each file the files it takes names from, with these names.
pub type Graph = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// How many re-exports a name may pass through.
const REEXPORTS: usize = 16;

#[derive(Default)]
struct Module {
    file: String,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    /// What the module defines, and the file that does.
    items: BTreeMap<String, String>,
    imports: BTreeMap<String, Vec<Vec<String>>>,
    globs: Vec<Vec<String>>,
    /// The words in the calls of macros that define items.
    in_macros: BTreeSet<String>,
}

/// What a path names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named<'a> {
    Module(usize),
    /// The file that defines an item, and its name there.
    Item(&'a str, &'a str),
}

#[derive(Default)]
struct Target {
    modules: Vec<Module>,
    /// The items of each module.
    sources: Vec<Vec<Item>>,
}

/// Adds what the files of one target take from each other: `root` is its first file, `read` reads a file if it is there.
pub fn add_target(graph: &mut Graph, root: &str, read: &dyn Fn(&str) -> Option<String>) {
    let mut target = Target::default();
    let text = read(root).unwrap_or_else(|| panic!("{root} is missing"));
    let (folder, _) = root.rsplit_once('/').unwrap_or_default();
    target.add_module(None, root, folder, items_of(root, &text), read);
    for (module, items) in target.sources.iter().enumerate() {
        let mut names = Names { target: &target, module, graph };
        items.iter().for_each(|item| names.visit_item(item));
    }
}

fn items_of(file: &str, text: &str) -> Vec<Item> {
    syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}")).items
}

impl Target {
    /// Adds a module with the modules in it; `folder` holds the files of these.
    fn add_module(
        &mut self,
        parent: Option<usize>,
        file: &str,
        folder: &str,
        items: Vec<Item>,
        read: &dyn Fn(&str) -> Option<String>,
    ) -> usize {
        let id = self.modules.len();
        self.modules.push(Module { file: file.to_owned(), parent, ..Module::default() });
        self.sources.push(Vec::new());
        let mut own = Vec::new();
        for item in items {
            match item {
                Item::Mod(module) if !is_for_tests(&module.attrs) => {
                    let name = module.ident.to_string();
                    let below = join(folder, &name);
                    let child = match module.content {
                        Some((_, items)) => self.add_module(Some(id), file, &below, items, read),
                        None => {
                            let (file, text) = file_of(&module.attrs, file, &below, read);
                            self.add_module(Some(id), &file, &below, items_of(&file, &text), read)
                        }
                    };
                    self.modules[id].children.insert(name, child);
                }
                item => {
                    self.declare(id, &item);
                    own.push(item);
                }
            }
        }
        self.sources[id] = own;
        id
    }

    /// Notes the names that an item brings into a module.
    fn declare(&mut self, id: usize, item: &Item) {
        let mut imports = Imports::default();
        imports.visit_item(item);
        let file = self.modules[id].file.clone();
        let is_exported = |attribute: &Attribute| attribute.path().is_ident("macro_export");
        let in_root = matches!(item, Item::Macro(item) if item.attrs.iter().any(is_exported));
        let module = &mut self.modules[if in_root { 0 } else { id }];
        if let Some(name) = name_of(item) {
            module.items.insert(name, file);
        } else if let Item::Macro(item) = item {
            module.in_macros.extend(words(&item.mac.tokens.to_string()).map(str::to_owned));
        }
        for (name, path) in imports.names {
            module.imports.entry(name).or_default().push(path);
        }
        module.globs.extend(imports.globs);
    }

    /// What a path names that stands in a module.
    fn resolve<'a>(&'a self, module: usize, path: &'a [String], depth: usize) -> Option<Named<'a>> {
        let depth = depth.checked_sub(1)?;
        let mut current = module;
        for (index, segment) in path.iter().enumerate() {
            let is_last = index + 1 == path.len();
            let named = match segment.as_str() {
                "crate" => Some(Named::Module(0)),
                "self" if index == 0 => Some(Named::Module(module)),
                "super" => self.modules[current].parent.map(Named::Module),
                name => self.look_up(current, name, is_last, depth),
            };
            match named {
                Some(Named::Module(id)) => current = id,
                Some(item) => return Some(item),
                // A name that a macro defines.
                None if index > 0 && current != module => {
                    return Some(Named::Item(&self.modules[current].file, segment));
                }
                None => return None,
            }
        }
        Some(Named::Module(current))
    }

    /// What a name is in a module. A module and a function may have one name: a path that goes on means the module.
    fn look_up<'a>(&'a self, module: usize, name: &'a str, is_last: bool, depth: usize) -> Option<Named<'a>> {
        let Module { children, items, imports, globs, in_macros, file, .. } = &self.modules[module];
        let child = children.get(name).map(|child| Named::Module(*child));
        let item = items.get(name).map(|file| Named::Item(file, name));
        let imports = imports.get(name).into_iter().flatten();
        let imported: Vec<_> = imports.filter_map(|path| self.resolve(module, path, depth)).collect();
        let is_module = |named: &Named<'_>| matches!(named, Named::Module(_));
        let (modules, others): (Vec<_>, Vec<_>) = imported.into_iter().partition(is_module);
        let (modules, others) = (child.into_iter().chain(modules), item.into_iter().chain(others));
        let mut found: Box<dyn Iterator<Item = _>> =
            if is_last { Box::new(others.chain(modules)) } else { Box::new(modules.chain(others)) };
        let in_macro = || in_macros.contains(name).then_some(Named::Item(file, name));
        found.next().or_else(in_macro).or_else(|| {
            globs.iter().find_map(|glob| match self.resolve(module, glob, depth)? {
                Named::Module(other) if other != module => self.look_up(other, name, is_last, depth.checked_sub(1)?),
                _ => None,
            })
        })
    }
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The file of a module, and its text.
fn file_of(
    attributes: &[Attribute],
    declared_in: &str,
    below: &str,
    read: &dyn Fn(&str) -> Option<String>,
) -> (String, String) {
    let path = attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(path), .. }) => Some(path.value()),
            _ => None,
        },
        _ => None,
    });
    let beside = |path: String| join(declared_in.rsplit_once('/').unwrap_or_default().0, &path);
    let places = match path {
        Some(path) => vec![beside(path)],
        None => vec![format!("{below}.rs"), format!("{below}/mod.rs")],
    };
    let found = places.iter().find_map(|place| Some((place.clone(), read(place)?)));
    found.unwrap_or_else(|| panic!("{declared_in}: none of the files {places:?} is there"))
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        _ => false,
    })
}

fn attributes_of(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// The imports of an item: its own, or those in the body of a function.
#[derive(Default)]
struct Imports {
    names: Vec<(String, Vec<String>)>,
    globs: Vec<Vec<String>>,
}

impl Imports {
    fn add(&mut self, before: &[String], tree: &UseTree) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        let path_of = |name: &syn::Ident| if name == "self" { before.to_vec() } else { with(name) };
        match tree {
            UseTree::Path(path) => self.add(&with(&path.ident), &path.tree),
            UseTree::Name(name) => {
                let path = path_of(&name.ident);
                self.names.extend(path.last().cloned().map(|name| (name, path)));
            }
            UseTree::Rename(rename) => self.names.push((rename.rename.to_string(), path_of(&rename.ident))),
            UseTree::Glob(_) => self.globs.push(before.to_vec()),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.add(before, tree)),
        }
    }
}

impl<'ast> Visit<'ast> for Imports {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if item.leading_colon.is_none() && !is_for_tests(&item.attrs) {
            self.add(&[], &item.tree);
        }
    }

    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(attributes_of(item)) {
            visit::visit_item(self, item);
        }
    }
}

/// Adds the names that a module uses to the graph.
struct Names<'a> {
    target: &'a Target,
    module: usize,
    graph: &'a mut Graph,
}

impl Names<'_> {
    fn add(&mut self, path: &[String]) {
        let from = &self.target.modules[self.module].file;
        let Some(Named::Item(file, name)) = self.target.resolve(self.module, path, REEXPORTS) else { return };
        if file != from {
            let files = self.graph.entry(from.clone()).or_default();
            files.entry(file.to_owned()).or_default().insert(name.to_owned());
        }
    }

    /// Adds the paths that begin with `crate` or `super` in the text of a macro or an attribute.
    fn add_text(&mut self, text: &str) {
        let text = text.replace(" :: ", "::");
        for path in text.split(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | ':')) {
            let path: Vec<_> = path.split("::").map(str::to_owned).collect();
            if matches!(path[0].as_str(), "crate" | "super") {
                self.add(&path);
            }
        }
    }
}

impl<'ast> Visit<'ast> for Names<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(attributes_of(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_for_tests(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    /// An import is a use of the name; a re-export only passes it on.
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if matches!(item.vis, Visibility::Inherited) {
            let mut imports = Imports::default();
            imports.visit_item_use(item);
            for (_, path) in &imports.names {
                self.add(path);
            }
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            let names: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.add(&names);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        visit::visit_macro(self, call);
        self.add_text(&call.tokens.to_string());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        match &attribute.meta {
            Meta::List(list) => self.add_text(&list.tokens.to_string()),
            Meta::Path(_) | Meta::NameValue(_) => {}
        }
    }
}

/// The first files of the targets of a package, by the conventions of Cargo and by its manifest.
pub fn roots(package: &Path) -> Vec<String> {
    let mut found = BTreeSet::new();
    let mut add = |path: String| {
        if package.join(&path).is_file() {
            found.insert(path);
        }
    };
    ["src/lib.rs", "src/main.rs", "build.rs"].into_iter().for_each(|path| add(path.to_owned()));
    for folder in ["src/bin", "tests", "examples"] {
        for entry in package.join(folder).read_dir().into_iter().flatten() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            match name.ends_with(".rs") {
                true => add(format!("{folder}/{name}")),
                false => add(format!("{folder}/{name}/main.rs")),
            }
        }
    }
    let manifest = std::fs::read_to_string(package.join("Cargo.toml")).unwrap();
    for path in manifest.lines().filter_map(|line| line.strip_prefix("path = ")) {
        add(path.trim_matches('"').to_owned());
    }
    found.into_iter().collect()
}
