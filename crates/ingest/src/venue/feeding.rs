//! Which markets one connection feeds, the gap before the first trade that comes over it, prices of which only changes
//! are told, and the heartbeats that close candles while nothing is traded.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use liq_core::grammar::Decimal;
use liq_core::market::store::Quote;

use super::{Decoder, Venue, bybit};
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
    /// Instruments of which a trade came.
    begun: HashSet<String>,
    /// Nothing is missing before the first trades: another connection heard what came before them.
    is_seamless: bool,
    /// Instruments of which nobody heard what came before them, all the same.
    apart: HashSet<String>,
    /// Best bid and ask as far as they were told, price and quantity each.
    offers: HashMap<String, [Offer; 2]>,
}

/// What is told of one side of the book.
type Offer = (Option<Decimal>, Option<Decimal>);

/// A side of the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BookSide {
    Bid,
    Ask,
}

impl Feeding {
    pub(super) fn new(wanted: Arc<Wanted>) -> Self {
        let (open, begun, apart, offers) = (HashMap::new(), HashSet::new(), HashSet::new(), HashMap::new());
        Self { wanted, open, begun, is_seamless: false, apart, offers }
    }

    pub(super) fn wants(&self, instrument: &str) -> bool {
        self.wanted.instruments.iter().any(|wanted| wanted == instrument)
    }

    /// Whether trades may be missing before the next one, as far as this connection knows.
    pub(super) fn follows_gap(&self, instrument: &str) -> bool {
        (!self.is_seamless || self.apart.contains(instrument)) && !self.begun.contains(instrument)
    }

    /// A trade of an instrument was taken.
    pub(super) fn begin(&mut self, instrument: &str) {
        if !self.begun.contains(instrument) {
            self.begun.insert(instrument.to_owned());
        }
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
    /// Whether another connection hears what comes before the first trades of this one.
    pub const fn set_seamless(&mut self, is_seamless: bool) {
        if let Some(feeding) = &mut self.feeding {
            feeding.is_seamless = is_seamless;
        }
    }

    /// Of a topic nobody hears what comes before its first data over this connection.
    pub fn set_apart(&mut self, topic: &str) {
        if let (Some(feeding), Some(instrument)) = (&mut self.feeding, bybit::traded_in(topic)) {
            feeding.apart.insert(instrument.to_owned());
        }
    }

    /// The instruments whose markets are fed, where they begin so.
    pub(super) fn fed(&self, begin: &str) -> Vec<String> {
        let wanted = self.feeding.iter().flat_map(|feeding| &feeding.wanted.instruments);
        wanted.filter(|name| name.starts_with(begin)).cloned().collect()
    }

    /// Forgets what was told of an instrument's book.
    pub(super) fn forget_book(&mut self, instrument: &str) {
        if let Some(feeding) = &mut self.feeding {
            feeding.offers.remove(instrument);
        }
    }

    /// Completes one side of the book, of which what has not changed is not told. Nothing where nothing has changed, where
    /// something was never told, or where the side is empty, which a price of 0 says.
    pub(super) fn complete(
        &mut self,
        instrument: &str,
        side: BookSide,
        price: Option<Decimal>,
        qty: Option<Decimal>,
    ) -> Option<(Decimal, Decimal)> {
        let feeding = self.feeding.as_mut().filter(|feeding| feeding.wants(instrument))?;
        if price.is_none() && qty.is_none() {
            return None;
        }
        let [bid, ask] = feeding.offers.entry(instrument.to_owned()).or_default();
        let offer = if side == BookSide::Bid { bid } else { ask };
        *offer = (price.or(offer.0), qty.or(offer.1));
        let (price, qty) = *offer;
        price.filter(|price| !price.is_zero()).zip(qty)
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Contracts;

    /// Whether each of these packets' trades says that others may be missing before it.
    fn gaps(decoder: &mut Decoder, instruments: &[&str]) -> Vec<bool> {
        let trade = |name: &&str| format!(r#"{{"T":5,"s":"{name}","S":"Buy","v":"1","p":"2","i":"x"}}"#);
        let trades: Vec<String> = instruments.iter().map(trade).collect();
        let frame = format!(r#"{{"topic":"publicTrade.A","ts":5,"data":[{}]}}"#, trades.join(","));
        let mut batch = Batch::default();
        decoder.frame(Venue::Bybit, &serde_json::from_str(&frame).unwrap(), None, &mut batch);
        let follows_gap = |told: &Told| matches!(told, Told::Trade(trade) if trade.follows_gap);
        batch.market.iter().map(|item| follows_gap(&item.told)).collect()
    }

    #[test]
    fn the_first_trade_of_each_instrument_follows_a_gap_unless_another_connection_heard_what_was_before() {
        let wanted = Wanted { instruments: vec!["AUSDT".into(), "BUSDT".into()], ..Wanted::default() };
        let decoder = || Decoder::new(Contracts::default()).feeding(Arc::new(wanted.clone()));
        let mut first = decoder();
        assert_eq!(gaps(&mut first, &["AUSDT", "AUSDT", "CUSDT", "BUSDT"]), [true, false, true]);
        assert_eq!(gaps(&mut first, &["BUSDT", "AUSDT"]), [false, false]);
        let mut second = decoder();
        second.set_seamless(true);
        assert_eq!(gaps(&mut second, &["AUSDT"]), [false]);
        // The other one is gone before the first of this instrument.
        second.set_seamless(false);
        assert_eq!(gaps(&mut second, &["AUSDT", "BUSDT"]), [false, true]);
        // It was refused over the one that heard all else.
        let mut third = decoder();
        third.set_seamless(true);
        third.set_apart("publicTrade.BUSDT");
        assert_eq!(gaps(&mut third, &["AUSDT", "BUSDT", "BUSDT"]), [false, true, false]);
        // A recording does not tell where a connection began.
        let mut replay = Decoder::new(Contracts::default()).reading_trades();
        assert_eq!(gaps(&mut replay, &["AUSDT"]), [false]);
    }
}
