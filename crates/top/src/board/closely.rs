//! The series that somebody looks at closely: what is asked of them in every refresh, and what that answers.

use std::time::Duration;

use redis::{RedisError, Value};
use redis_liq::{
    HistogramRow, RangeQuery, Reply, Scope, StatsBuckets, StatsByExchange, StatsQuery, StoredEvent, Vwap, VwapQuery,
    command,
};

use super::answers::{event_row, read, text};
use super::asking::{Batch, Question};
use super::{Board, Series};
use crate::model::{Bands, Detail, Span, Venue, classes};
use crate::names::Key;

/// What is asked of a series that is looked at closely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// LIQ.HIST.
    Sizes,
    /// LIQ.STATS by spans of time.
    Spans,
    /// LIQ.VWAP with bands.
    Bands,
    /// LIQ.STATS by venue.
    Venues,
    /// LIQ.RANGE.
    Events,
}

/// How many spans a window is cut into, about.
const SPANS: u64 = 60;
/// Events shown on a chart.
const MOST_EVENTS: usize = 300;
/// Deviations between the VWAP and its bands.
const DEVIATIONS: f64 = 2.0;
const MINUTE_MS: u64 = 60_000;
/// So far back a series can tell its minutes apart.
const MINUTES_MS: u64 = 7_200_000;

impl Board {
    /// Looks closely at these from the next refresh on.
    pub fn look_at(&mut self, keys: &[Key]) {
        self.details.retain(|key, _| keys.contains(key));
        for key in keys {
            self.details.entry(key.clone()).or_default();
        }
    }

    /// The series that a name can mean: those with that key, else those of that symbol.
    pub fn find(&self, name: &[u8]) -> Vec<Key> {
        match self.series.keys().find(|key| key.bytes() == name) {
            Some(key) => vec![key.clone()],
            None => self.series.keys().filter(|key| key.symbol() == name).cloned().collect(),
        }
    }

    /// Forgets all other keys, and looks closely at this one.
    pub fn only(&mut self, key: &Key) {
        self.series.retain(|other, _| other == key);
        self.markets.clear();
        self.limiters.clear();
        self.look_at(std::slice::from_ref(key));
    }

    /// Whether what is looked at closely has been read, where it can be.
    pub fn is_looked_at(&self) -> bool {
        let is_refused = |key| self.series.get(key).is_none_or(|series| series.error.is_some());
        self.details.iter().all(|(key, detail)| detail.to_ms > 0 || is_refused(key))
    }

    pub(super) fn ask_closely(&self, batch: &mut Batch) {
        for key in self.details.keys() {
            let Some(series) = self.series.get(key).filter(|series| series.info.is_some()) else { continue };
            let window = Duration::from_millis(self.window_of(series));
            let (scope, name) = (Scope::window(window), key.bytes());
            let query = StatsQuery::of(scope);
            let bucket = Duration::from_millis(span_ms(series, self.window_of(series)));
            let asked = [
                (Part::Sizes, command::liq_hist(name, &scope)),
                (Part::Spans, command::liq_stats_buckets(name, bucket, &query)),
                (Part::Bands, command::liq_vwap(name, &VwapQuery::of(scope).bands(DEVIATIONS))),
                (Part::Venues, command::liq_stats_by_exchange(name, &query)),
                (Part::Events, command::liq_range(name, &RangeQuery::default().newest_first().count(MOST_EVENTS))),
            ];
            for (part, ask) in asked {
                batch.ask(Question::Closely(key.clone(), part), ask);
            }
        }
    }

    pub(super) fn take_closely(&mut self, key: &Key, part: Part, answer: Result<Value, RedisError>) {
        let now_ms = self.now_ms;
        let window_ms = self.series.get(key).map_or(self.window_ms, |series| self.window_of(series));
        let Some(detail) = self.details.get_mut(key) else { return };
        if part == Part::Sizes {
            *detail = Detail { from_ms: now_ms.saturating_sub(window_ms), to_ms: now_ms, ..Detail::default() };
        }
        let taken = match part {
            Part::Sizes => read::<Reply<Vec<HistogramRow>>>(answer).map(|rows| {
                let buckets: Vec<(f64, u64)> = rows.iter().map(|row| (row.low, row.count)).collect();
                detail.classes = classes(&buckets);
            }),
            Part::Spans => read::<Reply<StatsBuckets>>(answer).map(|rows| detail.spans = spans(&rows)),
            Part::Bands => read::<Reply<Vwap>>(answer).map(|reply| detail.bands = bands(&reply)),
            Part::Venues => read::<Reply<StatsByExchange>>(answer).map(|reply| detail.venues = venues(&reply)),
            Part::Events => read::<Reply<Vec<StoredEvent<'static>>>>(answer).map(|events| {
                let symbol = text(key.symbol());
                let inside = events.iter().filter(|event| event.timestamp_ms >= detail.from_ms);
                detail.events = inside.map(|event| event_row(&symbol, event)).collect();
            }),
        };
        if let Err(error) = taken {
            let why = self.told(&error);
            if let Some(detail) = self.details.get_mut(key) {
                detail.error = Some(why);
            }
        }
    }
}

/// The length of a span: a minute where the series tells minutes apart, else a multiple of its panes.
fn span_ms(series: &Series, window_ms: u64) -> u64 {
    if window_ms <= MINUTES_MS && !series.has_no_minutes {
        return MINUTE_MS;
    }
    let pane = series.info.as_ref().map_or(MINUTE_MS, |info| info.pane.as_millis() as u64).max(1);
    (window_ms / SPANS).div_ceil(pane).max(1) * pane
}

fn spans(rows: &StatsBuckets) -> Vec<Span> {
    let span = |row: &redis_liq::BucketStats| Span {
        start_ms: row.start_ms,
        buy_volume: row.stats.buy_volume,
        sell_volume: row.stats.sell_volume,
        vwap: row.stats.vwap,
    };
    rows.0.iter().map(span).collect()
}

fn bands(reply: &Vwap) -> Option<Bands> {
    Some(Bands { vwap: reply.vwap?, upper: reply.upper.value()?, lower: reply.lower.value()? })
}

fn venues(reply: &StatsByExchange) -> Vec<Venue> {
    let venue = |venue: &redis_liq::ExchangeStats| Venue {
        name: text(&venue.exchange.0),
        count: venue.stats.count,
        volume: venue.stats.volume,
        buy_volume: venue.stats.buy_volume,
        sell_volume: venue.stats.sell_volume,
    };
    let mut venues: Vec<Venue> = reply.0.iter().map(venue).collect();
    venues.sort_by(|left, right| right.volume.total_cmp(&left.volume));
    venues
}
