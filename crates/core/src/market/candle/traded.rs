//! What was traded in a stretch of time: base and quote, and so the VWAP. Who asks again and again remembers what does not
//! change from trade to trade.

use std::ops::ControlFlow;

use super::candle::{Candle, QUOTE_SCALE, VOLUME_SCALE};
use super::interval::{Interval, Span};
use super::level::Level;
use super::levels::Levels;
use crate::grammar::power_of_ten;
use crate::panes::Version;

/// What was traded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traded {
    /// Base units, in 10^-15.
    pub volume: u128,
    /// Sum of price × qty, in 10^-18; `None` where a row did not tell.
    pub quote: Option<u128>,
}

impl Traded {
    const NOTHING: Self = Self { volume: 0, quote: Some(0) };

    /// In one candle.
    pub const fn of(candle: &Candle) -> Self {
        Self { volume: candle.volume, quote: candle.quote }
    }

    fn add(&mut self, candle: &Candle) {
        self.volume = self.volume.saturating_add(candle.volume);
        self.quote = self.quote.zip(candle.quote).map(|(a, b)| a.saturating_add(b));
    }

    /// Quote per base; `None` without volume, and where the quote volume is not known.
    pub fn vwap(&self) -> Option<f64> {
        let double = |units: u128, scale| units as f64 / power_of_ten(scale) as f64;
        let vwap = double(self.quote?, QUOTE_SCALE) / double(self.volume, VOLUME_SCALE);
        Some(vwap).filter(|vwap| vwap.is_finite())
    }
}

/// What was traded in the stretch that was asked for last, but for the newest candle.
#[derive(Debug, Clone, Default)]
pub struct Remembered(Option<(Version, Span, Traded)>);

impl Levels {
    /// Where a window that begins at `since_ms` begins: with the finest candle that holds this time. Where the finest
    /// level does not reach, of the next that does; where none does, with what is held.
    pub fn window_start_ms(&self, since_ms: u64) -> u64 {
        let level = self.list().iter().find(|level| level.reach_ms() <= since_ms).or(self.list().last());
        level.map_or(since_ms, |level| level.span(since_ms.max(level.reach_ms())).start_ms)
    }

    /// The newest candle, behind those of coarser levels that begin in the same millisecond: a finer level may begin within
    /// them.
    pub(super) fn begun_last(&self) -> impl Iterator<Item = &Candle> {
        let newest_ms = self.list().first().and_then(Level::newest).map(|newest| newest.start_ms);
        self.list().iter().rev().filter_map(Level::newest).filter(move |newest| Some(newest.start_ms) == newest_ms)
    }

    /// What was traded in candles that begin in `span`. Sums are integers, so it does not matter what of them was
    /// remembered.
    pub fn traded(&self, span: Span, remembered: &mut Remembered) -> Traded {
        let newest = self.list().first().and_then(|level| level.newest());
        let end_ms = newest.map_or(span.end_ms, |newest| newest.start_ms.min(span.end_ms));
        let before = Span { end_ms, ..span };
        let mut traded = match &remembered.0 {
            Some((version, of, traded)) if *version == self.version && *of == before => *traded,
            _ => {
                let traded = self.traded_anew(before);
                remembered.0 = Some((self.version, before, traded));
                traded
            }
        };
        for newest in self.begun_last().filter(|newest| span.holds(newest.start_ms)) {
            traded.add(newest);
        }
        traded
    }

    fn traded_anew(&self, span: Span) -> Traded {
        let mut traded = Traded::NOTHING;
        if span.start_ms < span.end_ms {
            // Blocks may come whole: those of one month, which every level's blocks lie within or are shown one by one.
            let _ = self.visit(Interval::Month, span, false, &mut |part| {
                traded.add(part);
                ControlFlow::Continue(())
            });
        }
        traded
    }
}
