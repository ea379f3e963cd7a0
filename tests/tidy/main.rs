//! The rules of the house as tests: who may import whom, where `unsafe` lives, what every command must have, how
//! files look.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests may stop")]

mod imports;
mod layers;
mod scripts;
mod sources;
#[path = "../support/mod.rs"]
mod support;

use sources::{Source, code_lines, has_word, root, sources};

/// Files over the limit that are tolerated, each with the length it may not exceed. Keep this list short.
const TOLERATED_LENGTHS: &[(&str, usize)] = &[];

/// The longest a source file should be.
const LONGEST_FILE: usize = 420;

#[track_caller]
fn assert_none(offences: &[String], rule: &str) {
    assert!(offences.is_empty(), "{rule}\n  {}", offences.join("\n  "));
}

#[test]
fn only_the_module_itself_imports_redis_module() {
    let mut offences = Vec::new();
    for source in sources(".rs") {
        let is_module = source.path.starts_with("src/");
        for (at, line) in code_lines(&source.text) {
            if !is_module && has_word(&line, "redis_module") {
                offences.push(format!("{}:{at}", source.path));
            }
        }
    }
    for manifest in sources("Cargo.toml").iter().filter(|source| source.path.starts_with("crates/")) {
        if manifest.text.contains("redis-module") {
            offences.push(manifest.path.clone());
        }
    }
    assert_none(&offences, "the server's API belongs to src/; crates/ must build and be tested without a server:");
}

#[test]
fn the_core_knows_no_server_clock_or_io() {
    let manifest = sources("crates/core/Cargo.toml").pop().expect("crates/core has a manifest");
    let dependencies = manifest.text.split("[dev-dependencies]").next().unwrap();
    let banned = ["redis", "tokio", "libc", "log", "tracing", "chrono", "time", "rand"];
    let used = |name: &&&str| dependencies.lines().any(|line| line.split([' ', '.', '=']).next() == Some(**name));
    assert_none(
        &banned.iter().filter(used).map(|name| (*name).to_owned()).collect::<Vec<_>>(),
        "crates/core is pure: time is an argument, and these are not its business:",
    );
    let mut offences = Vec::new();
    for source in sources(".rs").iter().filter(|source| source.path.starts_with("crates/core/src/")) {
        let product = source.text.split("#[cfg(test)]").next().unwrap_or_default();
        for (at, line) in code_lines(product) {
            let reaches_out = ["SystemTime", "Instant", "println", "eprintln", "File", "TcpStream"];
            if reaches_out.iter().any(|word| has_word(&line, word))
                || line.contains("std::fs")
                || line.contains("std::net")
            {
                offences.push(format!("{}:{at}: {}", source.path, line.trim()));
            }
        }
    }
    assert_none(&offences, "crates/core reads no clock and does no I/O:");
    let lib = sources("crates/core/src/lib.rs").pop().expect("crates/core has a library");
    assert!(lib.text.contains("#![forbid(unsafe_code)]"), "crates/core/src/lib.rs must forbid unsafe code");
}

#[test]
fn unsafe_code_lives_in_src_ffi_only() {
    let mut offences = Vec::new();
    for source in sources(".rs").iter().filter(|source| !source.path.starts_with("src/ffi/")) {
        for (at, line) in code_lines(&source.text) {
            if has_word(&line, "unsafe") {
                offences.push(format!("{}:{at}: {}", source.path, line.trim()));
            }
        }
    }
    assert_none(&offences, "wrap it in a safe function of src/ffi/ and say there why it is sound:");
}

#[test]
fn nothing_unfinished_is_left_in_the_product() {
    let mut offences = Vec::new();
    for source in
        sources(".rs").iter().filter(|source| source.path.starts_with("src/") || source.path.starts_with("crates/"))
    {
        for (at, line) in code_lines(&source.text) {
            if ["todo", "unimplemented", "dbg"].iter().any(|name| line.contains(&format!("{name}!("))) {
                offences.push(format!("{}:{at}: {}", source.path, line.trim()));
            }
        }
    }
    assert_none(&offences, "finish it or leave it out:");
}

#[test]
fn files_are_short() {
    let mut offences = Vec::new();
    for source in sources(".rs") {
        let lines = source.text.lines().count();
        let tolerated = TOLERATED_LENGTHS.iter().find(|(path, _)| *path == source.path).map(|(_, length)| *length);
        if lines > tolerated.unwrap_or(LONGEST_FILE) {
            offences.push(format!("{}: {lines} lines", source.path));
        }
    }
    for (path, _) in TOLERATED_LENGTHS {
        if !root().join(path).is_file() {
            offences.push(format!("{path} is tolerated and does not exist"));
        }
    }
    assert_none(&offences, "split it by what it holds (about 400 lines are enough for one thing):");
}

#[test]
fn every_file_says_what_lives_in_it() {
    let silent = sources(".rs").into_iter().filter(|source| !source.text.trim_start().starts_with("//!"));
    // A generated or included part may begin with its attribute.
    let silent: Vec<String> = silent
        .filter(|source| !source.text.lines().take(12).any(|line| line.starts_with("//!")))
        .map(|source| source.path)
        .collect();
    assert_none(&silent, "begin the file with `//!` and one to three sentences: what lives here and what does not:");
}

#[test]
fn files_are_named_for_what_they_hold() {
    let empty_names = ["util", "utils", "helper", "helpers", "common", "manager", "misc", "lib2"];
    let offences: Vec<String> = sources(".rs")
        .into_iter()
        .map(|source| source.path)
        .filter(|path| path.split('/').any(|part| empty_names.contains(&part.trim_end_matches(".rs"))))
        .collect();
    assert_none(&offences, "these names hold nothing:");
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    // Put together here, so that this file does not break its own rule.
    let prefixes = ["work", "root", "home", "Users"].map(|dir| format!("/{dir}/"));
    let mut offences = Vec::new();
    for source in sources("").iter().filter(|source| source.path != "Cargo.lock") {
        for (at, line) in source.text.lines().enumerate() {
            let starts_path = |prefix: &String| {
                line.match_indices(prefix.as_str()).any(|(found, _)| {
                    let before = line[..found].chars().next_back();
                    before.is_none_or(|letter| {
                        !letter.is_alphanumeric() && !matches!(letter, '.' | '/' | '_' | '-' | '}')
                    })
                })
            };
            if prefixes.iter().any(starts_path) {
                offences.push(format!("{}:{}: {}", source.path, at + 1, line.trim()));
            }
        }
    }
    assert_none(&offences, "use a path relative to the repository or one the reader can set:");
}

#[test]
fn the_papers_are_there() {
    let missing: Vec<String> = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"]
        .into_iter()
        .filter(|name| !root().join(name).is_file())
        .map(str::to_owned)
        .collect();
    assert_none(&missing, "every release needs these files:");
    let changelog = std::fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    let told = changelog.contains("Unreleased") || changelog.contains(env!("CARGO_PKG_VERSION"));
    assert!(told, "CHANGELOG.md tells nothing of Unreleased or {}", env!("CARGO_PKG_VERSION"));
}

/// The commands a client may call, as a server with the module knows them.
fn commands() -> Vec<String> {
    let server = support::Server::start();
    let listed = server.connect().run("COMMAND LIST FILTERBY MODULE liq");
    let names: Vec<String> = listed.array().iter().map(|name| name.text().to_lowercase()).collect();
    assert!(!names.is_empty(), "the server lists no command of the module");
    // What servers send each other and what only a test build has is not for clients.
    let internal = ["liq.apply", "liq.load", "rl.apply", "rl.load", "tick.apply", "tick.load"];
    names.into_iter().filter(|name| !name.contains("._") && !internal.contains(&name.as_str())).collect()
}

#[test]
fn every_command_has_a_page() {
    let commands = commands();
    let pages: Vec<String> = sources(".md")
        .into_iter()
        .filter_map(|source| Some(source.path.strip_prefix("docs/commands/")?.strip_suffix(".md")?.to_lowercase()))
        .collect();
    let missing: Vec<String> =
        commands.iter().filter(|name| !pages.contains(name)).map(|name| format!("docs/commands/{name}.md")).collect();
    assert_none(&missing, "write the page: what it does, arguments, reply, an example:");
    let orphans: Vec<String> =
        pages.into_iter().filter(|page| page.contains('.') && !commands.contains(page)).collect();
    assert_none(&orphans, "pages of commands the module does not have:");
}

#[test]
fn every_command_is_named_by_a_test() {
    let tests: Vec<Source> = sources(".rs")
        .into_iter()
        .filter(|s| s.path.starts_with("tests/") && !s.path.starts_with("tests/tidy/"))
        .collect();
    let named = |command: &String| tests.iter().any(|source| source.text.to_lowercase().contains(command.as_str()));
    let untested: Vec<String> = commands().into_iter().filter(|command| !named(command)).collect();
    assert_none(&untested, "no test in tests/ says the name of:");
}

#[test]
fn every_page_is_in_the_index() {
    let index = std::fs::read_to_string(root().join("docs/README.md")).unwrap();
    let is_listed_elsewhere = |path: &str| path.starts_with("docs/commands/") || path.starts_with("docs/decisions/");
    let pages = sources(".md").into_iter().map(|source| source.path);
    let pages =
        pages.filter(|path| path.starts_with("docs/") && path != "docs/README.md" && !is_listed_elsewhere(path));
    let missing: Vec<String> = pages.filter(|path| !index.contains(&format!("({})", &path["docs/".len()..]))).collect();
    assert_none(&missing, "name the page in docs/README.md:");
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut offences = Vec::new();
    for page in sources(".md") {
        let folder = root().join(&page.path).parent().unwrap().to_path_buf();
        let targets = page.text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        for target in targets.filter(|target| !target.is_empty() && !target.contains("://")) {
            if !folder.join(target).exists() {
                offences.push(format!("{}: {target}", page.path));
            }
        }
    }
    assert_none(&offences, "these links lead nowhere:");
}
