//! Quotes and heartbeats coming in: each source for itself.

use super::changes::Changes;
use super::clock::Time;
use super::feeding::Status;
use super::market::Market;
use super::prices::{Price, Source};
use crate::grammar::Decimal;
use crate::market::tape::Id;

/// The sources that a quote may tell, in its order.
const QUOTED: [Source; 4] = [Source::Bid, Source::Ask, Source::Mark, Source::Index];

/// What a feed says of prices without trades; a heartbeat without any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quote {
    /// When that was, Unix milliseconds.
    pub ts_ms: u64,
    /// Price and quantity of the best bid.
    pub bid: Option<(Decimal, Decimal)>,
    /// The same of the best ask.
    pub ask: Option<(Decimal, Decimal)>,
    /// The mark price.
    pub mark: Option<Decimal>,
    /// The index.
    pub index: Option<Decimal>,
}

impl Quote {
    /// Whether it only says that time has passed.
    pub const fn is_heartbeat(&self) -> bool {
        self.bid.is_none() && self.ask.is_none() && self.mark.is_none() && self.index.is_none()
    }

    fn price(&self, source: Source) -> Option<Price> {
        let (price, qty) = match source {
            Source::Bid => self.bid?,
            Source::Ask => self.ask?,
            Source::Mark => (self.mark?, Decimal::ZERO),
            Source::Index => (self.index?, Decimal::ZERO),
            Source::Last | Source::Mid => return None,
        };
        Some(Price { price, qty, ts_ms: self.ts_ms })
    }
}

/// What becomes of a quote: of each source, in its order, and of the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuoteVerdict {
    sources: [Option<Status>; QUOTED.len()],
    /// `accepted` if any source is, or if a heartbeat is not older than what was heard; else `suspect` if any source is.
    pub status: Status,
}

impl QuoteVerdict {
    /// Of the sources, and of the whole; `None` where a source has a status that sources do not have.
    pub fn loaded(sources: [Option<Status>; QUOTED.len()], status: Status) -> Option<Self> {
        let is_known = |status: &Status| matches!(status, Status::Accepted | Status::Late | Status::Suspect);
        (sources.iter().flatten().all(is_known) && is_known(&status)).then_some(Self { sources, status })
    }

    /// Of the sources: bid, ask, mark, index.
    pub const fn sources(&self) -> &[Option<Status>; QUOTED.len()] {
        &self.sources
    }

    /// Whether it changes the market beyond its totals.
    pub const fn changes(&self) -> bool {
        self.status.changes()
    }
}

impl Market {
    /// What `quote` is to become.
    pub fn judge_quote(&self, quote: &Quote, time: Time, max_future_ms: u64) -> QuoteVerdict {
        if quote.ts_ms > time.server_ms.saturating_add(max_future_ms) {
            return QuoteVerdict { sources: [None; QUOTED.len()], status: Status::Future };
        }
        if quote.is_heartbeat() {
            let is_late = self.heard_ms.is_some_and(|heard_ms| quote.ts_ms < heard_ms);
            let status = if is_late { Status::Late } else { Status::Accepted };
            return QuoteVerdict { sources: [None; QUOTED.len()], status };
        }
        let sources = QUOTED.map(|source| quote.price(source).map(|price| self.judge_source(source, &price)));
        let any = |status: Status| sources.contains(&Some(status)).then_some(status);
        let status = any(Status::Accepted).or_else(|| any(Status::Suspect)).unwrap_or(Status::Late);
        QuoteVerdict { sources, status }
    }

    fn judge_source(&self, source: Source, price: &Price) -> Status {
        let last = self.prices.of(source);
        if last.is_some_and(|last| price.ts_ms < last.ts_ms) {
            return Status::Late;
        }
        let jump = self.jumps.get(source as usize).copied().unwrap_or_default();
        let is_believed = jump.believes(price.price, last.map(|last| last.price), self.options.max_jump);
        if is_believed { Status::Accepted } else { Status::Suspect }
    }

    /// Judges and records one quote. Answers what became of it.
    pub fn quote(&mut self, quote: &Quote, time: Time, max_future_ms: u64, changes: &mut Changes) -> QuoteVerdict {
        let verdict = self.judge_quote(quote, time, max_future_ms);
        if verdict.status == Status::Accepted {
            self.expire_triggers_before(quote.ts_ms, changes);
        }
        self.record_quote(quote, &verdict, Some(changes));
        verdict
    }

    /// Makes `quote` what it was judged to be. Candles close before its prices are taken.
    pub fn record_quote(&mut self, quote: &Quote, verdict: &QuoteVerdict, mut changes: Option<&mut Changes>) {
        if verdict.status == Status::Accepted {
            self.heard_ms = self.heard_ms.max(Some(quote.ts_ms));
            self.come_to(quote.ts_ms.saturating_sub(self.options.grace_ms), changes.as_deref_mut());
        }
        let mid_before = self.price_before(Source::Mid);
        let mut is_mid_moved = false;
        for (source, status) in QUOTED.into_iter().zip(verdict.sources) {
            // The mean stands between the two it is of and the others.
            if source == Source::Mark && is_mid_moved {
                self.move_mid(mid_before, changes.as_deref_mut());
            }
            let Some(price) = quote.price(source) else { continue };
            match status {
                Some(Status::Accepted) => {
                    let before = self.price_before(source);
                    self.moved(source, price, before, Id::None, changes.as_deref_mut());
                    is_mid_moved |= matches!(source, Source::Bid | Source::Ask);
                }
                Some(Status::Suspect) => {
                    if let Some(jump) = self.jumps.get_mut(source as usize) {
                        jump.doubt(price.price, self.options.max_jump);
                    }
                }
                _ => {}
            }
        }
    }

    fn move_mid(&mut self, before: Option<Decimal>, changes: Option<&mut Changes>) {
        if let Some(mid) = self.prices.of(Source::Mid) {
            self.moved(Source::Mid, mid, before, Id::None, changes);
        }
    }
}
