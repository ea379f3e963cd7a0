//! The reply of `TICK.LAST`.

use super::words::Exact;
use crate::grammar::Decimal;
use crate::market::tape::Side;
use crate::wire::{Asked, Bytes, map_reply};

map_reply! {
    /// The last price of a source, and with `FULL` and `WINDOW` everything else that is known.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct LastReply {
        /// The price; `None` without one, or when it is older than `MAXAGE`.
        price: Option<Decimal> = "price",
        /// When it was, Unix ms.
        ts_ms: Option<u64> = "ts",
        /// How old it is, ms.
        age_ms: Option<u64> = "age",
        /// Whether it is older than `STALE`.
        stale: Option<bool> = "stale",
        /// Base units of the last trade.
        qty: Asked<Option<Decimal>> = "qty",
        /// Who took.
        side: Asked<Option<Side>> = "side",
        /// What the venue calls it.
        id: Asked<Option<Bytes>> = "id",
        /// The best bid.
        bid: Asked<Option<Decimal>> = "bid",
        /// Base units bid.
        bid_qty: Asked<Option<Decimal>> = "bid_qty",
        /// The best ask.
        ask: Asked<Option<Decimal>> = "ask",
        /// Base units asked.
        ask_qty: Asked<Option<Decimal>> = "ask_qty",
        /// The mean of the two.
        mid: Asked<Option<Decimal>> = "mid",
        /// When the newer of the two was, Unix ms.
        quote_ts_ms: Asked<Option<u64>> = "quote_ts",
        /// The mark price.
        mark: Asked<Option<Decimal>> = "mark",
        /// When it was, Unix ms.
        mark_ts_ms: Asked<Option<u64>> = "mark_ts",
        /// The index.
        index: Asked<Option<Decimal>> = "index",
        /// When it was, Unix ms.
        index_ts_ms: Asked<Option<u64>> = "index_ts",
        /// Where the window begins, Unix ms.
        from_ms: Asked<Option<u64>> = "from",
        /// Price of its first trade.
        open: Asked<Option<Decimal>> = "open",
        /// Highest price.
        high: Asked<Option<Decimal>> = "high",
        /// Lowest price.
        low: Asked<Option<Decimal>> = "low",
        /// Base units traded.
        volume: Asked<Option<Exact>> = "volume",
        /// Sum of price × qty.
        quote_volume: Asked<Option<Exact>> = "quote_volume",
        /// How many trades.
        trades: Asked<Option<u64>> = "trades",
        /// Base units that buyers took.
        taker_volume: Asked<Option<Exact>> = "taker_volume",
        /// The same in quote units.
        taker_quote_volume: Asked<Option<Exact>> = "taker_quote_volume",
        /// Volume-weighted average price.
        vwap: Asked<Option<f64>> = "vwap",
        /// From the first price to the last, percent.
        change_pct: Asked<Option<f64>> = "change",
    }
}
