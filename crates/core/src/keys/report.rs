//! A complete audit as its report: rows in the order asked for, growth since the audit before, one group in full.

use std::cmp::{Ordering, Reverse};
use std::collections::HashMap;

use super::audit::{Audit, Group, Label, Large};
use super::policy::Policy;
use super::reply::{KeyDetail, KeyReport, KeyRow, KeyShape, LargeKey};
use super::request::Order;
use crate::wire::Bytes;

/// Milliseconds of an hour.
const HOUR_MS: f64 = 3_600_000.0;

/// A complete audit.
#[derive(Debug, Clone)]
pub struct Finished {
    audit: Audit,
    started_ms: u64,
    ended_ms: u64,
    cpu_us: u64,
    before: Option<Before>,
}

/// What the audit before found: when it ended, and keys and bytes of every group.
#[derive(Debug, Clone)]
struct Before {
    ended_ms: u64,
    groups: HashMap<(u32, Label), (u64, u64)>,
}

/// What is summed up of one policy's keys in all databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PolicySum {
    /// Keys.
    pub keys: u64,
    /// About the memory they take.
    pub bytes: u64,
    /// Keys without an expiry.
    pub no_ttl: u64,
    /// Keys that break the policy.
    pub broken: u64,
}

impl Finished {
    /// `audit`, which took this time by the clock, Unix milliseconds, and `cpu_us` of CPU; the growth is that since
    /// `before`.
    pub fn new(audit: Audit, started_ms: u64, ended_ms: u64, cpu_us: u64, before: Option<&Self>) -> Self {
        let before = before.map(|before| Before {
            ended_ms: before.ended_ms,
            groups: before
                .audit
                .groups()
                .map(|(db, group)| ((db, group.label().clone()), (group.keys, group.bytes())))
                .collect(),
        });
        Self { audit, started_ms, ended_ms, cpu_us, before }
    }

    /// When it ended, Unix milliseconds.
    pub const fn ended_ms(&self) -> u64 {
        self.ended_ms
    }

    /// The first `count` groups in this order.
    pub fn report(&self, order: Order, count: u64) -> KeyReport {
        let groups = || self.audit.groups().map(|(_, group)| group);
        let mut rows: Vec<_> = self.audit.groups().map(|(db, group)| (self.row(db, group), group)).collect();
        // Growth may be negative and is the only measure that is no count.
        let growth = |row: &KeyRow| row.bytes_per_hour.unwrap_or(f64::NEG_INFINITY);
        rows.sort_by(|(one, one_group), (next, next_group)| {
            let measure = |row: &KeyRow, group: &Group| match order {
                Order::Bytes | Order::Growth => row.bytes,
                Order::Keys => row.keys,
                Order::NoTtl => row.no_ttl,
                Order::Idle => row.idle.unwrap_or(0),
                Order::Broken => group.broken_keys,
            };
            let is_growth = order == Order::Growth;
            let by_growth = if is_growth { growth(next).total_cmp(&growth(one)) } else { Ordering::Equal };
            let by_measure = || Reverse(measure(one, one_group)).cmp(&Reverse(measure(next, next_group)));
            by_growth.then_with(by_measure).then_with(|| (one.db, &one.prefix).cmp(&(next.db, &next.prefix)))
        });
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        KeyReport {
            at_ms: self.ended_ms,
            took_ms: self.ended_ms.saturating_sub(self.started_ms),
            cpu_ms: self.cpu_us / 1000,
            keys: self.audit.keys(),
            bytes: groups().map(Group::bytes).sum(),
            no_ttl: groups().map(|group| group.no_ttl).sum(),
            unregistered: groups()
                .filter(|group| !matches!(group.label(), Label::Policy(_)))
                .map(|group| group.keys)
                .sum(),
            broken: groups().map(|group| group.broken_keys).sum(),
            rows: rows.into_iter().take(count).map(|(row, _)| row).collect(),
        }
    }

    /// Everything of the group called `prefix`, in this database or the first that has it.
    pub fn detail(&self, prefix: &[u8], db: Option<u32>) -> Option<KeyDetail> {
        let is_it = |(number, group): &(u32, &Group)| {
            group.label().name() == prefix && db.is_none_or(|wanted| wanted == *number)
        };
        let (number, group) = self.audit.groups().filter(is_it).min_by_key(|(number, _)| *number)?;
        let named = |rule_names: &[Vec<u8>]| rule_names.iter().map(|name| Bytes(name.clone())).collect::<Vec<_>>();
        let shape = KeyShape {
            ttl: group.ttl().map(|(span, keys)| (span.name(), keys)).collect(),
            idle_time: group.idle_time().map(|(span, keys)| (span.name(), keys)).collect(),
            sizes: group.sizes().map(|(power, keys)| (power.to_string(), keys)).collect(),
            largest: group.largest().iter().map(large).collect(),
            examples: group.examples().map(|(rule, names)| (rule.name(), named(names))).collect(),
        };
        Some(KeyDetail::new(self.row(number, group), shape))
    }

    /// The sums over the keys that the policy of `prefix` rules; `None` where there was no such policy yet.
    pub fn of_policy(&self, prefix: &[u8]) -> Option<PolicySum> {
        if !self.audit.knows_policy(prefix) {
            return None;
        }
        let groups = self.audit.groups().map(|(_, group)| group);
        let own = groups.filter(|group| matches!(group.label(), Label::Policy(own) if own.as_bytes() == prefix));
        Some(own.fold(PolicySum::default(), |sum, group| PolicySum {
            keys: sum.keys + group.keys,
            bytes: sum.bytes.saturating_add(group.bytes()),
            no_ttl: sum.no_ttl + group.no_ttl,
            broken: sum.broken + group.broken_keys,
        }))
    }

    fn row(&self, db: u32, group: &Group) -> KeyRow {
        let bytes = group.bytes();
        let per_hour = |now: u64, was: fn(&(u64, u64)) -> u64| {
            let before = self.before.as_ref()?;
            let was = before.groups.get(&(db, group.label().clone())).map_or(0, was);
            let hours = self.ended_ms.saturating_sub(before.ended_ms).max(1) as f64 / HOUR_MS;
            Some((now as f64 - was as f64) / hours)
        };
        let policy = self.audit.policy_of(group.label()).map(Policy::rules);
        KeyRow {
            db: db.into(),
            prefix: group.label().name().into(),
            policy: policy.map(|rules| Bytes(rules.into_bytes())),
            keys: group.keys,
            bytes,
            measured: group.measured(),
            no_ttl: group.no_ttl,
            idle: group.idle_if_known(),
            types: group.types().map(|(name, keys)| (name.as_bytes().to_vec(), keys)).collect(),
            broken: group.broken().map(|(rule, keys)| (rule.name(), keys)).collect(),
            keys_per_hour: per_hour(group.keys, |was| was.0),
            bytes_per_hour: per_hour(bytes, |was| was.1),
        }
    }
}

fn large(key: &Large) -> LargeKey {
    LargeKey {
        name: Bytes(key.name.clone()),
        type_name: key.type_name.as_bytes().into(),
        bytes: key.bytes,
        items: key.items,
    }
}
