//! The VWAP of a market's trades, as series of liquidations judge by it.

use crate::market::candle::{Remembered, Span};
use crate::market::store::Market;

impl Market {
    /// The VWAP of the window of `window_ms` that ends at `now_ms`, both in ms: from the candle of the finest level that
    /// holds its beginning to the one that holds its end, so that a replay sees nothing of later candles. `None` without
    /// a trade there, and where a row did not tell its quote volume; else finite and above zero.
    ///
    /// Constant in time while only the newest candle changes; else as many steps as the window has blocks of candles.
    pub fn vwap(&self, now_ms: u64, window_ms: u64, remembered: &mut Remembered) -> Option<f64> {
        let levels = self.levels();
        let start_ms = levels.window_start_ms(now_ms.saturating_sub(window_ms));
        let span = Span { start_ms, end_ms: levels.finest_span(now_ms).end_ms };
        // Products of dust are rounded to zero.
        levels.traded(span, remembered).vwap().filter(|vwap| *vwap > 0.0)
    }
}
