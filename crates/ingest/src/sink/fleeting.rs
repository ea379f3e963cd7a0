//! What waits for Redis in memory only, because losing it costs nothing: the newest quotes of a market, of which the next
//! ones come at once, and the venue's own candles, which are asked for again.

use std::collections::BTreeMap;
use std::sync::Arc;

use liq_core::market::store::Quote;

use super::packed::Packed;
use crate::item::Home;
use crate::market::{Candle, Told};

/// Candles of one market that wait; of more the oldest go.
const MOST_CANDLES: usize = 5_000;

/// What goes to one market.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The market.
    pub key: Arc<str>,
    /// What its key is made of.
    pub home: Home,
    quote: Option<Quote>,
    candles: BTreeMap<u64, Candle>,
}

impl Offer {
    /// As it travels: candles first, since prices close those behind them.
    pub fn packed(&self) -> Vec<Packed> {
        let candles: Vec<&Candle> = self.candles.values().collect();
        // Those of two answers are not the whole of what lies between them: there trades were heard, perhaps.
        let go_together =
            |a: &&Candle, b: &&Candle| a.level.width_ms == b.level.width_ms && a.end_ms() == b.row.start_ms;
        let runs = candles.chunk_by(go_together);
        runs.filter_map(Packed::whole_candles).chain(self.quote.as_ref().map(Packed::quote)).collect()
    }

    /// Takes what is newer.
    fn take(&mut self, told: Told) {
        match told {
            Told::Quote(quote) => self.quote = Some(self.quote.map_or(quote, |before| newest(before, quote))),
            Told::Candle(candle) => {
                self.candles.insert(candle.row.start_ms, candle);
                if self.candles.len() > MOST_CANDLES {
                    self.candles.pop_first();
                }
            }
            // Trades are kept on disk.
            Told::Trade(_) => {}
        }
    }
}

/// What waits, by key.
#[derive(Debug, Default)]
pub struct Fleeting {
    offers: BTreeMap<Arc<str>, Offer>,
}

impl Fleeting {
    /// Takes something for a market.
    pub fn take(&mut self, key: Arc<str>, home: Home, told: Told) {
        let begun = || Offer { key: Arc::clone(&key), home, quote: None, candles: BTreeMap::new() };
        self.offers.entry(Arc::clone(&key)).or_insert_with(begun).take(told);
    }

    /// Whether something waits of a key that is not to be passed over.
    pub fn has_any(&self, passed: impl Fn(&str) -> bool) -> bool {
        self.offers.keys().any(|key| !passed(key))
    }

    /// Gives what may go.
    pub fn give(&mut self, may_go: impl Fn(&str) -> bool) -> Vec<Offer> {
        self.offers.extract_if(.., |key, _| may_go(key)).map(|(_, offer)| offer).collect()
    }

    /// Takes back what could not be delivered; what came meanwhile is newer.
    pub fn put_back(&mut self, offers: Vec<Offer>) {
        for mut offer in offers {
            if let Some(newer) = self.offers.remove(&offer.key) {
                newer.candles.into_values().for_each(|candle| offer.take(Told::Candle(candle)));
                newer.quote.into_iter().for_each(|quote| offer.take(Told::Quote(quote)));
            }
            self.offers.insert(Arc::clone(&offer.key), offer);
        }
    }
}

/// Each source's newest price; a heartbeat takes no price away.
fn newest(before: Quote, after: Quote) -> Quote {
    Quote {
        ts_ms: before.ts_ms.max(after.ts_ms),
        bid: after.bid.or(before.bid),
        ask: after.ask.or(before.ask),
        mark: after.mark.or(before.mark),
        index: after.index.or(before.index),
    }
}

#[cfg(test)]
mod tests {
    use liq_core::grammar::Decimal;
    use liq_core::market::candle::UNITS;
    use liq_core::market::store::VenueRow;

    use super::*;
    use crate::venue::Venue;

    const MINUTE: u64 = 60_000;

    #[test]
    fn rows_of_two_answers_go_apart() {
        let mut fleeting = Fleeting::default();
        let key: Arc<str> = "tick:{BTCUSDT}".into();
        let home = Home::Market { venue: Venue::Bybit, symbol: "BTCUSDT".into(), is_numbered: false };
        for place in [1, 2, 3, 30, 31] {
            let row = VenueRow {
                start_ms: place * MINUTE,
                prices: [Decimal::ten_to(0); 4],
                volume: Decimal::ten_to(0),
                quote: None,
                trades: None,
                taker_volume: None,
                taker_quote: None,
            };
            let candle = Candle { level: *UNITS.iter().find(|unit| unit.width_ms == MINUTE).unwrap(), row };
            fleeting.take(Arc::clone(&key), home.clone(), Told::Candle(candle));
        }
        let offers = fleeting.give(|_| true);
        assert_eq!(offers[0].packed().iter().map(|packed| packed.events).collect::<Vec<_>>(), [3, 2]);
    }
}
