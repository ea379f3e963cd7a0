//! Who may import whom: between the folders of the module, between those of the core, and between the crates. What a
//! line does not name is not allowed.

use std::collections::{BTreeMap, BTreeSet};

use crate::assert_none;
use crate::imports::Imports;
use crate::sources::sources;

/// A folder or top file, and those it may import from.
type Layers = &'static [(&'static str, &'static [&'static str])];

/// `src`: the only code that knows the server.
const MODULE: Layers = &[
    ("ffi", &[]),
    ("hash_slot", &[]),
    ("totals", &[]),
    ("types", &["ffi"]),
    ("refusal", &["ffi"]),
    ("reply", &["ffi"]),
    ("limit", &["ffi"]),
    ("policies", &["ffi", "totals"]),
    ("audits", &["ffi", "limit", "policies", "totals"]),
    ("config", &["audits", "ffi", "limit", "memory", "policies"]),
    ("keyspace", &["ffi", "refusal"]),
    ("commit", &["ffi", "keyspace"]),
    ("memory", &["commit", "ffi", "keyspace", "limit", "refusal", "types"]),
    ("streams", &["commit", "ffi", "hash_slot", "refusal"]),
    ("signals", &["commit", "ffi", "hash_slot", "refusal", "streams", "totals"]),
    ("markets", &["ffi", "hash_slot", "keyspace", "refusal", "types"]),
    ("info", &["audits", "ffi", "memory", "policies", "totals", "types"]),
    (
        "commands",
        &[
            "commit",
            "config",
            "ffi",
            "hash_slot",
            "keyspace",
            "memory",
            "refusal",
            "reply",
            "streams",
            "totals",
            "types",
        ],
    ),
    (
        "commands/liq",
        &[
            "commit", "config", "ffi", "keyspace", "markets", "memory", "refusal", "reply", "signals", "streams",
            "totals", "types",
        ],
    ),
    (
        "commands/tick",
        &[
            "commit",
            "config",
            "ffi",
            "hash_slot",
            "keyspace",
            "memory",
            "refusal",
            "reply",
            "streams",
            "totals",
            "types",
        ],
    ),
    ("commands/trig", &["commit", "config", "ffi", "keyspace", "memory", "refusal", "reply", "types"]),
    ("commands/candle", &["commit", "config", "ffi", "keyspace", "memory", "refusal", "reply", "types"]),
    ("commands/keys", &["audits", "ffi", "policies", "refusal", "reply"]),
    ("commands/rl", &["commit", "config", "ffi", "keyspace", "refusal", "reply", "totals", "types"]),
];

/// `crates/core/src`: grammar and wire below, families above, which do not know each other. A family's domain knows
/// neither its requests nor its replies nor its layouts.
const CORE: Layers = &[
    ("wire", &[]),
    ("grammar", &["wire"]),
    ("settings", &["grammar", "wire"]),
    ("relocation", &[]),
    ("heap", &[]),
    ("batches", &["heap", "relocation"]),
    ("steps", &[]),
    ("memory", &[]),
    ("panes", &["relocation"]),
    ("liq", &[]),
    ("liq/series", &["batches", "grammar", "heap", "memory", "panes", "relocation", "settings", "steps"]),
    ("liq/series/order", &["grammar", "heap", "relocation", "steps"]),
    ("liq/series/tail", &["heap", "panes", "relocation", "steps"]),
    ("liq/request", &["grammar", "liq/series", "settings"]),
    ("liq/reply", &["liq/series", "memory", "settings", "wire"]),
    ("liq/reading", &["grammar", "liq/reply", "liq/request", "liq/series", "settings", "wire"]),
    ("liq/format", &["grammar", "liq/series", "settings", "wire"]),
    ("liq/format/v1", &["grammar", "liq/series", "settings", "wire"]),
    ("market", &[]),
    ("market/candle", &["grammar", "heap", "market/tape", "panes", "relocation", "steps", "wire"]),
    ("market/candle/block", &["grammar", "heap", "market/tape", "steps", "wire"]),
    ("market/candle/level", &["heap", "market/candle/block", "market/tape", "relocation", "steps"]),
    ("market/candle/levels", &["heap", "market/candle/level", "market/tape", "panes", "relocation", "steps"]),
    ("market/tape", &["grammar", "heap", "relocation", "steps", "wire"]),
    ("market/tape/tail", &["heap", "relocation", "steps"]),
    ("market/triggers", &["heap", "relocation", "steps"]),
    ("market/studies", &[]),
    (
        "market/store",
        &[
            "batches",
            "grammar",
            "heap",
            "market/candle",
            "market/tape",
            "market/triggers",
            "memory",
            "relocation",
            "settings",
            "steps",
        ],
    ),
    (
        "market/request",
        &[
            "batches",
            "grammar",
            "market/candle",
            "market/store",
            "market/studies",
            "market/tape",
            "market/triggers",
            "settings",
        ],
    ),
    (
        "market/reply",
        &["grammar", "market/candle", "market/store", "market/tape", "market/triggers", "settings", "wire"],
    ),
    (
        "market/reading",
        &[
            "grammar",
            "market/candle",
            "market/reply",
            "market/request",
            "market/store",
            "market/studies",
            "market/tape",
            "settings",
            "wire",
        ],
    ),
    (
        "market/format",
        &["batches", "grammar", "market/candle", "market/store", "market/tape", "market/triggers", "wire"],
    ),
    (
        "market/format/v1",
        &["batches", "grammar", "market/candle", "market/store", "market/tape", "market/triggers", "settings", "wire"],
    ),
    ("rl", &["wire"]),
    ("rl/limiter", &["relocation"]),
    ("keys", &["wire"]),
    ("keys/policy", &["grammar"]),
    ("keys/audit", &["keys/policy"]),
    ("keys/request", &["grammar", "keys/policy"]),
    ("keys/reply", &["keys/policy", "wire"]),
    ("rl/request", &["grammar", "rl/limiter"]),
    ("rl/format", &["rl/limiter", "wire"]),
];

/// The crates: which of each other, and which of the outside world's largest pieces, each may build on.
const CRATES: Layers = &[
    (".", &["liq-core", "redis-module"]),
    ("crates/core", &[]),
    ("crates/client", &["liq-core", "liq-spool", "redis", "tokio"]),
    ("crates/ingest", &["liq-core", "liq-sample", "liq-spool", "redis", "tokio"]),
    ("crates/top", &["redis", "redis-liq", "tokio"]),
    ("crates/sample", &[]),
    ("crates/spool", &[]),
    ("crates/harness", &["redis"]),
    ("examples/demo", &["liq-harness", "liq-sample"]),
    ("crates/archive", &["redis", "tokio", "liq-core"]),
    ("crates/desk", &["redis", "tokio"]),
];

/// What the table of crates speaks of, beside the crates of the repository.
const WATCHED: [&str; 3] = ["redis", "redis-module", "tokio"];

#[track_caller]
fn check(found: &BTreeMap<String, BTreeSet<String>>, layers: Layers, place: &str) {
    let mut offences = Vec::new();
    for (from, targets) in found {
        let Some((_, allowed)) = layers.iter().find(|(name, _)| name == from) else {
            if !from.is_empty() {
                offences.push(format!("{place}{from} has no line in the table"));
            }
            continue;
        };
        let forbidden = targets.iter().filter(|target| !allowed.contains(&target.as_str()));
        offences.extend(forbidden.map(|target| format!("{place}{from} imports {target}")));
    }
    assert_none(&offences, "each layer knows only those below it (tests/tidy/layers.rs):");
}

/// The first circle among the folders, as the names along it.
fn circle(found: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn walk(
        at: &str,
        found: &BTreeMap<String, BTreeSet<String>>,
        path: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> Option<Vec<String>> {
        if let Some(start) = path.iter().position(|name| name == at) {
            return Some([&path[start..], &[at.to_owned()]].concat());
        }
        if !done.insert(at.to_owned()) {
            return None;
        }
        path.push(at.to_owned());
        let found_one = found.get(at).into_iter().flatten().find_map(|next| walk(next, found, path, done));
        path.pop();
        found_one
    }
    let mut done = BTreeSet::new();
    found.keys().find_map(|start| walk(start, found, &mut Vec::new(), &mut done))
}

#[test]
fn the_module_is_built_in_layers() {
    check(&Imports::of("src/").between_folders(), MODULE, "src/");
}

#[test]
fn the_core_is_built_in_layers() {
    check(&Imports::of("crates/core/src/").between_folders(), CORE, "crates/core/src/");
}

#[test]
fn no_folders_import_each_other_in_a_circle() {
    for root in ["src/", "crates/core/src/"] {
        let found = Imports::of(root).between_folders();
        assert!(found.values().any(|targets| !targets.is_empty()), "nothing was found in {root}");
        assert_eq!(circle(&found), None, "{root}");
    }
    let edge = |to: &str| BTreeSet::from([to.to_owned()]);
    let found = BTreeMap::from([("a".to_owned(), edge("b")), ("b".into(), edge("c")), ("c".into(), edge("b"))]);
    assert_eq!(circle(&found), Some(vec!["b".into(), "c".into(), "b".into()]), "circles are found");
}

#[test]
fn the_servers_interface_names_nothing_of_the_module() {
    let mut offences = Vec::new();
    for source in sources(".rs").iter().filter(|source| source.path.starts_with("src/ffi/")) {
        for (at, line) in crate::code_lines(&source.text) {
            let rest = line.replace("$crate::ffi::", "").replace("pub(crate)", "");
            if crate::has_word(&rest, "crate") || crate::has_word(&rest, "liq_core") {
                offences.push(format!("{}:{at}: {}", source.path, line.trim()));
            }
        }
    }
    assert_none(&offences, "src/ffi is generic; what it needs to know comes in through a trait or an argument:");
}

#[test]
fn only_a_closed_key_is_told_of() {
    let is_outside = |path: &str| path.starts_with("src/") && !path.starts_with("src/ffi/") && path != "src/commit.rs";
    let mut offences = Vec::new();
    for source in sources(".rs").iter().filter(|source| is_outside(&source.path)) {
        for (at, line) in crate::code_lines(&source.text) {
            if ["context.notify", "signal_modified", "replicate"].iter().any(|call| line.contains(&format!("{call}(")))
            {
                offences.push(format!("{}:{at}: {}", source.path, line.trim()));
            }
        }
    }
    assert_none(&offences, "end a write with commit, and notify through what it gives (src/commit.rs):");
}

#[test]
fn crates_build_on_those_below_them() {
    let names: Vec<(String, String)> = manifests().map(|(folder, text)| (folder, package_name(&text))).collect();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (folder, text) in manifests() {
        let own = package_name(&text);
        let is_watched = |name: &String| {
            *name != own && (WATCHED.contains(&name.as_str()) || names.iter().any(|(_, crate_name)| crate_name == name))
        };
        found.insert(folder, dependencies(&text).into_iter().filter(is_watched).collect());
    }
    check(&found, CRATES, "");
}

/// The folder and the text of every manifest of the workspace: not of what stands alone.
fn manifests() -> impl Iterator<Item = (String, String)> {
    let is_apart = |path: &str| path.starts_with("fuzz/") || path.starts_with("benches/rivals/");
    sources("Cargo.toml").into_iter().filter(move |source| !is_apart(&source.path)).map(|source| {
        let folder = source.path.strip_suffix("/Cargo.toml").unwrap_or(".").to_owned();
        (folder, source.text)
    })
}

fn package_name(manifest: &str) -> String {
    let package = manifest.split("[package]").nth(1).expect("a manifest names its package");
    let line = package.lines().find_map(|line| line.strip_prefix("name = ")).expect("a package has a name");
    line.trim_matches('"').to_owned()
}

/// The names under `[dependencies]`; what only tests and build scripts need is left out.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut lines = manifest.lines().skip_while(|line| line.trim() != "[dependencies]").skip(1);
    let section: Vec<&str> = lines.by_ref().take_while(|line| !line.starts_with('[')).collect();
    let names = section.iter().filter(|line| line.contains('=') && !line.starts_with('#'));
    names.map(|line| line.split(['=', '.', ' ']).next().unwrap_or_default().to_owned()).collect()
}
