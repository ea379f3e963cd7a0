//! Lines that several faces show: server and memory, a symbol's figures, longs against shorts, what an audit found.

use crate::figures::{age, amount, bytes, change, optional_amount, optional_price, ratio};
use crate::model::{Alarm, Snapshot, SymbolRow};

/// Server and memory, in two lines.
pub fn head(snapshot: &Snapshot) -> [String; 2] {
    let server = &snapshot.server;
    let or_unknown = |value: Option<String>| value.unwrap_or_else(|| "?".to_owned());
    let number = |value: Option<u64>| or_unknown(value.map(|value| value.to_string()));
    let first = format!(
        "{}  {} {}  up {}  {} ops/s  {} clients  evicted {}",
        server.address,
        if server.masters > 1 { format!("{} masters", server.masters) } else { or_unknown(server.role.clone()) },
        or_unknown(server.version.clone()),
        or_unknown(server.uptime_s.map(|seconds| age(seconds.saturating_mul(1000)))),
        number(server.ops_per_second),
        number(server.clients),
        number(server.evicted_keys),
    );
    let memory = &snapshot.memory;
    let of_budget = match (memory.ratio, memory.budget) {
        (Some(ratio), Some(budget)) => format!("{:.0}% of {}", ratio * 100.0, bytes(budget)),
        (_, None) => "limit unknown".to_owned(),
        _ => "no limit".to_owned(),
    };
    let node =
        memory.node.as_ref().filter(|_| server.masters > 1).map(|node| format!(" on {node}")).unwrap_or_default();
    let alarm = match memory.alarm {
        Some(Alarm::Alert) => "  ALERT",
        Some(Alarm::Warning) => "  WARNING",
        None => "",
    };
    let keys = snapshot.keys;
    let second = format!(
        "memory {} {} used{node}, {of_budget}{alarm}  {} series, {} markets, {} limiters",
        or_unknown(memory.mode.clone()),
        or_unknown(memory.used.map(bytes)),
        keys.series,
        keys.markets,
        keys.limiters,
    );
    [first, second]
}

/// Why a series is not shown. Behind a start of the server not all of many are read at once.
pub const fn absent(snapshot: &Snapshot) -> &'static str {
    if snapshot.keys.unread > 0 { "it is gone, or was not read yet" } else { "the series is gone" }
}

/// Longs and shorts as a bar: `L` for the share of liquidated longs.
pub fn sides(row: &SymbolRow, width: usize) -> String {
    let all = row.buy_volume + row.sell_volume;
    if all <= 0.0 {
        return " ".repeat(width);
    }
    let longs = ((row.sell_volume / all * width as f64).round() as usize).min(width);
    "L".repeat(longs) + &"s".repeat(width - longs)
}

/// A symbol's figures, in two lines: its sizes, and its prices.
pub fn figures(row: &SymbolRow) -> [String; 2] {
    let sizes = format!(
        "{} events  volume {} (longs {}, shorts {})  p50 {}  p80 {}  p95 {}",
        row.count,
        amount(row.volume),
        amount(row.sell_volume),
        amount(row.buy_volume),
        optional_amount(row.p50),
        optional_amount(row.p80),
        optional_amount(row.p95),
    );
    let prices = format!(
        "vwap {}  last {} ({})  rate {}",
        optional_price(row.vwap),
        optional_price(row.last_price),
        change(row.deviation_pct),
        ratio(row.rate_ratio),
    );
    [sizes, prices]
}

/// What the newest audit found, and how far the one is that runs.
pub fn audit(snapshot: &Snapshot) -> Vec<String> {
    let row = &snapshot.audit;
    let Some(state) = &row.state else { return vec!["KEYS.AUDIT may not be read here".to_owned()] };
    let count = |value: Option<u64>| value.map_or_else(|| "?".to_owned(), |value| amount(value as f64));
    let found = match row.at_ms {
        Some(at_ms) => format!(
            "audit of {} ago: {} keys, {}, {} without expiry, {} without policy, {} break theirs",
            age(snapshot.at_ms.saturating_sub(at_ms)),
            count(row.keys),
            row.bytes.map_or_else(|| "?".to_owned(), bytes),
            count(row.no_ttl),
            count(row.unregistered),
            count(row.broken),
        ),
        None => "no audit yet: KEYS.AUDIT START begins one, liq.audit-every all of them".to_owned(),
    };
    let progress = row.progress_pct.filter(|_| state == "running");
    let running = progress.map(|progress| format!("an audit is running: {progress:.0}% of the keys"));
    std::iter::once(found).chain(running).collect()
}
