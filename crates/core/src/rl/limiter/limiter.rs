//! The limits of one key together: all of them are taken from, or none.

use std::fmt;

use super::expiry::Keeping;
use super::limit::Spent;
use super::limits::Limits;
use super::moment::{LATEST_US, us_from_ms};
use super::stamp::Stamp;
use super::verdict::{BANNED, ms_rounded_up};
use super::{Change, Kind, Limit, MAX_PERIOD_MS, Moment, Now, Rule, Verdict, Wait};
use crate::relocation::Mover;

/// The limits of one key, what is used of them, and perhaps a ban.
///
/// Looking changes nothing, so a state is a function of the changes made to it, wherever it is kept. It has a time of its
/// own, which began as the wall clock's and goes on as time elapses in the process that holds it: whoever sets the clock
/// back, ahead or right again neither returns what was used nor locks anybody out. A process that takes the key over goes
/// on from its wall clock, or from the last change where that was later.
#[derive(Debug, Clone)]
pub struct Limiter {
    stamp: Stamp,
    /// What the key's time is ahead of the steady clock of this process. Not saved.
    lead_us: i64,
    limits: Limits,
}

/// Limiters are equal that are saved alike, whichever process holds them.
impl PartialEq for Limiter {
    fn eq(&self, other: &Self) -> bool {
        let saved = |limiter: &Self| (limiter.clock_us(), limiter.is_kept());
        saved(self) == saved(other) && self.limits == other.limits
    }
}

impl Eq for Limiter {}

/// What a command did to a limiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// The answer.
    pub verdict: Verdict,
    /// What has to become of the key.
    pub change: Change,
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

/// What taking or giving back came to.
pub(super) struct Taken {
    pub verdict: Verdict,
    /// How the key was kept before and is kept now; none when nothing changed.
    pub kept: Option<(Keeping, Keeping)>,
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
    /// A limiter without limits and ban.
    pub fn new(now: Now) -> Self {
        let clock_us = now.wall_us();
        Self { stamp: Stamp::new(clock_us, false), lead_us: now.lead_us(clock_us), limits: Limits::none() }
    }

    /// A limiter as it was stored, taken over now: its limits in order, and the end of its ban or 0. Refuses what no
    /// commands lead to: a ban that is over or longer than 366 days, uses ahead of the clock, limits that match.
    pub fn from_parts(
        clock_us: u64,
        banned_until_us: u64,
        kept: bool,
        limits: Vec<Limit>,
        now: Now,
    ) -> Result<Self, InvalidState> {
        if clock_us > LATEST_US {
            return Err(InvalidState("clock"));
        }
        let ban_us = banned_until_us.saturating_sub(clock_us);
        if ban_us > us_from_ms(MAX_PERIOD_MS) || (ban_us == 0 && banned_until_us > 0) {
            return Err(InvalidState("length of a ban"));
        }
        let ahead = limits.iter().any(|limit| match limit {
            Limit::Gcra(_) => false,
            Limit::Sliding(limit) => limit.uses().1.last().is_some_and(|newest| newest.last_us > clock_us),
            Limit::Aligned(limit) => limit.window_and_use().2 > clock_us,
        });
        if ahead {
            return Err(InvalidState("time of a use"));
        }
        let limits = Limits::new(limits, banned_until_us).ok_or(InvalidState("set of limits"))?;
        let lead_us = now.lead_us(now.wall_us().max(clock_us));
        Ok(Self { stamp: Stamp::new(clock_us, kept), lead_us, limits })
    }

    /// When it last changed, by its own time, microseconds since the epoch.
    pub const fn clock_us(&self) -> u64 {
        self.stamp.clock_us()
    }

    /// Until when everything is refused, by its own time; 0 without a ban.
    pub const fn banned_until_us(&self) -> u64 {
        self.limits.banned_until_us()
    }

    /// Whether the key stays when nothing is used.
    pub const fn is_kept(&self) -> bool {
        self.stamp.is_kept()
    }

    /// The limits in order.
    pub fn limits(&self) -> &[Limit] {
        self.limits.as_slice()
    }

    /// Tells where each allocation behind the limiter starts, and its bytes.
    pub fn measure(&self, measure: &mut dyn FnMut(*const u8, usize)) {
        self.limits.measure(measure);
    }

    /// Moves each allocation behind the limiter.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        self.limits.relocate(mover);
    }

    /// How the limits see now.
    pub const fn moment(&self, now: Now) -> Moment {
        now.moment(self.lead_us, self.clock_us())
    }

    pub(super) const fn is_timed(&self) -> bool {
        self.stamp.is_timed()
    }

    pub(super) const fn set_timed(&mut self) {
        self.stamp.set_timed();
    }

    /// Takes `cost` (−2^53 … 2^53) from all limits or from none. `rules` (distinct, at most eight; empty = those
    /// stored) become the limits, also when the cost is refused. A cost of 0 looks and stores nothing; a negative one
    /// gives back and is never refused, though under a ban the reply is the ban's. Without limits there is nothing to
    /// check, unless a ban refuses it.
    pub fn check(&mut self, rules: &[Rule], cost: i64, now: Now) -> Result<Outcome, NoLimits> {
        if cost == 0 {
            let verdict = self.peek(rules, 0, now).ok_or(NoLimits)?;
            return Ok(Outcome { verdict, change: Change::Nothing });
        }
        let mut at = self.moment(now);
        let mut before = None;
        if !self.follows(rules) {
            before = Some(self.follow(rules, at));
            at = at.settled();
        }
        let taken = self.take_or_give_back(cost, at)?;
        let change = match (before, taken.kept) {
            (None, None) => Change::Nothing,
            (None, Some((before, after))) => self.changed(before, after),
            (Some(before), Some((_, after))) => self.changed(before, after),
            (Some(before), None) => self.changed_from(before, at),
        };
        Ok(Outcome { verdict: taken.verdict, change })
    }

    /// Takes or gives back a cost other than 0.
    pub(super) fn take_or_give_back(&mut self, cost: i64, at: Moment) -> Result<Taken, NoLimits> {
        let size = cost.unsigned_abs();
        if cost > 0 {
            return match self.refused(at, size) {
                Some(verdict) => Ok(Taken { verdict, kept: None }),
                None => self.take(size, at),
            };
        }
        if self.limits().iter().all(|limit| limit.used(at) == 0) {
            return Ok(Taken { verdict: self.given_back(at).ok_or(NoLimits)?, kept: None });
        }
        let before = self.keeping(at);
        let at = self.settle(at);
        for limit in self.limits.as_mut_slice() {
            limit.give_back(at, size);
        }
        let verdict = self.given_back(at).ok_or(NoLimits)?;
        Ok(Taken { verdict, kept: Some((before, self.keeping(at))) })
    }

    /// Takes a cost that fits into all limits while no ban stands.
    fn take(&mut self, cost: u64, at: Moment) -> Result<Taken, NoLimits> {
        let (mut before_us, mut reset_us) = (0, 0);
        let mut least: Option<Spent> = None;
        for limit in self.limits.as_mut_slice() {
            let spent = limit.spend(at, cost);
            before_us = spent.before_us.max(before_us);
            reset_us = spent.reset_us.max(reset_us);
            // Of equals the first counts.
            if least.is_none_or(|least| spent.remaining < least.remaining) {
                least = Some(spent);
            }
        }
        let spoken_of = least.ok_or(NoLimits)?;
        let [before, after] = self.keepings([before_us, reset_us], at);
        self.passed(at);
        let verdict = Verdict::allowed(spoken_of.capacity, spoken_of.remaining, spoken_of.reset_us);
        Ok(Taken { verdict, kept: Some((before, after)) })
    }

    /// What a check of `cost` would be answered, with what remains before it; changes nothing. None when there is
    /// neither a limit nor a ban.
    pub fn peek(&self, rules: &[Rule], cost: u64, now: Now) -> Option<Verdict> {
        let at = self.moment(now);
        if self.follows(rules) {
            return self.refused(at, cost).or_else(|| self.accepted(at));
        }
        let mut state = self.clone();
        state.follow(rules, at);
        let at = at.settled();
        state.refused(at, cost).or_else(|| state.accepted(at))
    }

    /// Stores `rules` as the limits and keeps the key when nothing is used.
    pub fn create(&mut self, rules: &[Rule], now: Now) -> Change {
        let at = self.moment(now);
        let (follows, kept) = (self.follows(rules), self.is_kept());
        if follows && kept {
            return Change::Nothing;
        }
        if !follows {
            self.follow(rules, at);
        }
        self.stamp.keep();
        if kept { Change::State } else { Change::Stays }
    }

    /// Believes what somebody else says is used, as of `told_us` by the wall clock; never lowers it unless forced. The
    /// answer is that of a look at the cost of 1.
    pub fn sync(&mut self, told: Used, told_us: u64, now: Now) -> Result<Outcome, NoSuchLimit> {
        let matches = |limit: &Limit| limit.matches(told.kind, told.period_ms);
        let place = self.limits().iter().position(matches).ok_or(NoSuchLimit)?;
        let at = self.moment(now);
        let keeping = self.keeping(at);
        let mut told_of = self.clone();
        let at = told_of.settle(at);
        let before = told_of.limits.clone();
        if let Some(limit) = told_of.limits.as_mut_slice().get_mut(place) {
            limit.sync(at, told.used, told_us, told.force);
        }
        let mut change = Change::Nothing;
        if told_of.limits != before {
            *self = told_of;
            change = self.changed_from(keeping, at);
        }
        let verdict = self.peek(&[], 1, now).ok_or(NoSuchLimit)?;
        Ok(Outcome { verdict, change })
    }

    /// Refuses everything for `ban_ms` (0 … 366 days) from now; a ban that lasts longer already stays. 0 lifts it.
    pub fn ban(&mut self, ban_ms: u64, now: Now) -> Change {
        let at = self.moment(now);
        let left_us = self.banned_until_us().saturating_sub(at.now_us);
        let ban_us = us_from_ms(ban_ms.min(MAX_PERIOD_MS));
        let as_it_is = if ban_ms == 0 { left_us == 0 } else { ban_us <= left_us };
        if as_it_is {
            return Change::Nothing;
        }
        let keeping = self.keeping(at);
        let at = self.settle(at);
        self.limits.ban_until(if ban_ms == 0 { 0 } else { at.now_us.saturating_add(ban_us) });
        self.changed_from(keeping, at)
    }

    /// Forgets all use and any ban; the limits stay.
    pub fn reset(&mut self, now: Now) -> Change {
        let at = self.moment(now);
        let keeping = self.keeping(at);
        let at = self.settle(at);
        self.limits.ban_until(0);
        for limit in self.limits.as_mut_slice() {
            limit.give_back(at, u64::MAX);
        }
        self.changed_from(keeping, at)
    }

    pub(super) fn follows(&self, rules: &[Rule]) -> bool {
        let limits = self.limits();
        let same = || limits.iter().zip(rules).all(|(limit, rule)| limit.follows(rule));
        rules.is_empty() || (rules.len() == limits.len() && same())
    }

    /// Makes `rules` the limits; none leave them as they are. Returns how the key was kept before.
    fn follow(&mut self, rules: &[Rule], at: Moment) -> Keeping {
        let keeping = self.keeping(at);
        self.settle(at);
        if !rules.is_empty() {
            self.limits.follow(rules);
        }
        keeping
    }

    /// Brings the state up to a moment, which is returned as it is then.
    pub(super) fn settle(&mut self, at: Moment) -> Moment {
        self.limits.as_mut_slice().iter_mut().for_each(|limit| limit.settle(at));
        self.passed(at);
        at.settled()
    }

    /// The limits were brought up to a moment: the clock is, and a ban that is over goes.
    fn passed(&mut self, at: Moment) {
        let banned_until_us = self.banned_until_us();
        if banned_until_us > 0 && banned_until_us <= at.now_us {
            self.limits.ban_until(0);
        }
        self.stamp.set_clock(at.now_us);
    }

    pub(super) fn replace_limits(&mut self, limit: Limit) {
        self.limits.replace(limit);
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
        Some(Verdict::allowed(limit.figures().2, remaining, limit.reset_us(at)))
    }

    /// The limit with the least remaining, the first of equals, and what remains of it.
    fn least_remaining(&self, at: Moment) -> Option<(&Limit, u64)> {
        let remaining = |limit: &Limit| limit.figures().2.saturating_sub(limit.used(at));
        let all = self.limits().iter().map(|limit| (limit, remaining(limit)));
        all.reduce(|least, other| if other.1 < least.1 { other } else { least })
    }
}
