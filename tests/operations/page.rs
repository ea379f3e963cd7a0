//! docs/operations.md as the tests read it, and what it says of INFO compared with a running server.

use std::collections::BTreeSet;

use crate::support::Server;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md");

/// The text of the page.
pub fn page() -> String {
    std::fs::read_to_string(PAGE).unwrap()
}

/// The block of the page whose fence is followed by these words.
pub fn block(words: &str) -> String {
    let page = page();
    let (_, body) =
        page.split_once(&format!("```{words}\n")).unwrap_or_else(|| panic!("the page has no block {words}"));
    body.split_once("```").unwrap().0.to_owned()
}

#[test]
fn the_page_names_every_field_of_info_and_no_other() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("CONFIG SET liq.key-policies \"a: TTL 1m\"").ok();
    client.run("LIQ.ADD x * buy 1 -1");
    let info = client.run("INFO liq").text();
    let told: BTreeSet<&str> = info
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name)
        .filter(|name| name.starts_with("liq_"))
        .collect();
    let page = page();
    let (_, section) = page.split_once("## Fields of `INFO liq`").unwrap();
    let table = section.split_once("\n## ").unwrap().0;
    let first_cells = table.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | ")).map(|(cell, _)| cell);
    let named: BTreeSet<&str> =
        first_cells.flat_map(|cell| cell.split('`')).filter(|word| word.starts_with("liq_")).collect();
    let missing: Vec<_> = told.difference(&named).collect();
    let invented: Vec<_> = named.difference(&told).collect();
    assert!(missing.is_empty() && invented.is_empty(), "the page lacks {missing:?} and invents {invented:?}");
}
