//! Runs the `redis` blocks of the documentation through redis-cli against a real server and compares every reply.
//!
//! The format is described in docs/commands/README.md.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One command of a page and the reply that the page shows.
#[derive(Debug, PartialEq)]
struct Example {
    /// 1-based line of the command in its page.
    line: usize,
    resp3: bool,
    command: String,
    reply: Vec<String>,
}

/// The examples of a page, in order.
fn examples(page: &str) -> Vec<Example> {
    let mut found: Vec<Example> = Vec::new();
    let mut block: Option<bool> = None;
    for (index, text) in page.lines().enumerate() {
        match (text.trim_end(), block) {
            ("```redis", None) => block = Some(false),
            ("```redis resp3", None) => block = Some(true),
            ("```", Some(_)) => block = None,
            (text, Some(resp3)) => match text.strip_prefix("> ") {
                Some(command) => {
                    found.push(Example { line: index + 1, resp3, command: command.to_owned(), reply: vec![] });
                }
                None if text.is_empty() => {}
                None => found.last_mut().expect("a block begins with a command").reply.push(text.to_owned()),
            },
            (_, None) => {}
        }
    }
    assert!(block.is_none(), "a block is not closed");
    found
}

/// Whether `line` is `pattern`, in which `...` stands for any text.
fn line_matches(pattern: &str, line: &str) -> bool {
    let mut pieces = pattern.split("...");
    let Some(mut rest) = line.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let mut last = None;
    for piece in pieces {
        if let Some(before) = last.replace(piece) {
            let Some(at) = rest.find(before) else { return false };
            rest = &rest[at + before.len()..];
        }
    }
    last.map_or(rest.is_empty(), |end| rest.ends_with(end))
}

/// Whether `reply` is what `patterns` show; a pattern of only `...` stands for any number of lines.
fn reply_matches(patterns: &[String], reply: &[&str]) -> bool {
    match patterns.split_first() {
        None => reply.is_empty(),
        Some((pattern, rest)) if pattern.trim() == "..." => {
            (0..=reply.len()).any(|skipped| reply_matches(rest, &reply[skipped..]))
        }
        Some((pattern, rest)) => {
            reply.split_first().is_some_and(|(line, others)| line_matches(pattern, line) && reply_matches(rest, others))
        }
    }
}

/// Sends one line through redis-cli and returns what it prints.
fn redis_cli(server: &support::Server, example: &Example) -> String {
    let mut cli = Command::new("redis-cli");
    cli.arg("-s").arg(server.dir().join("socket")).arg("--no-raw");
    if example.resp3 {
        cli.arg("-3");
    }
    let mut cli = cli.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("redis-cli is installed");
    writeln!(cli.stdin.take().unwrap(), "{}", example.command).unwrap();
    let printed = String::from_utf8(cli.wait_with_output().unwrap().stdout).expect("redis-cli prints text");
    let lines = printed.lines().filter(|line| !is_time_taken(line));
    lines.fold(String::new(), |text, line| text + &with_shortest_doubles(line.trim_end()) + "\n")
}

/// What redis-cli adds to a reply that took half a second or more: `(0.52s)`.
fn is_time_taken(line: &str) -> bool {
    let seconds = line.strip_prefix('(').and_then(|rest| rest.strip_suffix("s)"));
    seconds.is_some_and(|seconds| seconds.parse::<f64>().is_ok())
}

/// The line with a double of RESP3 in its shortest form: servers print the same one with 16 or with 17 digits.
fn with_shortest_doubles(line: &str) -> String {
    const MARK: &str = "(double) ";
    let Some((before, number)) = line.split_once(MARK) else { return line.to_owned() };
    number.parse::<f64>().map_or_else(|_| line.to_owned(), |value| format!("{before}{MARK}{value}"))
}

/// Every page that may hold examples: the README and all of docs/.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec![root.join("README.md")];
    let mut folders = vec![root.join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    pages
}

/// A reply that is not as shown: the example and what redis-cli printed.
struct Difference {
    example: Example,
    printed: String,
}

/// Runs a page on an empty server.
fn differences(page: &str) -> Vec<Difference> {
    let server = support::Server::start();
    let mut found = Vec::new();
    for example in examples(page) {
        let printed = redis_cli(&server, &example);
        let reply: Vec<&str> = printed.lines().filter(|line| !line.is_empty()).collect();
        let agrees = match example.reply.as_slice() {
            [] => !printed.starts_with("(error)"),
            shown => reply_matches(shown, &reply),
        };
        if !agrees {
            found.push(Difference { example, printed });
        }
    }
    found
}

/// The page with the replies that the server gave.
fn corrected(page: &str, differences: &[Difference]) -> String {
    let mut text = String::new();
    let mut skipping = false;
    for (index, line) in page.lines().enumerate() {
        skipping &= !line.starts_with("> ") && !line.starts_with("```");
        if skipping {
            continue;
        }
        writeln!(text, "{line}").unwrap();
        if let Some(found) = differences.iter().find(|found| found.example.line == index + 1) {
            text.push_str(&found.printed);
            skipping = true;
        }
    }
    text
}

/// With `UPDATE_EXAMPLES=1` the replies in the pages are replaced by the server's, for review in the diff.
#[test]
fn every_example_of_the_documentation_answers_as_shown() {
    let update = std::env::var_os("UPDATE_EXAMPLES").is_some();
    let mut report = String::new();
    let mut count = 0;
    for path in pages() {
        let page = std::fs::read_to_string(&path).unwrap();
        let in_page = examples(&page).len();
        if in_page == 0 {
            continue;
        }
        count += in_page;
        let found = differences(&page);
        if update && !found.is_empty() {
            std::fs::write(&path, corrected(&page, &found)).unwrap();
        }
        for Difference { example: Example { line, command, reply, .. }, printed } in found {
            let (path, shown) = (path.display(), reply.join("\n"));
            writeln!(report, "{path}:{line}: > {command}\n--- page\n{shown}\n--- server\n{printed}").unwrap();
        }
    }
    println!("{count} examples run");
    assert!(count > 0, "no page holds an example");
    assert!(update || report.is_empty(), "\n{report}");
}

#[test]
fn a_corrected_page_shows_the_reply_of_the_server() {
    let page = "```redis\n> PING\n?\n?\n> PING\nPONG\n```\ntext\n";
    let example = examples(page).remove(0);
    let found = [Difference { example, printed: "PONG\n".into() }];
    assert_eq!(corrected(page, &found), "```redis\n> PING\nPONG\n> PING\nPONG\n```\ntext\n");
}

#[test]
fn a_page_is_read_command_by_command() {
    let page =
        "text\n```redis\n> PING\nPONG\n\n> SET a b\n```\n```sh\n> no\n```\n```redis resp3\n> GET a\n\"b\"\n```\n";
    let example = |line, resp3, command: &str, reply: &[&str]| Example {
        line,
        resp3,
        command: command.to_owned(),
        reply: reply.iter().map(|line| (*line).to_owned()).collect(),
    };
    let expected = [
        example(3, false, "PING", &["PONG"]),
        example(6, false, "SET a b", &[]),
        example(12, true, "GET a", &["\"b\""]),
    ];
    assert_eq!(examples(page), expected);
}

#[test]
fn dots_stand_for_text_within_a_line_and_for_lines() {
    for (pattern, line, expected) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("a...", "ab", true),
        ("...b", "ab", true),
        ("a...c...e", "abcde", true),
        ("a...c...e", "abde", false),
        ("a...a", "a", false),
    ] {
        assert_eq!(line_matches(pattern, line), expected, "{pattern} {line}");
    }
    let patterns = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    assert!(reply_matches(&patterns(&["a", "...", "c"]), &["a", "b", "b", "c"]));
    assert!(reply_matches(&patterns(&["a", "..."]), &["a"]));
    assert!(!reply_matches(&patterns(&["a", "...", "c"]), &["a", "b"]));
    assert!(!reply_matches(&patterns(&["a"]), &["a", "b"]));
}
