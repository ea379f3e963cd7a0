//! All candles of a window as one. Who asks again and again remembers what does not change from trade to trade.

use std::ops::ControlFlow;

use super::candle::Candle;
use super::interval::{Interval, Span};
use super::levels::Levels;
use crate::heap::{self, Measure};
use crate::panes::Version;
use crate::relocation::Mover;

/// The window that was asked for last as one candle, but for the newest candle.
#[derive(Debug, Clone, Default)]
pub struct RememberedWindow(Option<Box<Known>>);

#[derive(Debug, Clone)]
struct Known {
    version: Version,
    of: Span,
    sum: Option<Candle>,
}

impl RememberedWindow {
    /// Measures its buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        if let Some(known) = &self.0 {
            heap::boxed(&**known, measure);
        }
    }

    /// Moves its buffer.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        if let Some(known) = &mut self.0 {
            mover.boxed(known);
        }
    }
}

impl Levels {
    /// The candles that begin in `span` as one; `None` without any. Sums are integers and the newest candle is the last, so
    /// it does not matter what of them was remembered.
    pub fn merged(&self, span: Span, remembered: &mut RememberedWindow) -> Option<Candle> {
        let newest = self.list().first().and_then(|level| level.newest());
        let end_ms = newest.map_or(span.end_ms, |newest| newest.start_ms.min(span.end_ms));
        let before = Span { end_ms, ..span };
        let mut sum = match remembered.0.as_deref() {
            Some(known) if known.version == self.version && known.of == before => known.sum,
            _ => {
                let sum = self.merged_anew(before);
                remembered.0 = Some(Box::new(Known { version: self.version, of: before, sum }));
                sum
            }
        };
        for newest in self.begun_last().filter(|newest| span.holds(newest.start_ms)) {
            add(&mut sum, newest);
        }
        sum
    }

    fn merged_anew(&self, span: Span) -> Option<Candle> {
        let mut sum = None;
        if span.start_ms < span.end_ms {
            // Blocks may come whole: those of one month, which every level's blocks lie within or are shown one by one.
            let _ = self.visit(Interval::Month, span, false, &mut |part| {
                add(&mut sum, part);
                ControlFlow::Continue(())
            });
        }
        sum
    }
}

fn add(sum: &mut Option<Candle>, part: &Candle) {
    match sum {
        Some(sum) => sum.merge(part),
        None => *sum = Some(*part),
    }
}
