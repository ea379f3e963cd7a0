//! Which markets one connection feeds, and the heartbeats that close their candles while nothing is traded.

use std::collections::HashMap;
use std::sync::Arc;

use liq_core::market::store::Quote;

use super::{Decoder, Venue};
use crate::event::{Batch, Reject};
use crate::market::Told;

/// The shortest candle that is announced unless others are configured.
const MINUTE_MS: u64 = 60_000;
/// The most that a market waits behind a candle's end for late trades (`GRACE`): until then a heartbeat may be too early.
const LONGEST_GRACE_MS: u64 = 60_000;

/// Instruments whose markets are fed, and with what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// By the venue's own names.
    pub instruments: Vec<String>,
    /// Best bid and ask.
    pub quotes: bool,
    /// Mark price and index.
    pub marks: bool,
}

/// What a decoder knows of the markets it feeds.
#[derive(Debug)]
pub(super) struct Feeding {
    wanted: Arc<Wanted>,
    /// The newest trade of each instrument whose candle may be open, Unix milliseconds.
    open: HashMap<String, u64>,
}

impl Feeding {
    pub(super) fn new(wanted: Arc<Wanted>) -> Self {
        Self { wanted, open: HashMap::new() }
    }

    pub(super) fn wants(&self, instrument: &str) -> bool {
        self.wanted.instruments.iter().any(|wanted| wanted == instrument)
    }

    pub(super) fn traded(&mut self, instrument: &str, ts_ms: u64) {
        match self.open.get_mut(instrument) {
            Some(newest_ms) => *newest_ms = ts_ms.max(*newest_ms),
            None => drop(self.open.insert(instrument.to_owned(), ts_ms)),
        }
    }

    /// Instruments whose newest trade lies in a minute that is over at `ts_ms`.
    fn over(&mut self, ts_ms: u64) -> Vec<String> {
        let end_ms = |newest_ms: u64| (newest_ms / MINUTE_MS + 1) * MINUTE_MS;
        let over = self.open.iter().filter(|(_, newest_ms)| end_ms(**newest_ms) <= ts_ms);
        let names = over.map(|(name, _)| name.clone()).collect();
        self.open.retain(|_, newest_ms| ts_ms < end_ms(*newest_ms) + LONGEST_GRACE_MS);
        names
    }
}

/// Best bid and ask, or mark and index: what a quote is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QuoteKind {
    Book,
    Marks,
}

impl Decoder {
    /// Takes prices of an instrument, if its market is fed with them.
    pub(super) fn quoted(
        &mut self,
        venue: Venue,
        instrument: &str,
        kind: QuoteKind,
        quote: Result<Quote, Reject>,
        batch: &mut Batch,
    ) {
        let Some(feeding) = &self.feeding else { return };
        let is_wanted = match kind {
            QuoteKind::Book => feeding.wanted.quotes,
            QuoteKind::Marks => feeding.wanted.marks,
        };
        if is_wanted && feeding.wants(instrument) {
            let item = quote.and_then(|quote| self.told(venue, instrument, venue.numbers_trades(), Told::Quote(quote)));
            batch.push_market(item);
        }
    }

    /// The venue's time is this: a market whose candle is over, and in which nothing was traded since, is told so.
    pub(super) fn time_passed(&mut self, venue: Venue, ts_ms: u64, batch: &mut Batch) {
        let Some(feeding) = &mut self.feeding else { return };
        for instrument in feeding.over(ts_ms) {
            let heartbeat = Told::Quote(Quote { ts_ms, ..Quote::default() });
            let item = self.told(venue, &instrument, venue.numbers_trades(), heartbeat);
            batch.push_market(item);
        }
    }
}
