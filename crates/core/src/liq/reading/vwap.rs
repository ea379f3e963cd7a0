//! `LIQ.VWAP`.

use super::{ReadError, Window};
use crate::liq::reply::Vwap;
use crate::liq::request;
use crate::liq::series::{Series, Time, deviation_pct};
use crate::wire::Asked;

impl Series {
    /// The VWAP of a window or since an anchor, with what the request asks to be derived from it.
    pub fn vwap(&mut self, time: Time, request: &request::Vwap) -> Result<Vwap, ReadError> {
        let window = self.vwap_window(time, request)?;
        let span = self.span_of(&window);
        let sums = self.sums(&window, &span).of(request.scope.side);
        let (vwap, stddev) = (sums.vwap(), sums.price_stddev());
        let band = |sign: f64| request.bands.map(|k| Some(vwap? + sign * k * stddev?));
        Ok(Vwap {
            vwap,
            volume: sums.notional,
            quantity: sums.quantity,
            count: sums.count,
            stddev,
            upper: Asked(band(1.0)),
            lower: Asked(band(-1.0)),
            deviation: Asked(request.price.map(|price| Some(deviation_pct(price, vwap?)))),
            long_entry: vwap.map(|vwap| vwap * (1.0 - self.options.long_offset_pct / 100.0)),
            short_entry: vwap.map(|vwap| vwap * (1.0 + self.options.short_offset_pct / 100.0)),
        })
    }

    fn vwap_window(&self, time: Time, request: &request::Vwap) -> Result<Window, ReadError> {
        let Some(since_ms) = request.since_ms else {
            return self.window(time, &request.scope, self.options.vwap_window_ms);
        };
        let asked_ms = request.scope.at_ms.unwrap_or_else(|| self.now_ms(time));
        let retention_ms = self.options.retention_ms;
        // The anchor itself counts, so the window begins a millisecond before it.
        let window_ms = (asked_ms + 1).saturating_sub(since_ms);
        if window_ms > retention_ms {
            let got = since_ms.to_string();
            return Err(ReadError::BeyondRetention { argument: "SINCE", got, retention_ms });
        }
        let window = self.window_before(time, request.scope.at_ms, window_ms);
        // The anchor stays where it is even when the end moves; its length changes from call to call, and so no cursor is
        // worth keeping for it.
        Ok(Window { cutoff_ms: since_ms as i64 - 1, live_ms: None, ..window })
    }
}
