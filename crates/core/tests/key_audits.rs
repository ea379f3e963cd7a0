//! The audit beside its definition written slowly: groups, counts, samples, and how near its estimate of memory comes.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use std::collections::BTreeMap;

use liq_core::keys::audit::{Audit, Group, MAX_NAME_BYTES, Seen, Settings, Span};
use liq_core::keys::policy::{Observed, Rule, Table, TypeName};
use liq_core::keys::report::Finished;
use liq_core::keys::request::Order;
use proptest::prelude::*;

const POLICIES: &str = "market: TTL 30s MAXTTL 3h; market:x TYPE hash; session: IDLE 1h MAXITEMS 100 MAXBYTES 1kb";

/// A key with the memory that it really takes.
#[derive(Debug, Clone)]
struct Key {
    db: u32,
    name: Vec<u8>,
    observed: Observed,
}

fn settings(max_groups: usize) -> Settings {
    Settings { delimiter: b":".to_vec(), max_groups }
}

fn audited(keys: &[Key], max_groups: usize) -> Audit {
    let mut audit = Audit::new(Table::parse(POLICIES.as_bytes()).unwrap(), settings(max_groups));
    for key in keys {
        let known = Observed { bytes: None, ..key.observed };
        audit.see(key.db, Seen { name: &key.name, key: known }, || key.observed.bytes);
    }
    audit.check();
    audit
}

fn any_key() -> impl Strategy<Value = Key> {
    let name = prop_oneof![
        "(market:|market:x|session:|a:|b:|c:|bare|)[a-z]{0,3}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..300),
    ];
    let type_name = prop::sample::select(vec!["string", "list", "hash", "stream", "ReJSON-RL"]);
    let ms = || prop::option::of(prop_oneof![Just(0_u64), Just(59_999), Just(60_000), 0_u64..10_000_000_000]);
    let len = prop_oneof![0_u64..100, Just(4_095), Just(4_096), 0_u64..1_000_000];
    (0_u32..3, name, type_name, len, ms(), ms()).prop_map(|(db, name, type_name, len, left_ms, idle_ms)| {
        // As an allocator gives it: more than the length, in steps.
        let bytes = Some((len + name.len() as u64 + 60).next_multiple_of(16));
        let type_name = TypeName::new(type_name.as_bytes());
        Key { db, name, observed: Observed { type_name, left_ms, bytes, len, idle_ms, is_own: false } }
    })
}

/// The name of a key's group by the contract, without the limit of groups.
fn slow_group(name: &[u8]) -> Vec<u8> {
    let policy = ["market:x", "market:", "session:"].into_iter().find(|prefix| name.starts_with(prefix.as_bytes()));
    if let Some(prefix) = policy {
        return prefix.into();
    }
    let Some(end) = name.iter().position(|byte| *byte == b':') else { return b"(none)".to_vec() };
    let group = &name[..=end];
    if group.len() <= MAX_NAME_BYTES { group.to_vec() } else { [&group[..MAX_NAME_BYTES], "…".as_bytes()].concat() }
}

fn keys_of<'a>(keys: &'a [Key], db: u32, group: &Group) -> Vec<&'a Key> {
    keys.iter().filter(|key| key.db == db && slow_group(&key.name) == group.label().name()).collect()
}

fn check_group(group: &Group, keys: &[&Key]) {
    let count = |is: &dyn Fn(&Observed) -> bool| keys.iter().filter(|key| is(&key.observed)).count() as u64;
    assert_eq!(group.keys, keys.len() as u64);
    assert_eq!(group.no_ttl, count(&|key| key.left_ms.is_none()));
    let idle_ms = if group.label().name() == b"session:" { 3_600_000 } else { 604_800_000 };
    assert_eq!(group.idle, count(&|key| key.idle_ms.is_some_and(|ms| ms >= idle_ms)));
    let mut types = BTreeMap::new();
    keys.iter().for_each(|key| *types.entry(key.observed.type_name).or_insert(0) += 1);
    assert_eq!(group.types().collect::<BTreeMap<_, u64>>(), types);
    for (span, found) in group.ttl() {
        assert_eq!(found, count(&|key| Span::of(key.left_ms) == span), "{span:?}");
    }
    // Of all large keys and those under MAXBYTES the memory is known, so that of the largest is.
    let largest = keys.iter().map(|key| key.observed).filter(|key| key.len >= 4_096).filter_map(|key| key.bytes).max();
    assert!(largest.is_none() || group.largest().first().map(|large| large.bytes) >= largest);
    let broken = |rule: Rule| {
        count(&|key| match (group.label().name(), rule) {
            (b"market:", Rule::Ttl) => key.left_ms.is_none(),
            (b"market:", Rule::MaxTtl) => key.left_ms.is_some_and(|ms| ms > 10_800_000),
            (b"market:x", Rule::Type) => key.type_name.to_string() != "hash",
            (b"session:", Rule::Idle) => key.idle_ms.is_some_and(|ms| ms >= 3_600_000),
            (b"session:", Rule::MaxItems) => key.type_name.has_items() && key.len > 100,
            (b"session:", Rule::MaxBytes) => key.bytes.unwrap() > 1_024,
            _ => false,
        })
    };
    let expected: Vec<_> = Rule::ALL.into_iter().map(|rule| (rule, broken(rule))).filter(|(_, n)| *n > 0).collect();
    assert_eq!(group.broken().collect::<Vec<_>>(), expected, "{:?}", group.label());
    for (rule, names) in group.examples() {
        assert_eq!(names.len() as u64, broken(rule).min(4), "{rule:?}");
    }
}

proptest! {
    #[test]
    fn an_audit_counts_what_the_definition_counts(mut keys in prop::collection::vec(any_key(), 0..300)) {
        keys.sort_by(|one, next| (one.db, &one.name).cmp(&(next.db, &next.name)));
        keys.dedup_by(|one, next| (one.db, &one.name) == (next.db, &next.name));
        let audit = audited(&keys, 4096);
        prop_assert_eq!(audit.keys(), keys.len() as u64);
        for (db, group) in audit.groups() {
            check_group(group, &keys_of(&keys, db, group));
        }
        let report = Finished::new(audit, 0, 1, 0, None).report(Order::Keys, 65_536);
        prop_assert_eq!(report.keys, keys.len() as u64);
        prop_assert!(report.rows.is_sorted_by_key(|row| std::cmp::Reverse(row.keys)));
        let unregistered = keys.iter().filter(|key| !POLICIES.split("; ").any(|policy| {
            key.name.starts_with(policy.split(' ').next().unwrap().as_bytes())
        }));
        prop_assert_eq!(report.unregistered, unregistered.count() as u64);
    }

    #[test]
    fn groups_have_a_limit_and_no_key_is_lost(keys in prop::collection::vec(any_key(), 0..300), most in 1_usize..4) {
        let audit = audited(&keys, most);
        prop_assert_eq!(audit.groups().map(|(_, group)| group.keys).sum::<u64>(), keys.len() as u64);
    }
}

/// Lengths that real values have: one length, few, a heavy tail, tiny beside huge.
fn lengths(shape: usize, rng: &mut impl FnMut() -> u64) -> u64 {
    match shape {
        0 => 42,
        1 => [5, 17, 300][(rng() % 3) as usize],
        2 => rng() % 4_000,
        3 => 1 << (rng() % 14),
        _ => {
            if rng().is_multiple_of(1_000) {
                1_000_000
            } else {
                8
            }
        }
    }
}

#[test]
fn memory_is_estimated_within_the_promise() {
    let mut state = 88_172_645_463_325_252_u64;
    let mut rng = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for (type_name, promise_pct) in [("string", 3.0), ("hash", 10.0)] {
        for shape in 0..5 {
            let mut errors: Vec<f64> = (0..40)
                .map(|_| {
                    let keys: Vec<Key> = (0..1_000 + rng() % 20_000)
                        .map(|place| {
                            let len = lengths(shape, &mut rng);
                            let name = format!("k:{}", place * (1 + rng() % 1_000)).into_bytes();
                            // Elements differ in size; allocations come in classes.
                            let per_item = if type_name == "hash" { 30 + rng() % 40 } else { 1 };
                            let bytes = (len * per_item + name.len() as u64 + 50).next_multiple_of(16);
                            let type_name = TypeName::new(type_name.as_bytes());
                            let (left_ms, idle_ms, is_own) = (None, None, false);
                            let bytes = Some(bytes);
                            let observed = Observed { type_name, left_ms, bytes, len, idle_ms, is_own };
                            Key { db: 0, name, observed }
                        })
                        .collect();
                    let audit = audited(&keys, 256);
                    let sum: u64 = keys.iter().filter_map(|key| key.observed.bytes).sum();
                    let estimate: u64 = audit.groups().map(|(_, group)| group.bytes()).sum();
                    (estimate as f64 / sum as f64 - 1.0).abs() * 100.0
                })
                .collect();
            errors.sort_by(f64::total_cmp);
            let p95 = errors[errors.len() * 95 / 100];
            assert!(p95 <= promise_pct, "{type_name}s of shape {shape}: {p95} % off");
        }
    }
}

#[test]
fn growth_is_that_since_the_audit_before() {
    let key = |name: &str| Key {
        db: 0,
        name: name.as_bytes().to_vec(),
        observed: Observed {
            type_name: TypeName::new(b"string"),
            left_ms: None,
            bytes: Some(100),
            len: 10,
            idle_ms: Some(0),
            is_own: false,
        },
    };
    let hour_ms = 3_600_000;
    let first = Finished::new(audited(&[key("a:1"), key("a:2"), key("b:1")], 9), 0, 1, 0, None);
    let growth = |finished: &Finished, prefix: &str| {
        let row = finished.detail(prefix.as_bytes(), None).unwrap().row;
        (row.keys_per_hour, row.bytes_per_hour)
    };
    assert_eq!(growth(&first, "a:"), (None, None));
    let now = [key("a:1"), key("b:1"), key("b:2"), key("c:1")];
    let second = Finished::new(audited(&now, 9), 0, 1 + 2 * hour_ms, 0, Some(&first));
    assert_eq!(growth(&second, "a:"), (Some(-0.5), Some(-50.0)));
    assert_eq!(growth(&second, "b:"), (Some(0.5), Some(50.0)));
    assert_eq!(growth(&second, "c:"), (Some(0.5), Some(50.0)));
    let report = second.report(Order::Growth, 2);
    let names: Vec<_> = report.rows.iter().map(|row| row.prefix.to_string()).collect();
    assert_eq!(names, ["b:", "c:"]);
    assert!(second.detail(b"d:", None).is_none() && second.detail(b"a:", Some(1)).is_none());
}

#[test]
fn reports_of_nodes_add_up() {
    let reports: Vec<_> = [["a:1", "market:1"], ["a:2", "session:1"]]
        .map(|names| {
            let keys: Vec<Key> = names
                .map(|name| Key {
                    db: 0,
                    name: name.into(),
                    observed: Observed {
                        type_name: TypeName::new(b"string"),
                        left_ms: None,
                        bytes: Some(64),
                        len: 4,
                        idle_ms: None,
                        is_own: false,
                    },
                })
                .into();
            Finished::new(audited(&keys, 9), 0, 5, 2_000, None).report(Order::Bytes, 20)
        })
        .into();
    let mut sum = reports[0].clone();
    sum.merge(reports[1].clone());
    assert_eq!((sum.keys, sum.bytes, sum.no_ttl, sum.unregistered, sum.cpu_ms), (4, 256, 4, 2, 4));
    let rows: Vec<_> = sum.rows.iter().map(|row| (row.prefix.to_string(), row.keys)).collect();
    assert_eq!(rows[0], ("a:".into(), 2));
    assert_eq!(rows.len(), 3);
}
