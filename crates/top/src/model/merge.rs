//! Pictures of several servers as one: what they hold side by side, what they count as sums, of what may be bad the
//! worst. And the orders that rows have, in one picture as in the sum of several.

use std::cmp::Ordering;
use std::sync::Arc;

use super::{AuditRow, EventRow, FoundBy, GroupRow, LimiterRow, Link, MemoryRow, PolicyRow, ServerRow, SignalRow};
use super::{Snapshot, SymbolRow, View};
use crate::figures::time_of_day;

/// Large events and signals that are remembered.
pub const MOST_REMEMBERED: usize = 200;
/// Groups of an audit that are read, and shown.
pub const MOST_GROUPS: usize = 200;

/// The views of a cluster's masters as that of the cluster. It answers while any of them does; those that do not are
/// told of among the warnings, with what is still shown of them.
pub fn merged(address: &str, views: &[View]) -> View {
    let details =
        views.iter().flat_map(|view| view.details.iter().map(|(key, detail)| (key.clone(), Arc::clone(detail))));
    let details = details.collect();
    let mut parts: Vec<Part<'_>> = views.iter().filter_map(Part::of).collect();
    // Sums begin at a master that answers: what is told of all servers alike is told by it.
    parts.sort_by_key(|part| part.is_old);
    let snapshot = sum(address, &parts).map(|mut sum| {
        let versions = sum.server.module_version.as_ref().filter(|versions| versions.contains('/'));
        let differ = versions.map(|versions| format!("the masters' modules are of different versions: {versions}"));
        sum.warnings = away(views).chain(differ).chain(warnings(&parts)).collect();
        Arc::new(sum)
    });
    View { address: address.to_owned(), link: link(views), snapshot, details }
}

/// What is shown of one master.
struct Part<'a> {
    address: &'a str,
    snapshot: &'a Snapshot,
    /// It does not answer any more.
    is_old: bool,
}

impl<'a> Part<'a> {
    fn of(view: &'a View) -> Option<Self> {
        let is_old = view.link != Link::Up;
        view.snapshot.as_deref().map(|snapshot| Self { address: &view.address, snapshot, is_old })
    }
}

fn link(views: &[View]) -> Link {
    let mut longest: Option<(u64, &str)> = None;
    for view in views {
        let Link::Down { since_ms, why } = &view.link else { continue };
        if longest.is_none_or(|(longest_ms, _)| *since_ms < longest_ms) {
            longest = Some((*since_ms, why));
        }
    }
    match longest {
        _ if views.is_empty() || views.iter().any(|view| view.link == Link::Connecting) => Link::Connecting,
        Some((since_ms, why)) if views.iter().all(|view| view.link != Link::Up) => {
            let all =
                if views.len() > 1 { format!("none of {} masters is there: ", views.len()) } else { String::new() };
            Link::Down { since_ms, why: format!("{all}{why}") }
        }
        _ => Link::Up,
    }
}

/// Of each master that does not answer: why, since when, and what that means for what is shown. And of each that is read
/// for the first time, as one that has taken over.
fn away(views: &[View]) -> impl Iterator<Item = String> {
    views.iter().filter_map(|view| match &view.link {
        Link::Up => None,
        Link::Connecting => Some(format!("a part is missing: {} has not answered yet", view.address)),
        Link::Down { since_ms, why } => {
            let is = if view.snapshot.is_some() { "old" } else { "missing" };
            Some(format!("a part is {is} since {} UTC: {why}", time_of_day(*since_ms)))
        }
    })
}

/// The warnings of all, with the address of who gives it where not all do.
fn warnings(parts: &[Part<'_>]) -> Vec<String> {
    let mut told: Vec<(&String, Vec<&str>)> = Vec::new();
    for part in parts {
        for warning in &part.snapshot.warnings {
            match told.iter_mut().find(|(known, _)| *known == warning) {
                Some((_, addresses)) => addresses.push(part.address),
                None => told.push((warning, vec![part.address])),
            }
        }
    }
    let line = |(warning, addresses): (&String, Vec<&str>)| {
        if addresses.len() == parts.len() { warning.clone() } else { format!("{}: {warning}", addresses.join(", ")) }
    };
    told.into_iter().map(line).collect()
}

fn sum(address: &str, parts: &[Part<'_>]) -> Option<Snapshot> {
    let (first, rest) = parts.split_first()?;
    let mut sum = Snapshot::clone(first.snapshot);
    sum.memory.node = Some(first.address.to_owned());
    for part in rest {
        let one = part.snapshot;
        sum.at_ms = sum.at_ms.max(one.at_ms);
        add_server(&mut sum.server, &one.server);
        // Of the master with the least room.
        if strain(&one.memory) > strain(&sum.memory) {
            sum.memory = MemoryRow { node: Some(part.address.to_owned()), ..one.memory.clone() };
        }
        if one.keys.found_by == FoundBy::Rescans {
            sum.keys.found_by = FoundBy::Rescans;
        }
        sum.keys.series += one.keys.series;
        sum.keys.markets += one.keys.markets;
        sum.keys.limiters += one.keys.limiters;
        sum.keys.unread += one.keys.unread;
        sum.symbols.extend_from_slice(&one.symbols);
        sum.events.extend_from_slice(&one.events);
        sum.signals.extend_from_slice(&one.signals);
        sum.markets.extend_from_slice(&one.markets);
        sum.limiters.extend_from_slice(&one.limiters);
        add_audit(&mut sum.audit, &one.audit);
        add_policies(&mut sum.policies, &one.policies);
    }
    address.clone_into(&mut sum.server.address);
    sum.symbols.sort_by(by_volume);
    sum.markets.sort_by(|left, right| left.key.cmp(&right.key));
    sum.limiters.sort_by(fullest_first);
    newest_events(&mut sum.events);
    newest_signals(&mut sum.signals);
    in_order(&mut sum.audit.groups);
    Some(sum)
}

/// Rows by volume, the largest first.
pub fn by_volume(left: &SymbolRow, right: &SymbolRow) -> Ordering {
    right.volume.total_cmp(&left.volume).then_with(|| left.name.cmp(&right.name))
}

/// Banned limiters, then those nearest a limit.
pub fn fullest_first(left: &LimiterRow, right: &LimiterRow) -> Ordering {
    let is_banned = |row: &LimiterRow| row.ban_ms > 0;
    is_banned(right)
        .cmp(&is_banned(left))
        .then(right.used_share.total_cmp(&left.used_share))
        .then_with(|| left.key.cmp(&right.key))
}

/// Groups that break rules, then those that take most memory; what is too much is forgotten.
pub fn in_order(groups: &mut Vec<GroupRow>) {
    groups.sort_by_key(|group| std::cmp::Reverse((group.broken.values().sum::<u64>(), group.bytes)));
    groups.truncate(MOST_GROUPS);
}

/// Puts the newest events in front, and forgets the oldest.
pub fn newest_events(events: &mut Vec<EventRow>) {
    events.sort_by_key(|event| std::cmp::Reverse(event.ts_ms));
    events.truncate(MOST_REMEMBERED);
}

/// Puts the newest signals in front, and forgets the oldest.
pub fn newest_signals(signals: &mut Vec<SignalRow>) {
    signals.sort_by_key(|signal| std::cmp::Reverse(id_ms(&signal.id)));
    signals.truncate(MOST_REMEMBERED);
}

/// The moment of a stream entry's id.
fn id_ms(id: &str) -> u64 {
    id.split('-').next().and_then(|ms| ms.parse().ok()).unwrap_or(0)
}

/// What only one of both knows is not known of the sum.
fn plus(left: &mut Option<u64>, right: Option<u64>) {
    *left = left.zip(right).map(|(left, right)| left + right);
}

/// Versions side by side where they differ.
fn beside(left: &mut Option<String>, right: Option<&String>) {
    match (left, right) {
        (Some(left), Some(right)) if left.split('/').all(|known| known != right) => {
            left.push('/');
            left.push_str(right);
        }
        _ => {}
    }
}

fn add_server(sum: &mut ServerRow, one: &ServerRow) {
    sum.masters += one.masters;
    beside(&mut sum.version, one.version.as_ref());
    beside(&mut sum.module_version, one.module_version.as_ref());
    sum.uptime_s = sum.uptime_s.min(one.uptime_s);
    plus(&mut sum.ops_per_second, one.ops_per_second);
    plus(&mut sum.clients, one.clients);
    plus(&mut sum.used_memory, one.used_memory);
    // Together they have a limit when each has one.
    let limits = sum.max_memory.zip(one.max_memory);
    sum.max_memory = limits.map(|(left, right)| if left == 0 || right == 0 { 0 } else { left + right });
    plus(&mut sum.evicted_keys, one.evicted_keys);
    plus(&mut sum.fires, one.fires);
    plus(&mut sum.failed_signals, one.failed_signals);
}

/// Which memory is in more danger: by mode, by the share that is used, by bytes.
fn strain(memory: &MemoryRow) -> (Option<usize>, Option<u64>, Option<u64>) {
    const MODES: [&str; 4] = ["normal", "compact", "aggregate", "critical"];
    let mode = memory.mode.as_deref().and_then(|mode| MODES.iter().position(|known| *known == mode));
    (mode, memory.ratio.map(|ratio| (ratio * 1e6) as u64), memory.used)
}

fn add_audit(sum: &mut AuditRow, one: &AuditRow) {
    if one.state.as_deref() == Some("running") {
        sum.state.clone_from(&one.state);
        sum.progress_pct = one.progress_pct;
    }
    // It is the oldest that is told of, and none until all nodes have been through.
    sum.at_ms = sum.at_ms.zip(one.at_ms).map(|(left, right)| left.min(right));
    sum.took_ms = sum.took_ms.max(one.took_ms);
    for (left, right) in [
        (&mut sum.keys, one.keys),
        (&mut sum.bytes, one.bytes),
        (&mut sum.no_ttl, one.no_ttl),
        (&mut sum.unregistered, one.unregistered),
        (&mut sum.broken, one.broken),
    ] {
        plus(left, right);
    }
    for group in &one.groups {
        match sum.groups.iter_mut().find(|known| (known.db, &known.prefix) == (group.db, &group.prefix)) {
            Some(known) => add_group(known, group),
            None => sum.groups.push(group.clone()),
        }
    }
}

fn add_group(sum: &mut GroupRow, one: &GroupRow) {
    sum.keys += one.keys;
    sum.bytes += one.bytes;
    sum.no_ttl += one.no_ttl;
    plus(&mut sum.idle, one.idle);
    for (rule, keys) in &one.broken {
        *sum.broken.entry(rule.clone()).or_default() += keys;
    }
    let both = |left: Option<f64>, right: Option<f64>| left.zip(right).map(|(left, right)| left + right);
    sum.keys_per_hour = both(sum.keys_per_hour, one.keys_per_hour);
    sum.bytes_per_hour = both(sum.bytes_per_hour, one.bytes_per_hour);
}

fn add_policies(sum: &mut Vec<PolicyRow>, more: &[PolicyRow]) {
    for one in more {
        // A policy that differs between nodes is a fault, and seen as two rows.
        let is_same = |known: &&mut PolicyRow| {
            (&known.prefix, &known.rules, known.is_applied) == (&one.prefix, &one.rules, one.is_applied)
        };
        match sum.iter_mut().find(is_same) {
            Some(known) => {
                known.given += one.given;
                known.shortened += one.shortened;
                known.misses += one.misses;
                known.expired += one.expired;
                known.evicted += one.evicted;
            }
            None => sum.push(one.clone()),
        }
    }
    sum.sort_by(|left, right| left.prefix.cmp(&right.prefix));
}
