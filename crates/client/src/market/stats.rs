//! The sum of statistics.

use super::{MarketHistogram, MarketPercentile};
use crate::Stats;

/// What a window holds over many series.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct MarketStats {
    /// Series with events.
    pub series: u64,
    /// Events.
    pub count: u64,
    /// Notional in the quote currency; series of one market share it.
    pub volume: f64,
    /// Forced buys: liquidated shorts.
    pub buy_count: u64,
    /// Forced sells: liquidated longs.
    pub sell_count: u64,
    /// Notional of the forced buys.
    pub buy_volume: f64,
    /// Notional of the forced sells.
    pub sell_volume: f64,
    /// (buy − sell) / (buy + sell) of the volume. `None` without events.
    pub imbalance: Option<f64>,
    /// The smallest size.
    pub min: Option<f64>,
    /// The largest size.
    pub max: Option<f64>,
    /// The mean size.
    pub mean: Option<f64>,
    /// The standard deviation of the sizes.
    pub stddev: Option<f64>,
    /// Volume-weighted average price: where all series are of one instrument, on several venues or keys.
    pub vwap: Option<f64>,
    /// Median size.
    pub p50: Option<MarketPercentile>,
    /// 80th percentile of the sizes.
    pub p80: Option<MarketPercentile>,
    /// 95th percentile of the sizes.
    pub p95: Option<MarketPercentile>,
    /// 99th percentile of the sizes.
    pub p99: Option<MarketPercentile>,
    /// Time of the oldest event, Unix milliseconds.
    pub first_ms: Option<u64>,
    /// Time of the newest event, Unix milliseconds.
    pub last_ms: Option<u64>,
    /// Events per minute of the window.
    pub per_minute: Option<f64>,
    /// Whether counts, volumes, extremes and times are exact to the millisecond in every series.
    pub exact: bool,
}

impl MarketStats {
    /// Sums the statistics of all series and takes the percentiles from their summed histogram; both of one window.
    pub fn of(series: &[Stats], histogram: &MarketHistogram) -> Self {
        let active: Vec<&Stats> = series.iter().filter(|stats| stats.count > 0).collect();
        let sum = |part: fn(&Stats) -> f64| active.iter().map(|stats| part(stats)).sum::<f64>();
        let count = |part: fn(&Stats) -> u64| active.iter().map(|stats| part(stats)).sum::<u64>();
        let (buy_volume, sell_volume) = (sum(|stats| stats.buy_volume), sum(|stats| stats.sell_volume));
        let (events, volume) = (count(|stats| stats.count), sum(|stats| stats.volume));
        let mean = (events > 0).then(|| volume / events as f64);
        let (min, max) = (extreme(&active, |stats| stats.min, f64::min), extreme(&active, |stats| stats.max, f64::max));
        let percentile = |percent| histogram.percentile(percent).ok().flatten().map(|found| within(found, min, max));
        Self {
            series: active.len() as u64,
            count: events,
            volume,
            buy_count: count(|stats| stats.buy_count),
            sell_count: count(|stats| stats.sell_count),
            buy_volume,
            sell_volume,
            imbalance: ratio(buy_volume - sell_volume, buy_volume + sell_volume),
            min,
            max,
            mean,
            stddev: mean.and_then(|mean| pooled_stddev(&active, mean)),
            vwap: joint_vwap(&active),
            p50: percentile(50.0),
            p80: percentile(80.0),
            p95: percentile(95.0),
            p99: percentile(99.0),
            first_ms: active.iter().filter_map(|stats| stats.first_ms).min(),
            last_ms: active.iter().filter_map(|stats| stats.last_ms).max(),
            per_minute: (!active.is_empty()).then(|| sum(|stats| stats.per_minute.unwrap_or(0.0))),
            exact: series.iter().all(|stats| stats.exact == Some(true)),
        }
    }
}

fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

fn extreme(series: &[&Stats], part: fn(&Stats) -> Option<f64>, pick: fn(f64, f64) -> f64) -> Option<f64> {
    series.iter().filter_map(|stats| part(stats)).reduce(pick)
}

/// Σ n·(s² + (m − mean)²) / Σ n: the spread within the series and between them.
fn pooled_stddev(series: &[&Stats], mean: f64) -> Option<f64> {
    let (mut squares, mut events) = (0.0, 0.0);
    for stats in series {
        let (own_mean, own_stddev) = (stats.mean?, stats.stddev?);
        squares += stats.count as f64 * (own_stddev * own_stddev + (own_mean - mean) * (own_mean - mean));
        events += stats.count as f64;
    }
    ratio(squares, events).map(f64::sqrt)
}

/// Σ volume / Σ quantity.
fn joint_vwap(series: &[&Stats]) -> Option<f64> {
    let (mut volume, mut quantity) = (0.0, 0.0);
    for stats in series {
        volume += stats.volume;
        quantity += stats.volume / stats.vwap?;
    }
    ratio(volume, quantity)
}

/// No percentile lies beyond the extremes, which are known exactly.
fn within(found: MarketPercentile, min: Option<f64>, max: Option<f64>) -> MarketPercentile {
    match (min, max) {
        (Some(min), Some(max)) if min <= max => MarketPercentile {
            value: found.value.clamp(min, max),
            low: found.low.clamp(min, max),
            high: if found.high > max { max.next_up() } else { found.high },
            ..found
        },
        _ => found,
    }
}
