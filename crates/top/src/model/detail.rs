//! One series looked at closely.

use super::EventRow;

/// What the page of a series shows beside its row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Detail {
    /// Where the window begins and ends, Unix milliseconds.
    pub from_ms: u64,
    /// See there.
    pub to_ms: u64,
    /// The distribution of the sizes, in at most [`MOST_CLASSES`] classes that each are as many times as large as the last.
    pub classes: Vec<Class>,
    /// The window by spans of time, oldest first.
    pub spans: Vec<Span>,
    /// The VWAP of the window, and two standard deviations above and below it.
    pub bands: Option<Bands>,
    /// Venues by volume.
    pub venues: Vec<Venue>,
    /// Newest events of the window, newest first, at most 300.
    pub events: Vec<EventRow>,
    /// What could not be read.
    pub error: Option<String>,
}

/// Events with sizes in [`low`, `high`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Class {
    /// The lower edge.
    pub low: f64,
    /// The upper edge.
    pub high: f64,
    /// How many.
    pub count: u64,
}

/// A span of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// Where it begins, Unix milliseconds.
    pub start_ms: u64,
    /// Of forced buys.
    pub buy_volume: f64,
    /// Of forced sells.
    pub sell_volume: f64,
    /// Volume-weighted average price; none without events.
    pub vwap: Option<f64>,
}

/// An average and its bands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bands {
    /// The average.
    pub vwap: f64,
    /// Two standard deviations above.
    pub upper: f64,
    /// And below.
    pub lower: f64,
}

/// A venue in the window.
#[derive(Debug, Clone, PartialEq)]
pub struct Venue {
    /// Its name; empty for events without one.
    pub name: String,
    /// Events.
    pub count: u64,
    /// Notional.
    pub volume: f64,
    /// Of forced buys.
    pub buy_volume: f64,
    /// Of forced sells.
    pub sell_volume: f64,
}

/// Classes of the distribution.
pub const MOST_CLASSES: usize = 24;

/// Gathers the buckets of a series into classes of equal ratio. Every event is in the class that its bucket's lower edge is
/// in, so the counts add up.
pub fn classes(buckets: &[(f64, u64)]) -> Vec<Class> {
    let filled: Vec<(f64, u64)> = buckets.iter().copied().filter(|(low, count)| *count > 0 && *low >= 0.0).collect();
    // Below a hundredth nobody looks: the logarithm needs an end.
    let floor = |low: f64| low.max(0.01);
    let (Some(first), Some(last)) = (filled.first(), filled.last()) else { return Vec::new() };
    let (from, to) = (floor(first.0).log2(), floor(last.0).log2());
    // No finer than a quarter of a doubling.
    let step = ((to - from) / (MOST_CLASSES - 1) as f64).max(0.25);
    let count = ((to - from) / step).floor() as usize + 1;
    let edge = |at: usize| (from + step * at as f64).exp2();
    let mut out: Vec<Class> =
        (0..count.min(MOST_CLASSES)).map(|at| Class { low: edge(at), high: edge(at + 1), count: 0 }).collect();
    let last_at = out.len().saturating_sub(1);
    for (low, count) in filled {
        let at = (((floor(low).log2() - from) / step).floor() as usize).min(last_at);
        if let Some(class) = out.get_mut(at) {
            class.count += count;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_event_is_lost_between_classes() {
        assert_eq!(classes(&[]), []);
        assert_eq!(classes(&[(5.0, 7)]).iter().map(|class| class.count).collect::<Vec<_>>(), [7]);
        let buckets: Vec<(f64, u64)> = (0..4000).map(|n| (1.01_f64.powi(n - 500), n.unsigned_abs().into())).collect();
        let made = classes(&buckets);
        assert!(made.len() <= MOST_CLASSES);
        assert_eq!(
            made.iter().map(|class| class.count).sum::<u64>(),
            buckets.iter().map(|(_, count)| count).sum::<u64>()
        );
        assert!(made.windows(2).all(|pair| matches!(pair, [left, right] if left.high <= right.low * 1.000_001)));
    }
}
