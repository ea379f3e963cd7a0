//! The limits of one key together: all of them are taken from, or none.

use std::fmt;

use super::hold::Hold;
use super::moment::us_from_ms;
use super::verdict::{BANNED, ms_rounded_up};
use super::{Kind, Limit, Limits, MAX_PERIOD_MS, Moment, Rule, Verdict, Wait};

/// No clock is believed to be later: the year 144683.
const LATEST_CLOCK_US: u64 = 1 << 62;

/// The limits of one key, what is used of them, and perhaps a ban.
///
/// Looking changes nothing, so a state is a function of the changes made to it, wherever it is kept. The clock is
/// that of the last change. When the server's clock was set back behind it, no time has passed: what is used keeps
/// its age and the state is anchored to the new clock, so nothing returns early and nobody waits out the step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limiter {
    clock_us: u64,
    hold: Hold,
    limits: Limits,
}

/// What a command did to a limiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// The answer.
    pub verdict: Verdict,
    /// Whether anything was changed that has to be kept.
    pub changed: bool,
}

/// What somebody else says is used of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// How the limit counts.
    pub kind: Kind,
    /// The period of the limit.
    pub period_ms: u64,
    /// How much is used of it, 0 … 2^53.
    pub used: u64,
    /// Whether a lower figure is believed too.
    pub force: bool,
}

/// The key has no limit of this kind and period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSuchLimit;

/// The key has neither limits nor a ban: there is nothing to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoLimits;

/// A state that no sequence of commands leads to, by what is wrong in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidState(pub &'static str);

impl fmt::Display for InvalidState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid {}", self.0)
    }
}

impl std::error::Error for InvalidState {}

impl Limiter {
    /// A limiter without limits and ban, at `now_us`.
    pub fn new(now_us: u64) -> Self {
        Self { clock_us: now_us, hold: Hold::new(0, false), limits: Limits::none() }
    }

    /// A limiter as it was stored. Refuses a ban longer than 366 days and uses that are ahead of the clock.
    pub fn from_parts(clock_us: u64, banned_until_us: u64, kept: bool, limits: Limits) -> Result<Self, InvalidState> {
        if clock_us > LATEST_CLOCK_US {
            return Err(InvalidState("clock"));
        }
        if banned_until_us.saturating_sub(clock_us) > us_from_ms(MAX_PERIOD_MS) {
            return Err(InvalidState("length of a ban"));
        }
        let ahead = limits.as_slice().iter().any(|limit| match limit {
            Limit::Gcra(_) => false,
            Limit::Sliding(limit) => limit.uses().1.last().is_some_and(|newest| newest.last_us > clock_us),
            Limit::Aligned(limit) => limit.is_ahead_of(clock_us),
        });
        if ahead {
            return Err(InvalidState("time of a use"));
        }
        Ok(Self { clock_us, hold: Hold::new(banned_until_us, kept), limits })
    }

    /// The time of the last change, microseconds since the epoch.
    pub const fn clock_us(&self) -> u64 {
        self.clock_us
    }

    /// Until when everything is refused, microseconds since the epoch; in the past or 0 without a ban.
    pub const fn banned_until_us(&self) -> u64 {
        self.hold.banned_until_us()
    }

    /// Whether the key stays when nothing is used.
    pub const fn is_kept(&self) -> bool {
        self.hold.is_kept()
    }

    /// The limits in order.
    pub fn limits(&self) -> &[Limit] {
        self.limits.as_slice()
    }

    /// Tells where each allocation behind the limiter starts, and its bytes.
    pub fn measure(&self, measure: &mut dyn FnMut(*const u8, usize)) {
        self.limits.measure(measure);
    }

    /// How the limits see `now_us`; nothing has passed when that is before the clock.
    pub const fn moment(&self, now_us: u64) -> Moment {
        Moment { now_us, elapsed_us: now_us.saturating_sub(self.clock_us) }
    }

    /// When the key says nothing any more (no ban, nothing used), microseconds since the epoch, if it may go then.
    pub fn lapses_at_us(&self) -> Option<u64> {
        let at = self.moment(self.clock_us);
        let resets_us = self.limits().iter().map(|limit| limit.reset_us(at)).max().unwrap_or(0);
        (!self.is_kept()).then(|| self.clock_us.saturating_add(resets_us).max(self.banned_until_us()))
    }

    /// Whether the key may go, for it says nothing more than a missing one.
    pub fn has_lapsed(&self, now_us: u64) -> bool {
        self.lapses_at_us().is_some_and(|lapses_us| lapses_us <= now_us)
    }

    /// Takes `cost` (−2^53 … 2^53) from all limits or from none. `rules` (distinct, at most eight; empty = those
    /// stored) become the limits, also when the cost is refused. A cost of 0 looks and stores nothing; a negative one
    /// gives back and is never refused, though under a ban the reply is the ban's. Without limits there is nothing to check, unless a ban refuses it.
    pub fn check(&mut self, rules: &[Rule], cost: i64, now_us: u64) -> Result<Outcome, NoLimits> {
        if cost == 0 {
            let verdict = self.peek(rules, 0, now_us).ok_or(NoLimits)?;
            return Ok(Outcome { verdict, changed: false });
        }
        let changed = self.step_back(now_us) | self.follow(rules, now_us);
        let at = self.moment(now_us);
        let size = cost.unsigned_abs();
        if cost > 0
            && let Some(refused) = self.refused(at, size)
        {
            return Ok(Outcome { verdict: refused, changed });
        }
        if cost < 0 && self.limits().iter().all(|limit| limit.used(at) == 0) {
            let verdict = self.given_back(at).ok_or(NoLimits)?;
            return Ok(Outcome { verdict, changed });
        }
        self.settle(now_us);
        let at = self.moment(now_us);
        for limit in self.limits.as_mut_slice() {
            if cost > 0 { limit.take(at, size) } else { limit.give_back(size) }
        }
        let verdict = if cost > 0 { self.accepted(at) } else { self.given_back(at) };
        Ok(Outcome { verdict: verdict.ok_or(NoLimits)?, changed: true })
    }

    /// What a check of `cost` would be answered, with what remains before it; changes nothing. None when there is
    /// neither a limit nor a ban.
    pub fn peek(&self, rules: &[Rule], cost: u64, now_us: u64) -> Option<Verdict> {
        let mut state = self.as_of(now_us);
        if !state.follows(rules) {
            state.to_mut().follow(rules, now_us);
        }
        let at = state.moment(now_us);
        state.refused(at, cost).or_else(|| state.accepted(at))
    }

    /// Stores `rules` as the limits and keeps the key when nothing is used.
    pub fn create(&mut self, rules: &[Rule], now_us: u64) {
        self.step_back(now_us);
        self.follow(rules, now_us);
        self.hold.keep();
    }

    /// Believes what somebody else says is used, as of `told_us`; never lowers it unless forced. The answer is that
    /// of a look at the cost of 1.
    pub fn sync(&mut self, told: Used, told_us: u64, now_us: u64) -> Result<Outcome, NoSuchLimit> {
        let matches = |limit: &Limit| limit.matches(told.kind, told.period_ms);
        let place = self.limits().iter().position(matches).ok_or(NoSuchLimit)?;
        let mut told_of = self.clone();
        let stepped = told_of.step_back(now_us);
        told_of.settle(now_us);
        let at = told_of.moment(now_us);
        let before = told_of.limits.clone();
        if let Some(limit) = told_of.limits.as_mut_slice().get_mut(place) {
            limit.sync(at, told.used, told_us, told.force);
        }
        let changed = stepped || told_of.limits != before;
        if changed {
            *self = told_of;
        }
        let verdict = self.peek(&[], 1, now_us).ok_or(NoSuchLimit)?;
        Ok(Outcome { verdict, changed })
    }

    /// Refuses everything for `ban_ms` (0 … 366 days) from now; a ban that lasts longer already stays. 0 lifts it.
    /// Tells whether anything changed.
    pub fn ban(&mut self, ban_ms: u64, now_us: u64) -> bool {
        let stepped = self.step_back(now_us);
        let until_us = match ban_ms {
            0 => 0,
            _ => now_us.saturating_add(us_from_ms(ban_ms.min(MAX_PERIOD_MS))).max(self.banned_until_us()),
        };
        let lifted = until_us == 0 && self.banned_until_us() <= now_us;
        if lifted || until_us == self.banned_until_us() {
            return stepped;
        }
        self.settle(now_us);
        self.hold.ban_until(until_us);
        true
    }

    /// Forgets all use and any ban; the limits stay.
    pub fn reset(&mut self, now_us: u64) {
        self.step_back(now_us);
        self.settle(now_us);
        self.hold.ban_until(0);
        for limit in self.limits.as_mut_slice() {
            limit.give_back(u64::MAX);
        }
    }

    pub(super) fn follows(&self, rules: &[Rule]) -> bool {
        let limits = self.limits();
        let same = || limits.iter().zip(rules).all(|(limit, rule)| limit.follows(rule));
        rules.is_empty() || (rules.len() == limits.len() && same())
    }

    /// Makes `rules` the limits; none leave them as they are. Tells whether they were others.
    fn follow(&mut self, rules: &[Rule], now_us: u64) -> bool {
        if self.follows(rules) {
            return false;
        }
        self.settle(now_us);
        self.limits = Limits::following(rules, &self.limits);
        true
    }

    /// Anchors the state to a clock that was set back. Tells whether it was.
    pub(super) fn step_back(&mut self, now_us: u64) -> bool {
        let step_us = self.clock_us.saturating_sub(now_us);
        if step_us == 0 {
            return false;
        }
        self.clock_us = now_us;
        self.hold.ban_until(self.banned_until_us().saturating_sub(step_us));
        self.limits.as_mut_slice().iter_mut().for_each(|limit| limit.step_back(step_us, now_us));
        true
    }

    pub(super) fn settle(&mut self, now_us: u64) {
        let at = self.moment(now_us);
        self.limits.as_mut_slice().iter_mut().for_each(|limit| limit.settle(at));
        self.clock_us = now_us;
    }

    pub(super) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// How long until `cost` fits into every limit and no ban stands.
    pub(super) fn wait(&self, at: Moment, cost: u64) -> Wait {
        let ban = match self.banned_until_us().saturating_sub(at.now_us) {
            0 => Wait::Now,
            ban_us => Wait::After(ban_us),
        };
        self.limits().iter().fold(ban, |longest, limit| longest.max(limit.wait(at, cost)))
    }

    /// The refusal of `cost`, if it is refused.
    fn refused(&self, at: Moment, cost: u64) -> Option<Verdict> {
        let ban_us = self.banned_until_us().saturating_sub(at.now_us);
        let waits = self.limits().iter().enumerate().map(|(place, limit)| (limit.wait(at, cost), place));
        // Of equal waits the first place counts, so a later one replaces it only when it is longer.
        let longest = waits.reduce(|longest, other| if other.0 > longest.0 { other } else { longest });
        let (wait, place) = longest.unwrap_or((Wait::Now, 0));
        if ban_us > 0 {
            return Some(self.banned(at, ban_us, wait, place));
        }
        let limit = self.limits().get(place).filter(|_| wait != Wait::Now)?;
        let (.., capacity) = limit.figures();
        Some(Verdict {
            allowed: false,
            limit: capacity,
            remaining: capacity.saturating_sub(limit.used(at)),
            retry_after_ms: wait.retry_after_ms(),
            reset_after_ms: ms_rounded_up(limit.reset_us(at)),
            blocked_by: i64::try_from(place + 1).unwrap_or(i64::MAX),
        })
    }

    /// Under a ban nothing remains; the wait is that for the ban and for the limits behind it.
    #[cold]
    fn banned(&self, at: Moment, ban_us: u64, wait: Wait, place: usize) -> Verdict {
        let blocked = self.limits().get(place).filter(|_| wait != Wait::Now);
        let spoken_of = blocked.or_else(|| self.least_remaining(at).map(|(limit, _)| limit));
        let reset_us = spoken_of.map_or(0, |limit| limit.reset_us(at));
        Verdict {
            allowed: false,
            limit: spoken_of.map_or(0, |limit| limit.figures().2),
            remaining: 0,
            retry_after_ms: wait.max(Wait::After(ban_us)).retry_after_ms(),
            reset_after_ms: ms_rounded_up(reset_us.max(ban_us)),
            blocked_by: BANNED,
        }
    }

    /// Giving back is never refused, but a ban that stands must not look as if it did not.
    fn given_back(&self, at: Moment) -> Option<Verdict> {
        self.refused(at, 0).or_else(|| self.accepted(at))
    }

    fn accepted(&self, at: Moment) -> Option<Verdict> {
        let (limit, remaining) = self.least_remaining(at)?;
        Some(Verdict {
            allowed: true,
            limit: limit.figures().2,
            remaining,
            retry_after_ms: Verdict::NO_RETRY,
            reset_after_ms: ms_rounded_up(limit.reset_us(at)),
            blocked_by: 0,
        })
    }

    /// The limit with the least remaining, the first of equals, and what remains of it.
    fn least_remaining(&self, at: Moment) -> Option<(&Limit, u64)> {
        let remaining = |limit: &Limit| limit.figures().2.saturating_sub(limit.used(at));
        let all = self.limits().iter().map(|limit| (limit, remaining(limit)));
        all.reduce(|least, other| if other.1 < least.1 { other } else { least })
    }
}
