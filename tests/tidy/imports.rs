//! Who imports whom inside a crate, read from the sources: `use` trees and paths that begin with `crate` or `super`.
//! Tests inside a file are left out.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::sources;

/// The modules of one crate and what each imports.
pub struct Imports {
    /// Every module by its path, with the folder it lives in: `liq::series::tail` in `liq/series`.
    folders: BTreeMap<Vec<String>, String>,
    edges: Vec<(Vec<String>, Vec<String>)>,
}

impl Imports {
    /// Reads the crate whose sources are under `root`, which ends with a slash.
    pub fn of(root: &str) -> Self {
        let files: Vec<_> = sources(".rs").into_iter().filter(|source| source.path.starts_with(root)).collect();
        let place = |path: &str| {
            let inside = path.strip_prefix(root).expect("chosen by its prefix").strip_suffix(".rs").expect("as well");
            let mut module: Vec<String> = inside.split('/').map(str::to_owned).collect();
            let is_folder = matches!(module.last().map(String::as_str), Some("mod" | "lib"));
            let parents = module.len() - 1;
            // A file at the top stands for itself; elsewhere a folder is one thing.
            let folder = if parents == 0 && !is_folder { module.clone() } else { module[..parents].to_vec() };
            module.truncate(if is_folder { parents } else { parents + 1 });
            (module, folder.join("/"))
        };
        let folders: BTreeMap<_, _> = files.iter().map(|file| place(&file.path)).collect();
        let mut edges = Vec::new();
        for file in &files {
            let (module, _) = place(&file.path);
            for path in paths(&file.text) {
                edges.extend(resolve(&module, &path, &folders).map(|target| (module.clone(), target)));
            }
        }
        Self { folders, edges }
    }

    /// Every folder or top file, and those it imports from. What lies inside one another is one thing and left out.
    pub fn between_folders(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for folder in self.folders.values() {
            found.entry(folder.clone()).or_default();
        }
        for (from, to) in &self.edges {
            let (from, to) = (&self.folders[from], &self.folders[to]);
            let holds = |outer: &str, inner: &str| outer.is_empty() || inner.starts_with(&format!("{outer}/"));
            if from != to && !holds(from, to) && !holds(to, from) {
                found.entry(from.clone()).or_default().insert(to.clone());
            }
        }
        found
    }
}

/// The module that `path`, as written in `module`, leads to; none where it leaves the crate.
fn resolve(module: &[String], path: &[String], modules: &BTreeMap<Vec<String>, String>) -> Option<Vec<String>> {
    let (mut base, mut rest) = match path.first()?.as_str() {
        "crate" => (Vec::new(), &path[1..]),
        "self" => (module.to_vec(), &path[1..]),
        "super" => (module.to_vec(), path),
        _ => return None,
    };
    while rest.first().is_some_and(|word| word == "super") {
        base.pop();
        rest = &rest[1..];
    }
    base.extend(rest.iter().cloned());
    while !modules.contains_key(&base) && !base.is_empty() {
        base.pop();
    }
    modules.contains_key(&base).then_some(base)
}

/// Every path of the text that begins inside the crate.
fn paths(text: &str) -> Vec<Vec<String>> {
    let product = text.split("#[cfg(test)]").next().unwrap_or_default();
    let code: String = crate::sources::code_lines(product).map(|(_, line)| line + "\n").collect();
    let mut found = Vec::new();
    let mut rest = code.as_str();
    let is_part = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | ':');
    while let Some(start) = ["crate::", "super::", "self::"].iter().filter_map(|head| rest.find(head)).min() {
        let is_inside_word = rest[..start].ends_with(|letter: char| is_part(letter) || letter == '$');
        let head: String = rest[start..].chars().take_while(|letter| is_part(*letter)).collect();
        rest = &rest[start + head.len()..];
        if is_inside_word {
            continue;
        }
        if rest.starts_with('{') {
            tree(&head, &mut rest, &mut found);
        } else {
            found.push(words(&head));
        }
    }
    found
}

/// The paths of a `use` tree: `rest` begins with the brace behind `head`, and is left behind the one that closes it.
fn tree(head: &str, rest: &mut &str, found: &mut Vec<Vec<String>>) {
    *rest = &rest[1..];
    loop {
        *rest = rest.trim_start_matches(|letter: char| letter.is_whitespace() || letter == ',');
        if let Some(behind) = rest.strip_prefix('}') {
            *rest = behind;
            return;
        }
        let end = rest.find(['{', ',', '}']).expect("a tree is closed");
        let path = format!("{head}{}", rest[..end].split(" as ").next().unwrap_or_default().trim());
        *rest = &rest[end..];
        if rest.starts_with('{') {
            tree(&path, rest, found);
        } else {
            found.push(words(&path));
        }
    }
}

fn words(path: &str) -> Vec<String> {
    path.split("::").map(|word| word.trim().to_owned()).filter(|word| !word.is_empty() && word != "*").collect()
}

#[test]
fn trees_and_paths_are_read() {
    let text = "use crate::a::{b, c::{D, e as f}};\nuse super::g;\nlet x = crate::h::i(self::j);\n// crate::no\n\
                $crate::no::x; self::k::l";
    let found: Vec<String> = paths(text).iter().map(|path| path.join("::")).collect();
    assert_eq!(
        found,
        ["crate::a::b", "crate::a::c::D", "crate::a::c::e", "super::g", "crate::h::i", "self::j", "self::k::l"]
    );
}
