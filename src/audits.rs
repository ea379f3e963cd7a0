//! The audit: a walk over all keys in slices of CPU time, one at a time, and what the last complete one found.
//!
//! A slice is as long as the budget says, by the clock of this thread's CPU: time in which the machine does something else
//! is no audit's. Keys are looked at as the walk meets them; those that their policy gives an expiry are opened after the
//! step, since nothing may change under the walk.

use std::ffi::CStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use liq_core::grammar::{RequestError, duration_ms, format_duration};
use liq_core::keys::audit::{Audit, Seen, Settings};
use liq_core::keys::policy::{MAX_DURATION_MS, Observed, TypeName};
use liq_core::keys::reply::{AuditState, AuditStatus, KeyDetail, KeyReport};
use liq_core::keys::report::{Finished, PolicySum};
use liq_core::keys::request::{MAX_BUDGET_PCT, Order};

use crate::ffi::{self, Alarm, Context, Findings, MetKey, MetType, Parameter, TimerSlot, Visitor, Walk, thread_cpu_us};
use crate::limit::{Limit, Unit};
use crate::policies::{self, Repair};
use crate::totals::TOTALS;

/// `liq.audit-budget`: percent of one core that an audit takes.
pub static BUDGET_PCT: Limit = Limit::new(c"audit-budget", Unit::Count, 1..=MAX_BUDGET_PCT, 2);
/// `liq.audit-groups`: most groups by namespace of one database.
pub static MAX_GROUPS: Limit = Limit::new(c"audit-groups", Unit::Count, 1..=4096, 256);
/// `liq.audit-every`: how often audits start by themselves.
pub static EVERY: Every = Every(AtomicU64::new(0));
/// `liq.audit-delimiter`: what ends a namespace.
pub static DELIMITER: Delimiter = Delimiter(RwLock::new(String::new()));

/// A slice begins so often, ms.
const PERIOD_MS: u64 = 10;
/// Microseconds of a period that one percent is.
const US_PER_PCT: u64 = PERIOD_MS * 1000 / 100;
/// The clock is looked at after so many buckets …
const BUCKETS: u32 = 8;
/// … or keys: a bucket may hold many.
const KEYS: u64 = 16;

/// The running audit, and what is left of those before.
struct Audits {
    running: Option<Box<Running>>,
    last: Option<Finished>,
    /// How far the last one came that is not running any more.
    status: AuditStatus,
    /// Names of other modules' types, by what the walk tells them apart by.
    foreign: Vec<(usize, TypeName)>,
}

static AUDITS: Mutex<Audits> = Mutex::new(Audits { running: None, last: None, status: NO_STATUS, foreign: Vec::new() });

const NO_STATUS: AuditStatus = AuditStatus::none();

/// All that comes here is on the server's main thread, and nothing that holds this is called back.
fn audits() -> MutexGuard<'static, Audits> {
    AUDITS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An audit under way.
struct Running {
    walk: Walk,
    audit: Audit,
    budget_pct: u64,
    /// Keys that were there when it began.
    expected: u64,
    started_ms: u64,
    /// When the next slice is due, Unix milliseconds.
    due_ms: u64,
    cpu_us: u64,
    longest_us: u64,
    given: u64,
    shortened: u64,
    /// Whether all keys were seen.
    is_done: bool,
}

/// Starts an audit; false when one is running.
pub fn start(context: &Context<'_>, budget_pct: Option<u64>) -> bool {
    let mut all = audits();
    if all.running.is_some() {
        return false;
    }
    let Some(walk) = Walk::begin() else { return false };
    let settings = Settings {
        delimiter: DELIMITER.show().into_bytes(),
        max_groups: usize::try_from(MAX_GROUPS.get()).unwrap_or(0),
    };
    let now_ms = context.now_ms();
    all.running = Some(Box::new(Running {
        walk,
        audit: Audit::new(policies::table(), settings),
        budget_pct: budget_pct.unwrap_or_else(|| BUDGET_PCT.get()),
        expected: ffi::count_keys(context),
        started_ms: now_ms,
        due_ms: now_ms + PERIOD_MS,
        cpu_us: 0,
        longest_us: 0,
        given: 0,
        shortened: 0,
        is_done: false,
    }));
    ffi::arm::<Slice>(PERIOD_MS);
    true
}

/// Ends the running audit and drops what it found; false without one.
pub fn stop() -> bool {
    let mut all = audits();
    let Some(running) = all.running.take() else { return false };
    ffi::disarm::<Slice>();
    all.status = running.status(AuditState::Idle);
    true
}

/// Whether an audit is under way; false also while that cannot be told.
pub fn is_running() -> bool {
    AUDITS.try_lock().is_ok_and(|all| all.running.is_some())
}

/// How far the running audit is, or how far the last one came.
pub fn status() -> AuditStatus {
    let all = audits();
    let last_ms = all.last.as_ref().map(Finished::ended_ms);
    let mut status = all.running.as_ref().map_or(all.status, |running| running.status(AuditState::Running));
    status.last_ms = last_ms;
    status.dropped = TOTALS.key_checks_dropped.get();
    status
}

/// The groups of the last complete audit; none before the first.
pub fn report(order: Order, count: u64) -> Option<KeyReport> {
    audits().last.as_ref().map(|last| last.report(order, count))
}

/// One group of the last complete audit, if it has it; none before the first.
pub fn detail(prefix: &[u8], db: Option<u32>) -> Option<Option<KeyDetail>> {
    audits().last.as_ref().map(|last| last.detail(prefix, db))
}

/// What the last complete audit found of a policy's keys; none also while that cannot be told.
pub fn of_policy(prefix: &[u8]) -> Option<PolicySum> {
    AUDITS.try_lock().ok()?.last.as_ref()?.of_policy(prefix)
}

impl Running {
    fn status(&self, state: AuditState) -> AuditStatus {
        let share = self.audit.keys() as f64 * 100.0 / self.expected.max(1) as f64;
        let mut status = NO_STATUS;
        status.state = state;
        // Behind the last one when it is done.
        status.db = u64::try_from(self.walk.db().number()).unwrap_or(0).saturating_sub(u64::from(self.is_done));
        status.scanned = self.audit.keys();
        status.progress_pct = if self.is_done { 100.0 } else { share.min(100.0) };
        status.started_ms = Some(self.started_ms);
        status.cpu_ms = self.cpu_us / 1000;
        status.longest_us = self.longest_us;
        status.given = self.given;
        status.shortened = self.shortened;
        status
    }

    /// Walks on until the budget of one slice is used up, or all keys were seen.
    fn walk_on(&mut self, context: &Context<'_>, foreign: &mut Vec<(usize, TypeName)>) {
        let begun_us = thread_cpu_us();
        let budget_us = self.budget_pct * US_PER_PCT;
        let (mut buckets, mut keys) = (0, self.audit.keys());
        loop {
            self.is_done = !self.step(context, foreign);
            if self.is_done {
                break;
            }
            buckets += 1;
            if buckets < BUCKETS && self.audit.keys() - keys < KEYS {
                continue;
            }
            (buckets, keys) = (0, self.audit.keys());
            if thread_cpu_us().saturating_sub(begun_us) >= budget_us {
                break;
            }
        }
        let took_us = thread_cpu_us().saturating_sub(begun_us);
        self.cpu_us += took_us;
        self.longest_us = self.longest_us.max(took_us);
    }

    /// Looks at the keys of one bucket; false when there is none left.
    fn step(&mut self, context: &Context<'_>, foreign: &mut Vec<(usize, TypeName)>) -> bool {
        let mut visit = Visit {
            audit: &mut self.audit,
            foreign,
            now_ms: context.now_ms(),
            findings: Findings::default(),
            strangers: Vec::new(),
        };
        let more = self.walk.step(context, &mut visit);
        let Visit { mut findings, strangers, .. } = visit;
        for stranger in strangers {
            findings.append(stranger.introduce(context, &mut self.audit, foreign));
        }
        let (given, shortened) = (TOTALS.key_ttl_given.get(), TOTALS.key_ttl_shortened.get());
        findings.settle::<Repair>(context);
        self.given += TOTALS.key_ttl_given.get() - given;
        self.shortened += TOTALS.key_ttl_shortened.get() - shortened;
        more
    }
}

/// One bucket's visit.
struct Visit<'a> {
    audit: &'a mut Audit,
    foreign: &'a [(usize, TypeName)],
    now_ms: u64,
    findings: Findings,
    strangers: Vec<Stranger>,
}

impl Visitor for Visit<'_> {
    fn visit(&mut self, key: &MetKey<'_>) {
        let expires_ms = key.expires_at_ms();
        if expires_ms.is_some_and(|at_ms| at_ms <= self.now_ms) {
            // Gone for everybody but the server's own books.
            return;
        }
        let found = key.type_of();
        let type_name = match found {
            MetType::BuiltIn(name) => Some(TypeName::new(name.as_bytes())),
            MetType::Own(name) => Some(TypeName::new(name)),
            MetType::Foreign(id) => self.foreign.iter().find(|(other, _)| *other == id).map(|(_, name)| *name),
        };
        let observed = Observed {
            type_name: type_name.unwrap_or_else(|| TypeName::new(b"")),
            left_ms: expires_ms.map(|at_ms| at_ms - self.now_ms),
            bytes: None,
            len: key.length(),
            idle_ms: key.idle_ms(),
            is_own: matches!(found, MetType::Own(_)),
        };
        let db = key.db().home();
        match (type_name, found) {
            (None, MetType::Foreign(type_id)) => {
                let observed = Observed { bytes: key.memory_usage(), ..observed };
                let mut held = Findings::default();
                held.push(key);
                self.strangers.push(Stranger { held, name: key.name().to_vec(), db, type_id, observed });
            }
            _ => {
                let verdict = self.audit.see(db, Seen { name: key.name(), key: observed }, || key.memory_usage());
                if verdict.is_due {
                    self.findings.push(key);
                }
            }
        }
    }
}

/// A key of a module's type that was not met before. TYPE, which may remove a key that expired meanwhile, is asked when the
/// step is over.
struct Stranger {
    /// The key itself, should it be due an expiry.
    held: Findings,
    name: Vec<u8>,
    db: u32,
    type_id: usize,
    observed: Observed,
}

impl Stranger {
    /// Has the audit see it; answers the key if it is due an expiry.
    fn introduce(self, context: &Context<'_>, audit: &mut Audit, foreign: &mut Vec<(usize, TypeName)>) -> Findings {
        let known = foreign.iter().find(|(other, _)| *other == self.type_id).map(|(_, name)| *name);
        let asked = || context.type_name(&self.name).filter(|name| name != b"none").map(|name| TypeName::new(&name));
        let name = match known.or_else(asked) {
            Some(name) => {
                if known.is_none() {
                    foreign.push((self.type_id, name));
                }
                name
            }
            None => TypeName::new(b"module"),
        };
        let key = Observed { type_name: name, ..self.observed };
        let verdict = audit.see(self.db, Seen { name: &self.name, key }, || self.observed.bytes);
        if verdict.is_due { self.held } else { Findings::default() }
    }
}

/// The next slice of the running audit.
struct Slice;

impl Alarm for Slice {
    fn slot() -> &'static TimerSlot {
        static SLOT: TimerSlot = TimerSlot::new();
        &SLOT
    }

    fn ring(context: &Context<'_>) {
        // Taken out: should something here panic, the audit is over, and the next one can start.
        let (running, mut foreign) = {
            let mut all = audits();
            (all.running.take(), std::mem::take(&mut all.foreign))
        };
        let Some(mut running) = running else { return };
        running.walk_on(context, &mut foreign);
        let mut all = audits();
        all.foreign = foreign;
        if !running.is_done {
            running.arm(context.now_ms());
            all.running = Some(running);
            return;
        }
        TOTALS.key_audits.add(1);
        all.status = running.status(AuditState::Idle);
        let Running { mut audit, started_ms, cpu_us, .. } = *running;
        audit.renumber(ffi::Database::number_of);
        let last = Finished::new(audit, started_ms, context.now_ms(), cpu_us, all.last.as_ref());
        all.last = Some(last);
    }
}

impl Running {
    /// Sets the next slice a period after the one that just was due, so that late ones do not add up. What a busy server
    /// kept for longer than a period is lost.
    fn arm(&mut self, now_ms: u64) {
        self.due_ms += PERIOD_MS;
        if self.due_ms <= now_ms || self.due_ms > now_ms + PERIOD_MS {
            self.due_ms = now_ms + PERIOD_MS;
        }
        ffi::arm::<Slice>(self.due_ms - now_ms);
    }
}

/// The audit that starts by the clock.
struct ByClock;

impl Alarm for ByClock {
    fn slot() -> &'static TimerSlot {
        static SLOT: TimerSlot = TimerSlot::new();
        &SLOT
    }

    fn ring(context: &Context<'_>) {
        EVERY.arm();
        // One that still runs goes on.
        start(context, None);
    }
}

/// The type of `liq.audit-every`: how often, ms; 0 for never.
pub struct Every(AtomicU64);

impl Every {
    const SHORTEST_MS: u64 = 60_000;

    fn arm(&self) {
        match self.0.load(Ordering::Relaxed) {
            0 => ffi::disarm::<ByClock>(),
            every_ms => ffi::arm::<ByClock>(every_ms),
        }
    }
}

impl Parameter for Every {
    fn name(&self) -> &'static CStr {
        c"audit-every"
    }

    fn show(&self) -> String {
        format_duration(self.0.load(Ordering::Relaxed))
    }

    fn take(&self, text: &[u8]) -> Result<(), String> {
        let every_ms = duration_ms("value", text, 0..=MAX_DURATION_MS).map_err(|error| error.to_string())?;
        if (1..Self::SHORTEST_MS).contains(&every_ms) {
            return Err(RequestError::argument("value", "must be 0 or 1m to 3660d", text).to_string());
        }
        self.0.store(every_ms, Ordering::Relaxed);
        Ok(())
    }

    fn act(&self) {
        self.arm();
    }
}

/// The type of `liq.audit-delimiter`.
pub struct Delimiter(RwLock<String>);

impl Delimiter {
    const DEFAULT: &'static str = ":";
    const LONGEST: usize = 16;
}

impl Parameter for Delimiter {
    fn name(&self) -> &'static CStr {
        c"audit-delimiter"
    }

    fn show(&self) -> String {
        let set = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if set.is_empty() { Self::DEFAULT.to_owned() } else { set.clone() }
    }

    fn take(&self, text: &[u8]) -> Result<(), String> {
        // Not every server escapes quotes and backslashes when it rewrites its configuration.
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\');
        let is_fit = |text: &&str| (1..=Self::LONGEST).contains(&text.len()) && text.bytes().all(is_plain);
        let Some(fit) = std::str::from_utf8(text).ok().filter(is_fit) else {
            return Err(RequestError::argument(
                "value",
                "must be 1 to 16 printable ASCII bytes without quotes and backslash",
                text,
            )
            .to_string());
        };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = fit.to_owned();
        Ok(())
    }
}
