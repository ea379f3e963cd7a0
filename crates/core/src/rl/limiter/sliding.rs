//! Never more than the amount in any stretch as long as the period.

use super::moment::us_from_ms;
use super::{Kind, Moment, Rule, Wait};
use crate::relocation::Mover;

/// A use joins the newest one while that began no longer ago than the period divided by this.
const SUB_INTERVALS: u64 = 64;

/// The most uses held: the 64 sub-intervals of one period, and the one that is leaving it.
pub const MOST_USES: usize = SUB_INTERVALS as usize + 1;

/// Cost taken within one sub-interval; all of it returns one period after the last of it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// When the last of it was taken, by the key's own time.
    pub last_us: u64,
    /// How much, at least 1.
    pub cost: u64,
}

/// The uses of the last period, oldest first. Uses further apart than a sub-interval are kept apart, so a limit that
/// is used seldom is exact; closer ones are joined and return up to a 64th of the period late, never early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sliding {
    amount: u64,
    period_ms: u64,
    /// Sum of all uses held, those that are over but not yet dropped included.
    total: u64,
    /// When the first cost of the newest use was taken.
    newest_began_us: u64,
    uses: Vec<Use>,
}

impl Sliding {
    /// A full limit. `amount` and `period_ms` are those of a valid rule.
    pub(super) const fn full(amount: u64, period_ms: u64) -> Self {
        Self { amount, period_ms, total: 0, newest_began_us: 0, uses: Vec::new() }
    }

    /// A limit with these uses, oldest first; none when they are too many, out of order, empty or above the amount,
    /// or when the newest is longer than a sub-interval.
    pub fn with_uses(rule: &Rule, newest_began_us: u64, uses: Vec<Use>) -> Option<Self> {
        let total = uses.iter().try_fold(0_u64, |sum, used| sum.checked_add(used.cost))?;
        let mut limit = Self::full(rule.amount(), rule.period_ms());
        let in_order = uses.is_sorted_by_key(|used| used.last_us) && uses.iter().all(|used| used.cost > 0);
        let newest_fits = match uses.last() {
            Some(newest) => newest.last_us.checked_sub(newest_began_us).is_some_and(|long| long <= limit.span_us()),
            None => newest_began_us == 0,
        };
        let few = uses.len() <= MOST_USES && total <= rule.amount();
        if rule.kind() != Kind::Sliding || !in_order || !newest_fits || !few {
            return None;
        }
        (limit.total, limit.newest_began_us, limit.uses) = (total, newest_began_us, uses);
        Some(limit)
    }

    /// Amount and period.
    pub const fn rule(&self) -> (u64, u64) {
        (self.amount, self.period_ms)
    }

    /// When the newest use began, and all uses held, oldest first.
    pub fn uses(&self) -> (u64, &[Use]) {
        (self.newest_began_us, &self.uses)
    }

    /// Tells where the list of uses starts, and its bytes.
    pub(super) fn measure(&self, measure: &mut dyn FnMut(*const u8, usize)) {
        if self.uses.capacity() > 0 {
            measure(self.uses.as_ptr().cast(), self.uses.capacity() * size_of::<Use>());
        }
    }

    /// Moves the list of uses.
    pub(super) fn relocate(&mut self, mover: &mut impl Mover) {
        mover.vec(&mut self.uses);
    }

    const fn span_us(&self) -> u64 {
        us_from_ms(self.period_ms) / SUB_INTERVALS
    }

    const fn returns_us(&self, used: &Use) -> u64 {
        used.last_us.saturating_add(us_from_ms(self.period_ms))
    }

    /// How many of the uses are over, and what they cost.
    fn over(&self, now_us: u64) -> (usize, u64) {
        let over = self.uses.iter().take_while(|used| self.returns_us(used) <= now_us);
        over.fold((0, 0), |(count, cost), used| (count + 1, cost + used.cost))
    }

    pub(super) fn settle(&mut self, at: Moment) {
        let (count, cost) = self.over(at.now_us);
        self.uses.drain(..count);
        self.total -= cost;
        if self.uses.is_empty() {
            self.newest_began_us = 0;
        }
    }

    pub(super) fn wait(&self, at: Moment, cost: u64) -> Wait {
        if cost > self.amount {
            return Wait::Never;
        }
        let room = self.amount - cost;
        let mut left = self.total;
        let mut after_us = 0;
        for used in &self.uses {
            if left <= room {
                break;
            }
            left -= used.cost;
            after_us = self.returns_us(used).saturating_sub(at.now_us);
        }
        if after_us == 0 { Wait::Now } else { Wait::After(after_us) }
    }

    pub(super) fn used(&self, at: Moment) -> u64 {
        self.total - self.over(at.now_us).1
    }

    pub(super) fn reset_us(&self, at: Moment) -> u64 {
        self.uses.last().map_or(0, |newest| self.returns_us(newest).saturating_sub(at.now_us))
    }

    /// Takes `cost`, which fits, at `taken_us`; the limit is settled.
    pub(super) fn take(&mut self, cost: u64, taken_us: u64) {
        if cost == 0 {
            return;
        }
        self.total = self.total.saturating_add(cost);
        let (span_us, began_us) = (self.span_us(), self.newest_began_us);
        match self.uses.last_mut() {
            Some(newest) if taken_us < newest.last_us => self.take_before(cost, taken_us),
            Some(newest) if taken_us - began_us <= span_us => {
                newest.last_us = taken_us;
                newest.cost = newest.cost.saturating_add(cost);
            }
            _ => {
                self.newest_began_us = taken_us;
                self.put(self.uses.len(), Use { last_us: taken_us, cost });
            }
        }
    }

    /// Takes in a use that is told after the fact, older than the newest one: with the next one behind it where that is no
    /// more than a sub-interval later.
    fn take_before(&mut self, cost: u64, taken_us: u64) {
        let (place, span_us) = (self.uses.partition_point(|used| used.last_us < taken_us), self.span_us());
        match self.uses.get_mut(place) {
            Some(held) if held.last_us - taken_us <= span_us => held.cost = held.cost.saturating_add(cost),
            _ => self.put(place, Use { last_us: taken_us, cost }),
        }
    }

    /// Puts a use at `place`. Where there is no room, the two of those held that lie closest are joined first: only where
    /// uses were told at many times, as those that are taken leave room.
    fn put(&mut self, place: usize, new: Use) {
        let is_full = self.uses.len() >= MOST_USES;
        if self.uses.len() == self.uses.capacity() && !is_full {
            let room = self.uses.len().clamp(1, MOST_USES - self.uses.len());
            self.uses.reserve_exact(room);
        }
        let joined = if is_full { self.join_closest() } else { usize::MAX };
        self.uses.insert(if joined < place { place - 1 } else { place }, new);
    }

    /// Joins the use that the next one follows soonest with that one, and says which it was.
    fn join_closest(&mut self) -> usize {
        let gaps = self.uses.windows(2).enumerate().filter_map(|(place, pair)| match pair {
            [used, next] => Some((next.last_us - used.last_us, place)),
            _ => None,
        });
        let place = gaps.min().map_or(0, |(_, place)| place);
        let joined = self.uses.remove(place);
        if let Some(next) = self.uses.get_mut(place) {
            next.cost = next.cost.saturating_add(joined.cost);
        }
        place
    }

    /// Gives `cost` back, down to nothing used, from the oldest uses first: whichever use it was, never more than
    /// the amount stands in any stretch. The limit is settled.
    pub(super) fn give_back(&mut self, cost: u64) {
        let mut left = cost.min(self.total);
        self.total -= left;
        self.uses.retain_mut(|used| {
            let part = left.min(used.cost);
            left -= part;
            used.cost -= part;
            used.cost > 0
        });
        if self.uses.is_empty() {
            self.newest_began_us = 0;
        }
    }

    /// Makes `used`, as it was `age_us` ago, the use; a higher use stays unless `force`. Settled.
    pub(super) fn sync(&mut self, used: u64, age_us: u64, at: Moment, force: bool) {
        let outdated = age_us >= us_from_ms(self.period_ms);
        let told = if outdated { 0 } else { used.min(self.amount) };
        if told > self.total {
            self.take(told - self.total, at.now_us.saturating_sub(age_us));
        } else if force {
            self.give_back(self.total - told);
        }
    }

    /// Follows `rule` (of the same period) from now on; what is used stays, cut to the new amount. Settled.
    pub(super) fn follow(&mut self, rule: &Rule) {
        self.amount = rule.amount();
        self.give_back(self.total.saturating_sub(self.amount));
    }
}
