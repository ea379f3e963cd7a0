//! What the order of a window is built from: the sizes and the codes of its events, gathered anew.

use std::ops::Range;

use super::events::{Events, Span};
use super::histogram::Histogram;
use super::sorted::Sorted;
use super::tail::Position;
use super::{Scale, Side};
use crate::steps;

/// A row of a chart has no more panes than this, …
const FEW_PANES: usize = 8;
/// … nor more raw events.
const FEW_EVENTS: usize = 64;

/// The buckets of the events in `span`, of one side or of both, on the scale of its coarsest pane.
pub fn histogram_of(events: &mut Events, span: &Span, side: Option<Side>) -> Histogram {
    let scale = events.scale_of(&span.panes);
    histogram_on(scale, events, span, side)
}

/// The same on a scale that is not finer.
pub fn histogram_on(scale: Scale, events: &mut Events, span: &Span, side: Option<Side>) -> Histogram {
    events.archive.pack_late();
    steps::note(span.panes.len() + events.tail.count(&span.tail));
    if span.panes.len() <= FEW_PANES && events.tail.count(&span.tail) <= FEW_EVENTS {
        return small_histogram_on(scale, events, span, side);
    }
    Histogram::from_counts(scale, &events.bucket_counts(span, side, scale))
}

/// The same without a place for every bucket there is: for one row of a chart.
fn small_histogram_on(scale: Scale, events: &Events, span: &Span, side: Option<Side>) -> Histogram {
    let mut histogram = Histogram::new(scale);
    for place in span.panes.clone() {
        events.archive.each_code(place, scale, |code, count| {
            if is_wanted(code, side) {
                histogram.add(code / 2, count);
            }
        });
    }
    let sizes = events.tail.sizes(&span.tail).filter(|(_, of)| side.is_none_or(|side| side == *of));
    sizes.for_each(|(size, _)| histogram.add(scale.bucket(size), 1));
    histogram
}

/// The sizes of the raw events in `span`, of one side or of both.
pub fn sorted_sizes(events: &Events, span: Range<Position>, side: Option<Side>) -> Sorted {
    let sizes = events.tail.sizes(&span).filter(|(_, of)| side.is_none_or(|side| side == *of));
    Sorted::of(sizes.map(|(size, _)| size).collect())
}

/// Whether events of this code are of the side asked for.
pub fn is_wanted(code: u16, side: Option<Side>) -> bool {
    side.is_none_or(|side| code % 2 == side as u16)
}

/// Places of the panes that begin between two edges, in whichever order.
pub fn panes_between(events: &Events, a_ms: u64, b_ms: u64) -> Range<usize> {
    events.archive.behind_edge(a_ms.min(b_ms)).start..events.archive.behind_edge(a_ms.max(b_ms)).start
}

/// How many raw events lie between two cutoffs, in whichever order.
pub fn raw_between(events: &Events, a_ms: i64, b_ms: i64) -> usize {
    events.tail.count(&(events.tail.until(a_ms.min(b_ms))..events.tail.until(a_ms.max(b_ms))))
}
