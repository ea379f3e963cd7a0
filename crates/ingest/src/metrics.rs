//! What is counted while streaming, in Prometheus' form, and whether all is well.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::event::Reject;
use crate::sink::counts::Counts;
use crate::venue::Venue;

/// Bounds of the histogram of delivery times, seconds.
const DELIVERY_SECONDS: [f64; 12] = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0, 10.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfVenue {
    venue: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfReject {
    venue: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfStatus {
    status: &'static str,
}

type FloatGauge = Gauge<f64, AtomicU64>;

/// Counters, gauges and the state of health.
pub struct Metrics {
    registry: Registry,
    events: Family<OfVenue, Counter>,
    rejects: Family<OfReject, Counter>,
    connects: Family<OfVenue, Counter>,
    disconnects: Family<OfVenue, Counter>,
    silences: Family<OfVenue, Counter>,
    refusals: Family<OfVenue, Counter>,
    connected: Family<OfVenue, Gauge>,
    lag: Family<OfVenue, FloatGauge>,
    answers: Family<OfStatus, Counter>,
    delivery: Histogram,
    spool: Gauge,
    spool_limit: Gauge,
    dropped: Counter,
    refused: Counter,
    refused_series: Gauge,
    redis_up: Gauge,
    redis_failures: Counter,
    redis_is_up: AtomicBool,
    connections: Mutex<BTreeMap<String, bool>>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("liq_ingest");
        let metrics = Self {
            events: Family::default(),
            rejects: Family::default(),
            connects: Family::default(),
            disconnects: Family::default(),
            silences: Family::default(),
            refusals: Family::default(),
            connected: Family::default(),
            lag: Family::default(),
            answers: Family::default(),
            delivery: Histogram::new(DELIVERY_SECONDS),
            spool: Gauge::default(),
            spool_limit: Gauge::default(),
            dropped: Counter::default(),
            refused: Counter::default(),
            refused_series: Gauge::default(),
            redis_up: Gauge::default(),
            redis_failures: Counter::default(),
            redis_is_up: AtomicBool::new(false),
            connections: Mutex::default(),
            registry: Registry::default(),
        };
        registry.register("events", "Liquidations read", metrics.events.clone());
        registry.register("rejects", "Items that gave no event, by reason", metrics.rejects.clone());
        registry.register("connects", "Connections made to a venue", metrics.connects.clone());
        registry.register("disconnects", "Connections to a venue that ended", metrics.disconnects.clone());
        registry.register("silences", "Times the control stream went silent", metrics.silences.clone());
        registry.register("refusals", "Requests that a venue refused", metrics.refusals.clone());
        registry.register("connected", "Connections to a venue that stand", metrics.connected.clone());
        registry.register("lag_seconds", "Receive time less exchange time of the last event", metrics.lag.clone());
        registry.register("answers", "Events by the status Redis answered", metrics.answers.clone());
        registry.register("delivery_seconds", "From the frame to Redis' answer", metrics.delivery.clone());
        registry.register("spool_events", "Events that wait on disk", metrics.spool.clone());
        registry.register("spool_limit_events", "The most events the spool holds", metrics.spool_limit.clone());
        registry.register("spool_dropped", "Events dropped because the spool was full", metrics.dropped.clone());
        registry.register("redis_refused", "Events that Redis will never take", metrics.refused.clone());
        registry.register("redis_refused_series", "Series that Redis refuses", metrics.refused_series.clone());
        registry.register("redis_up", "Whether Redis takes events", metrics.redis_up.clone());
        registry.register("redis_failures", "Failed deliveries", metrics.redis_failures.clone());
        Self { registry, ..metrics }
    }
}

impl Metrics {
    /// The venue's events of one frame.
    pub fn events(&self, venue: Venue, count: u64) {
        self.events.get_or_create(&of(venue)).inc_by(count);
    }

    /// One reject.
    pub fn reject(&self, venue: Venue, reject: Reject) {
        self.rejects.get_or_create(&OfReject { venue: venue.name(), reason: reject.name() }).inc();
    }

    /// Receive time less exchange time, which may be negative.
    pub fn lag(&self, venue: Venue, received_ms: u64, exchange_ms: u64) {
        let lag_ms = received_ms as f64 - exchange_ms as f64;
        self.lag.get_or_create(&of(venue)).set(lag_ms / 1_000.0);
    }

    /// A connection stands, or ended.
    pub fn connection(&self, venue: Venue, stands: bool) {
        let counter = if stands { &self.connects } else { &self.disconnects };
        counter.get_or_create(&of(venue)).inc();
        self.connected.get_or_create(&of(venue)).inc_by(if stands { 1 } else { -1 });
    }

    /// The control stream went silent.
    pub fn silence(&self, venue: Venue) {
        self.silences.get_or_create(&of(venue)).inc();
    }

    /// The venue refused a request.
    pub fn refusal(&self, venue: Venue) {
        self.refusals.get_or_create(&of(venue)).inc();
    }

    /// Whether a connection's control stream ticks; what health is judged by.
    pub fn alive(&self, url: &str, is_alive: bool) {
        if let Ok(mut connections) = self.connections.lock() {
            connections.insert(url.to_owned(), is_alive);
        }
    }

    /// A batch was counted.
    pub fn answered(&self, counts: &Counts) {
        for (status, count) in counts.iter().filter(|(_, count)| *count > 0) {
            self.answers.get_or_create(&OfStatus { status }).inc_by(count);
        }
    }

    /// An event was counted so long after its frame came.
    pub fn delivered_after(&self, passed: Duration) {
        self.delivery.observe(passed.as_secs_f64());
    }

    /// The spool's state.
    pub fn spool(&self, events: u64, limit: u64) {
        self.spool.set(i64::try_from(events).unwrap_or(i64::MAX));
        self.spool_limit.set(i64::try_from(limit).unwrap_or(i64::MAX));
    }

    /// Events were dropped from the full spool.
    pub fn dropped(&self, events: u64) {
        self.dropped.inc_by(events);
    }

    /// Redis will never take an event.
    pub fn refused(&self) {
        self.refused.inc();
    }

    /// So many series are refused for good, and their events wait.
    pub fn refused_series(&self, count: usize) {
        self.refused_series.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Whether the last delivery worked.
    pub fn redis(&self, is_up: bool) {
        self.redis_up.set(is_up.into());
        self.redis_is_up.store(is_up, Ordering::Relaxed);
        if !is_up {
            self.redis_failures.inc();
        }
    }

    /// All figures as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }

    /// What is not well; nothing when all is.
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        if !self.redis_is_up.load(Ordering::Relaxed) {
            complaints.push("redis: does not take events".to_owned());
        }
        let refused = self.refused_series.get();
        if refused > 0 {
            complaints.push(format!("redis: refuses {refused} series"));
        }
        let (events, limit) = (self.spool.get(), self.spool_limit.get());
        if limit > 0 && events.saturating_mul(10) >= limit.saturating_mul(9) {
            complaints.push(format!("spool: {events} of {limit} events"));
        }
        if let Ok(connections) = self.connections.lock() {
            let silent = connections.iter().filter(|(_, is_alive)| !**is_alive);
            complaints.extend(silent.map(|(url, _)| format!("{url}: no data")));
        }
        complaints
    }
}

const fn of(venue: Venue) -> OfVenue {
    OfVenue { venue: venue.name() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_carry_their_venue_and_complaints_name_what_is_wrong() {
        let metrics = Metrics::default();
        metrics.events(Venue::Okx, 3);
        metrics.reject(Venue::Okx, Reject::UnknownMultiplier);
        metrics.alive("wss://okx", false);
        metrics.redis(true);
        metrics.spool(95, 100);
        let text = metrics.text();
        for line in [
            "liq_ingest_events_total{venue=\"okx\"} 3",
            "liq_ingest_rejects_total{venue=\"okx\",reason=\"unknown_multiplier\"} 1",
            "liq_ingest_spool_events 95",
        ] {
            assert!(text.contains(line), "{text}");
        }
        assert_eq!(metrics.complaints(), ["spool: 95 of 100 events", "wss://okx: no data"]);
        metrics.alive("wss://okx", true);
        metrics.spool(0, 100);
        assert!(metrics.complaints().is_empty());
    }
}
