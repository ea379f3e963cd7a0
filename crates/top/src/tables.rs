//! Tables that several faces show, cell by cell and safe to show: what keys are like, and what their policies did.

use crate::figures::{amount, bytes};
use crate::model::{GroupRow, PolicyRow};
use crate::names::shown;

/// Characters of a prefix and of rules, where they are cut.
const PREFIX: usize = 32;
const RULES: usize = 48;

/// A column: its heading, whether its cells are figures, and the width that its cells seldom exceed.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// The heading.
    pub head: &'static str,
    /// Figures stand at the right.
    pub is_figure: bool,
    /// Characters.
    pub width: usize,
}

const fn words(head: &'static str, width: usize) -> Column {
    Column { head, is_figure: false, width }
}

const fn figure(head: &'static str, width: usize) -> Column {
    Column { head, is_figure: true, width }
}

/// The columns of [`group`].
pub const GROUPS: [Column; 9] = [
    words("prefix", 16),
    figure("keys", 6),
    figure("memory", 8),
    figure("no ttl", 6),
    figure("idle", 6),
    words("broken", 14),
    figure("keys/h", 7),
    figure("mem/h", 9),
    words("policy", 48),
];

/// A group of an audit.
pub fn group(row: &GroupRow) -> [String; 9] {
    let database = if row.db == 0 { String::new() } else { format!(" db{}", row.db) };
    let broken: Vec<String> =
        row.broken.iter().map(|(rule, keys)| format!("{} {keys}", shown(rule.as_bytes(), 8))).collect();
    let growth = |value: Option<f64>, figure: fn(f64) -> String| {
        value.map_or_else(|| "-".to_owned(), |value| signed(value, figure))
    };
    [
        shown(row.prefix.as_bytes(), PREFIX) + &database,
        amount(row.keys as f64),
        bytes(row.bytes),
        amount(row.no_ttl as f64),
        row.idle.map_or_else(|| "-".to_owned(), |idle| amount(idle as f64)),
        if broken.is_empty() { "-".to_owned() } else { broken.join(", ") },
        growth(row.keys_per_hour, amount),
        growth(row.bytes_per_hour, |size| bytes(size as u64)),
        row.policy.as_ref().map_or_else(|| "none".to_owned(), |policy| shown(policy.as_bytes(), RULES)),
    ]
}

/// The columns of [`policy`].
pub const POLICIES: [Column; 8] = [
    words("prefix", 18),
    words("rules", 32),
    words("applied", 7),
    figure("given", 6),
    figure("brought", 7),
    figure("misses", 6),
    figure("expired", 7),
    figure("evicted", 7),
];

/// A policy.
pub fn policy(row: &PolicyRow) -> [String; 8] {
    let prefix = if row.prefix.is_empty() { "(all others)".to_owned() } else { shown(row.prefix.as_bytes(), PREFIX) };
    let count = |count: u64| amount(count as f64);
    [
        prefix,
        shown(row.rules.as_bytes(), RULES),
        if row.is_applied { "yes" } else { "no" }.to_owned(),
        count(row.given),
        count(row.shortened),
        count(row.misses),
        count(row.expired),
        count(row.evicted),
    ]
}

/// A line of text: cells beside each other, in columns as wide as they seldom exceed.
pub fn line<const N: usize>(columns: &[Column; N], cells: &[String; N]) -> String {
    let part = |(column, cell): (&Column, &String)| {
        let width = column.width;
        if column.is_figure { format!("{cell:>width$}") } else { format!("{:width$}", cut(cell, width)) }
    };
    columns.iter().zip(cells).map(part).collect::<Vec<_>>().join(" ").trim_end().to_owned()
}

/// The headings as such a line.
pub fn heading<const N: usize>(columns: &[Column; N]) -> String {
    line(columns, &columns.map(|column| column.head.to_owned()))
}

/// At most so many characters.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

fn signed(value: f64, figure: fn(f64) -> String) -> String {
    format!("{}{}", if value < 0.0 { "-" } else { "+" }, figure(value.abs()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, clippy::string_slice, reason = "tests")]
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_group_fills_its_columns_and_nothing_of_its_names_acts() {
        let row = GroupRow {
            db: 3,
            prefix: "\u{1b}[2Jsession:".to_owned(),
            policy: Some("TTL 1d TYPE hash".to_owned()),
            keys: 12_345,
            bytes: 1_048_576,
            no_ttl: 7,
            idle: None,
            broken: BTreeMap::from([("TTL".to_owned(), 7), ("TYPE".to_owned(), 1)]),
            keys_per_hour: Some(-12.5),
            bytes_per_hour: Some(2048.0),
        };
        let cells = group(&row);
        assert_eq!(cells[0], r"\u{1b}[2Jsession: db3");
        assert_eq!(cells[1..8], ["12.3k", "1.0mb", "7", "-", "TTL 7, TYPE 1", "-12.5", "+2.0kb"]);
        let (head, line) = (heading(&GROUPS), line(&GROUPS, &cells));
        let place = |text: &str, part: &str| text.find(part).map(|at| text[..at].chars().count());
        assert_eq!(place(&head, "policy"), place(&line, "TTL 1d"), "what is too long is cut\n{head}\n{line}");
    }
}
