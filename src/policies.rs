//! The key policies in force: the parameter `liq.key-policies`, and what they do to keys as they are written.
//!
//! The parameter is where they live. KEYS.POLICY edits it, so that CONFIG REWRITE keeps what was set; they are no keys, which
//! FLUSHALL and eviction would take, and each node has its own.

use std::ffi::CStr;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use liq_core::grammar::RequestError;
use liq_core::keys::policy::{Due, Policy, Prefix, Table};
use liq_core::keys::reply::{PolicyInfo, PolicyTally};
use liq_core::keys::report::PolicySum;

use crate::ffi::{self, InfoSection, KeyWatcher, LateKey, LateSettler, Loss, Parameter, Settler, TimerSlot};
use crate::totals::{Counter, TOTALS};

/// `liq.key-policies`: all policies as one text.
pub static PARAMETER: KeyPolicies = KeyPolicies;

/// The policies, and beside each what happened to its keys.
#[derive(Default)]
struct InForce {
    table: Table,
    tallies: Vec<Tally>,
}

/// What happened to the keys of one policy since the module was loaded.
#[derive(Default)]
struct Tally {
    given: Counter,
    shortened: Counter,
    misses: Counter,
    expired: Counter,
    evicted: Counter,
}

impl Tally {
    fn now(&self) -> PolicyTally {
        PolicyTally {
            given: self.given.get(),
            shortened: self.shortened.get(),
            misses: self.misses.get(),
            expired: self.expired.get(),
            evicted: self.evicted.get(),
        }
    }
}

static IN_FORCE: RwLock<Option<InForce>> = RwLock::new(None);

/// Only a change of the policies writes, and nothing that it does comes back here.
fn in_force() -> RwLockReadGuard<'static, Option<InForce>> {
    IN_FORCE.read().unwrap_or_else(PoisonError::into_inner)
}

/// Lends the policy that rules `name` to `body`, with what happened to its keys.
fn with_ruler<R>(name: &[u8], body: impl FnOnce(&Policy, &Tally) -> R) -> Option<R> {
    let guard = in_force();
    let InForce { table, tallies } = guard.as_ref()?;
    let place = table.find(name)?;
    Some(body(table.get(place)?, tallies.get(place)?))
}

/// The policies as they are.
pub fn table() -> Table {
    in_force().as_ref().map(|all| all.table.clone()).unwrap_or_default()
}

/// Puts `table` in the place of the policies. What happened to the keys of a prefix stays with it.
fn put(table: Table) {
    let mut guard = IN_FORCE.write().unwrap_or_else(PoisonError::into_inner);
    let before = guard.take().unwrap_or_default();
    let mut kept: Vec<_> = before.table.iter().map(Policy::prefix).zip(before.tallies).collect();
    let tally = |policy: &Policy| {
        let found = kept.iter().position(|(prefix, _)| *prefix == policy.prefix());
        found.map(|place| kept.swap_remove(place).1).unwrap_or_default()
    };
    let tallies = table.iter().map(tally).collect();
    *guard = Some(InForce { table, tallies });
}

/// Hears of the keys that the policies are about.
fn listen() {
    let (has_any, has_applied) = in_force()
        .as_ref()
        .map_or((false, false), |all| (!all.table.is_empty(), all.table.iter().any(Policy::is_applied)));
    ffi::watch::<Policies>(has_any, has_applied);
}

/// Puts `table` in force.
fn enforce(table: Table) {
    put(table);
    listen();
}

/// Sets the policy of its prefix.
pub fn set(policy: Policy) -> Result<(), RequestError> {
    let mut table = table();
    table.insert(policy)?;
    enforce(table);
    Ok(())
}

/// Removes the policy of `prefix`; false without one.
pub fn remove(prefix: &Prefix) -> bool {
    let mut table = table();
    let removed = table.remove(prefix);
    if removed {
        enforce(table);
    }
    removed
}

/// All policies with what happened to their keys.
pub fn list() -> Vec<PolicyInfo> {
    let guard = in_force();
    let all = guard.iter().flat_map(|all| all.table.iter().zip(&all.tallies));
    all.map(|(policy, tally)| PolicyInfo::of(policy, tally.now())).collect()
}

/// The type of the parameter.
pub struct KeyPolicies;

impl Parameter for KeyPolicies {
    fn name(&self) -> &'static CStr {
        c"key-policies"
    }

    fn show(&self) -> String {
        table().to_string()
    }

    fn take(&self, text: &[u8]) -> Result<(), String> {
        put(Table::parse(text).map_err(|error| error.to_string())?);
        Ok(())
    }

    fn act(&self) {
        listen();
    }
}

/// The policies as they act on keys that are written.
pub struct Policies;

impl KeyWatcher for Policies {
    fn lost(loss: Loss, name: &[u8]) {
        with_ruler(name, |_, tally| {
            let counter = match loss {
                Loss::Missed => &tally.misses,
                Loss::Expired => &tally.expired,
                Loss::Evicted => &tally.evicted,
            };
            counter.add(1);
        });
    }

    fn concerns(name: &[u8]) -> bool {
        with_ruler(name, |policy, _| policy.is_applied()).unwrap_or(false)
    }
}

impl Settler for Policies {
    fn settle(key: &mut LateKey<'_>) {
        apply(key, Policy::due);
    }
}

impl LateSettler for Policies {
    fn dropped(keys: u64) {
        TOTALS.key_checks_dropped.add(keys);
    }

    fn slot() -> &'static TimerSlot {
        static SLOT: TimerSlot = TimerSlot::new();
        &SLOT
    }
}

/// The policies as they act on keys that an audit found, whose expiries it draws out.
pub struct Repair;

impl Settler for Repair {
    fn settle(key: &mut LateKey<'_>) {
        let mut lot = DefaultHasher::new();
        key.name().hash(&mut lot);
        apply(key, |policy, left_ms| policy.due_spread(left_ms, lot.finish()));
    }
}

/// Gives the key the expiry that is `due`, if any. Keys of this module's own types are left alone: an expiry of theirs
/// is either their own business or set on purpose.
fn apply(key: &mut LateKey<'_>, due: impl FnOnce(&Policy, Option<u64>) -> Option<Due>) {
    let now_ms = key.context().now_ms();
    let left_ms = key.expires_at_ms().map(|at_ms| at_ms.saturating_sub(now_ms));
    let Some(due) = with_ruler(key.name(), |policy, _| due(policy, left_ms)).flatten() else { return };
    // Most keys have the expiry that they should: only of the others more is asked.
    if !key.is_there() || key.is_own() {
        return;
    }
    with_ruler(key.name(), |_, tally| {
        let (own, total) = match due {
            Due::Given(_) => (&tally.given, &TOTALS.key_ttl_given),
            Due::Shortened(_) => (&tally.shortened, &TOTALS.key_ttl_shortened),
        };
        own.add(1);
        total.add(1);
    });
    key.expire_at_ms(now_ms.saturating_add(due.after_ms()));
}

/// Writes what INFO tells of the policies; `of_policy` is what the last audit found of one. Takes no lock that is not
/// free: the server also asks while it reports its own crash.
pub fn report(section: &mut InfoSection, of_policy: impl Fn(&[u8]) -> Option<PolicySum>) {
    let Ok(guard) = IN_FORCE.try_read() else { return };
    let all = guard.as_ref();
    section.count(c"key_policies", all.map_or(0, |all| all.table.len() as u64));
    section.count(c"key_ttl_given", TOTALS.key_ttl_given.get());
    section.count(c"key_ttl_shortened", TOTALS.key_ttl_shortened.get());
    section.count(c"key_checks_dropped", TOTALS.key_checks_dropped.get());
    let each = all.iter().flat_map(|all| all.table.iter().zip(&all.tallies));
    for (place, (policy, tally)) in each.enumerate() {
        let prefix = policy.prefix().as_bytes();
        let found = of_policy(prefix)
            .map(|sum| [(c"keys", sum.keys), (c"bytes", sum.bytes), (c"no_ttl", sum.no_ttl), (c"broken", sum.broken)]);
        let PolicyTally { misses, expired, evicted, .. } = tally.now();
        let happened = [(c"misses", misses), (c"expired", expired), (c"evicted", evicted)];
        let field = format!("key_policy_{place}");
        let prefix = String::from_utf8_lossy(prefix);
        section.line(&field, (c"prefix", &prefix), found.into_iter().flatten().chain(happened));
    }
}
