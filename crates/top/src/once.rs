//! `--once`: the picture as lines of text, and as JSON.

use std::fmt::Write as _;

use crate::figures::{age, amount, change, optional_amount, optional_price, price, ratio, sparkline, time_of_day};
use crate::lines::{audit, head, sides};
use crate::model::Snapshot;
use crate::names::{LONG, shown};
use crate::tables::{GROUPS, POLICIES, group, heading, line, policy};

/// Large events and signals that are printed.
const MOST_NEWS: usize = 15;
/// Groups of keys that are printed.
const MOST_GROUPS: usize = 20;
/// Characters of a symbol in the table.
const SYMBOL: usize = 20;

/// As JSON, on lines that a person can read too.
pub fn json(snapshot: &Snapshot) -> serde_json::Result<String> {
    serde_json::to_string_pretty(snapshot).map(|text| text + "\n")
}

/// As text.
pub fn text(snapshot: &Snapshot) -> String {
    let mut out = String::new();
    for line in head(snapshot) {
        let _ = writeln!(out, "{line}");
    }
    for warning in &snapshot.warnings {
        let _ = writeln!(out, "! {warning}");
    }
    symbols(&mut out, snapshot);
    news(&mut out, snapshot);
    markets(&mut out, snapshot);
    limiters(&mut out, snapshot);
    keyspace(&mut out, snapshot);
    out
}

fn symbols(out: &mut String, snapshot: &Snapshot) {
    let window = age(snapshot.window_ms);
    let _ = writeln!(
        out,
        "\n{:SYMBOL$} {:>7} {:>8} {:>8} {:>8} {:>8} {:>11} {:>8} {:10} {:>6} last hour",
        format!("SYMBOL ({window})"),
        "events",
        "volume",
        "p50",
        "p80",
        "p95",
        "vwap",
        "dev",
        "long/short",
        "rate"
    );
    for row in &snapshot.symbols {
        let symbol = shown(row.symbol.as_bytes(), SYMBOL);
        if let Some(error) = &row.error {
            let _ = writeln!(out, "{symbol:SYMBOL$} {error}");
            continue;
        }
        let _ = writeln!(
            out,
            "{symbol:SYMBOL$} {:>7} {:>8} {:>8} {:>8} {:>8} {:>11} {:>8} {:10} {:>6} {}",
            amount(row.count as f64),
            amount(row.volume),
            optional_amount(row.p50),
            optional_amount(row.p80),
            optional_amount(row.p95),
            optional_price(row.vwap),
            change(row.deviation_pct),
            sides(row, 10),
            ratio(row.rate_ratio),
            sparkline(&row.hour, 20),
        );
    }
}

fn news(out: &mut String, snapshot: &Snapshot) {
    if !snapshot.events.is_empty() {
        let _ = writeln!(out, "\nLARGE LIQUIDATIONS (UTC)");
    }
    for event in snapshot.events.iter().take(MOST_NEWS) {
        let _ = writeln!(
            out,
            "{} {:SYMBOL$} {:4} {:>8} at {} {}",
            time_of_day(event.ts_ms),
            shown(event.symbol.as_bytes(), SYMBOL),
            event.side,
            amount(event.size),
            price(event.price),
            event.exchange.as_deref().map(|name| shown(name.as_bytes(), SYMBOL)).unwrap_or_default(),
        );
    }
    if !snapshot.signals.is_empty() {
        let _ = writeln!(out, "\nSIGNALS (UTC)");
    }
    for signal in snapshot.signals.iter().take(MOST_NEWS) {
        let _ = writeln!(
            out,
            "{} {:SYMBOL$} {:4} at {} ({} from the VWAP) {}",
            signal.ts_ms.map(time_of_day).unwrap_or_default(),
            shown(signal.symbol.as_bytes(), SYMBOL),
            shown(signal.side.as_bytes(), 4),
            optional_price(signal.price),
            change(signal.vwap_deviation),
            shown(signal.entry_reason.as_bytes(), SYMBOL),
        );
    }
}

fn markets(out: &mut String, snapshot: &Snapshot) {
    if snapshot.markets.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "\n{:SYMBOL$} {:>16} {:>8} {:>6} {:>8} {:>6}",
        "MARKET", "price", "age", "armed", "pending", "fired"
    );
    for row in &snapshot.markets {
        let count = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        let _ = writeln!(
            out,
            "{:SYMBOL$} {:>16} {:>8} {:>6} {:>8} {:>6} {}",
            shown(row.symbol.as_bytes(), SYMBOL),
            row.price.as_deref().map_or_else(|| "-".to_owned(), |price| shown(price.as_bytes(), 24)),
            row.age_ms.map_or_else(|| "-".to_owned(), age),
            count(row.armed),
            count(row.pending),
            count(row.fired),
            if row.is_stale == Some(true) { "stale" } else { "" },
        );
    }
}

fn limiters(out: &mut String, snapshot: &Snapshot) {
    if snapshot.limiters.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{:40} {:>6} {:>16} {:>8}", "LIMITER", "used", "of", "ban");
    for row in &snapshot.limiters {
        let _ = writeln!(
            out,
            "{:40} {:>5.0}% {:>16} {:>8}",
            shown(row.key.as_bytes(), LONG.min(40)),
            row.used_share * 100.0,
            format!("{} in {}", row.burst, age(row.period_ms)),
            if row.ban_ms > 0 { age(row.ban_ms) } else { "-".to_owned() },
        );
    }
}

/// Nothing where nobody asked the server to look after its keys.
fn keyspace(out: &mut String, snapshot: &Snapshot) {
    if snapshot.audit.at_ms.is_some() {
        let _ = writeln!(out, "\nKEYS: {}\n{}", audit(snapshot).join("; "), heading(&GROUPS));
        for row in snapshot.audit.groups.iter().take(MOST_GROUPS) {
            let _ = writeln!(out, "{}", line(&GROUPS, &group(row)));
        }
    }
    if !snapshot.policies.is_empty() {
        let _ = writeln!(out, "\nPOLICIES\n{}", heading(&POLICIES));
        for row in &snapshot.policies {
            let _ = writeln!(out, "{}", line(&POLICIES, &policy(row)));
        }
    }
}
