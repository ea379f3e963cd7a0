//! What is counted while streaming. How it is written is in `text`, whether all is well in `health`.

pub mod health;
mod process;
mod text;

use liq_spool::State;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::event::Reject;
use crate::server::{Board, Figures};
use crate::sink::counts::Counts;
use crate::venue::Venue;
use health::Health;
pub use text::Form;

/// Bounds of the histogram of delivery times, seconds: an event that waits out a failover is in it too.
const DELIVERY_SECONDS: [f64; 16] =
    [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0, 10.0, 60.0, 600.0, 3_600.0, 86_400.0];
/// Bounds of the histogram of the time from socket to spool, seconds.
const SPOOL_SECONDS: [f64; 12] = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0];

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

/// What is counted of each venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// A connection was made.
    Connect,
    /// A connection ended.
    Disconnect,
    /// The control stream went silent.
    Silence,
    /// A request was refused.
    Refusal,
    /// A list of instruments could not be had.
    ListingFailure,
    /// An event was priced by an estimate.
    Estimate,
    /// An event came from asking for what was missed.
    Repair,
}

impl Count {
    const ALL: [Self; 7] = [
        Self::Connect,
        Self::Disconnect,
        Self::Silence,
        Self::Refusal,
        Self::ListingFailure,
        Self::Estimate,
        Self::Repair,
    ];

    const fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::Connect => ("connects", "Connections made to a venue"),
            Self::Disconnect => ("disconnects", "Connections to a venue that ended"),
            Self::Silence => ("silences", "Times the control stream went silent"),
            Self::Refusal => ("refusals", "Requests that a venue refused"),
            Self::ListingFailure => ("listing_failures", "Lists of instruments that could not be had"),
            Self::Estimate => ("estimates", "Events whose price is an estimate"),
            Self::Repair => ("repairs", "Events had by asking for what was missed, doubled ones included"),
        }
    }
}

/// Counters, gauges and the state of health.
pub struct Metrics {
    registry: Registry,
    /// Whether all is well.
    pub health: Health,
    /// What the server tells of itself.
    pub server: Arc<Board>,
    events: Family<OfVenue, Counter>,
    rejects: Family<OfReject, Counter>,
    counts: [Family<OfVenue, Counter>; Count::ALL.len()],
    connected: Family<OfVenue, Gauge>,
    lag: Family<OfVenue, FloatGauge>,
    gaps: Family<OfVenue, Counter<f64, AtomicU64>>,
    received: Counter,
    answers: Family<OfStatus, Counter>,
    signals: Counter,
    delivery: Histogram,
    spooling: Histogram,
    spooling_max: FloatGauge,
    spool: Gauge,
    spool_memory: Gauge,
    spool_limit: Gauge,
    spool_oldest: FloatGauge,
    spool_disk_up: Gauge,
    dropped: Counter,
    undecodable: Counter,
    lost_transactions: Counter,
    set_aside: Counter,
    refused: Counter,
    refused_series: Gauge,
    unrecorded: Counter,
    revived: Counter,
    rewinds: Counter,
    redis_up: Gauge,
    redis_failures: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            health: Health::default(),
            server: Arc::default(),
            events: Family::default(),
            rejects: Family::default(),
            counts: std::array::from_fn(|_| Family::default()),
            connected: Family::default(),
            lag: Family::default(),
            gaps: Family::default(),
            received: Counter::default(),
            answers: Family::default(),
            signals: Counter::default(),
            delivery: Histogram::new(DELIVERY_SECONDS),
            spooling: Histogram::new(SPOOL_SECONDS),
            spooling_max: Gauge::default(),
            spool: Gauge::default(),
            spool_memory: Gauge::default(),
            spool_limit: Gauge::default(),
            spool_oldest: Gauge::default(),
            spool_disk_up: Gauge::default(),
            dropped: Counter::default(),
            undecodable: Counter::default(),
            lost_transactions: Counter::default(),
            set_aside: Counter::default(),
            refused: Counter::default(),
            refused_series: Gauge::default(),
            unrecorded: Counter::default(),
            revived: Counter::default(),
            rewinds: Counter::default(),
            redis_up: Gauge::default(),
            redis_failures: Counter::default(),
        };
        let mut registry = Registry::default();
        metrics.register(registry.sub_registry_with_prefix("liq_ingest"));
        registry.register_collector(Box::new(process::Process::new()));
        registry.register_collector(Box::new(Figures(Arc::clone(&metrics.server))));
        metrics.registry = registry;
        for field in Counts::statuses() {
            drop(metrics.answers.get_or_create(&OfStatus { status: field }));
        }
        metrics
    }
}

impl Metrics {
    fn register(&self, registry: &mut Registry) {
        registry.register("build", "What runs", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        registry.register("events", "Liquidations read", self.events.clone());
        registry.register("rejects", "Items that gave no event, by reason", self.rejects.clone());
        for (count, family) in Count::ALL.iter().zip(&self.counts) {
            let (name, help) = count.name();
            registry.register(name, help, family.clone());
        }
        registry.register("connected", "Connections to a venue that stand", self.connected.clone());
        registry.register("lag_seconds", "Receive time less exchange time of the last event", self.lag.clone());
        registry.register("gap_seconds", "Time without a connection that nothing made good", self.gaps.clone());
        registry.register("received", "Events taken into the spool", self.received.clone());
        registry.register("answers", "Events by the status Redis answered", self.answers.clone());
        registry.register("signals", "Signals that Redis answered", self.signals.clone());
        registry.register("delivery_seconds", "From the frame to Redis' answer", self.delivery.clone());
        registry.register("spool_seconds", "From the frame to the spool", self.spooling.clone());
        registry.register("spool_max_seconds", "The longest way from a frame to the spool", self.spooling_max.clone());
        registry.register("spool_events", "Events that were not delivered", self.spool.clone());
        registry.register("spool_memory_events", "Those of them that only memory holds", self.spool_memory.clone());
        registry.register("spool_limit_events", "The most events the spool holds", self.spool_limit.clone());
        registry.register("spool_oldest_seconds", "Age of the oldest undelivered event", self.spool_oldest.clone());
        registry.register("spool_disk_up", "Whether the disk takes and gives events", self.spool_disk_up.clone());
        registry.register("spool_dropped", "Events dropped because the spool was full", self.dropped.clone());
        registry.register("spool_undecodable", "Rows of the spool that held no event", self.undecodable.clone());
        let lost = "Transactions of the spool's log that were written and cannot be read";
        registry.register("spool_lost_transactions", lost, self.lost_transactions.clone());
        registry.register("spool_set_aside", "Spool files that could not be used", self.set_aside.clone());
        registry.register("redis_refused", "Events that Redis will never take", self.refused.clone());
        registry.register("redis_refused_series", "Series that Redis refuses", self.refused_series.clone());
        registry.register("redis_revived_series", "Times a series was gone and made anew", self.revived.clone());
        registry.register("redis_rewinds", "Times another server answered", self.rewinds.clone());
        registry.register("unrecorded_frames", "Frames that the recorder could not write", self.unrecorded.clone());
        registry.register("redis_up", "Whether Redis takes events", self.redis_up.clone());
        registry.register("redis_failures", "Failed deliveries", self.redis_failures.clone());
    }

    /// Begins a venue's figures at zero, so that a rate over them is true from the first event on.
    pub fn begin(&self, venue: Venue) {
        drop(self.events.get_or_create(&of(venue)));
        self.counts.iter().for_each(|family| drop(family.get_or_create(&of(venue))));
        drop(self.connected.get_or_create(&of(venue)));
        drop(self.gaps.get_or_create(&of(venue)));
        for reject in Reject::ALL {
            drop(self.rejects.get_or_create(&OfReject { venue: venue.name(), reason: reject.name() }));
        }
    }

    /// The venue's events of one frame.
    pub fn events(&self, venue: Venue, count: u64) {
        self.events.get_or_create(&of(venue)).inc_by(count);
    }

    /// One reject.
    pub fn reject(&self, venue: Venue, reject: Reject) {
        self.rejects.get_or_create(&OfReject { venue: venue.name(), reason: reject.name() }).inc();
    }

    /// Receive time less exchange time, which may be negative.
    pub fn lag(&self, venue: Venue, received_us: i64, exchange_ms: u64) {
        let lag_us = received_us as f64 - exchange_ms as f64 * 1_000.0;
        self.lag.get_or_create(&of(venue)).set(lag_us / 1e6);
    }

    /// Something happened at a venue.
    pub fn count(&self, venue: Venue, count: Count) {
        if let Some(family) = self.counts.get(count as usize) {
            family.get_or_create(&of(venue)).inc();
        }
    }

    /// Events were priced by an estimate.
    pub fn estimates(&self, venue: Venue, events: u64) {
        if let Some(family) = self.counts.get(Count::Estimate as usize).filter(|_| events > 0) {
            family.get_or_create(&of(venue)).inc_by(events);
        }
    }

    /// Events came from asking for what was missed.
    pub fn repaired(&self, venue: Venue, events: u64) {
        self.events(venue, events);
        if let Some(family) = self.counts.get(Count::Repair as usize) {
            family.get_or_create(&of(venue)).inc_by(events);
        }
    }

    /// A connection stands, or ended.
    pub fn connection(&self, venue: Venue, stands: bool) {
        self.count(venue, if stands { Count::Connect } else { Count::Disconnect });
        self.connected.get_or_create(&of(venue)).inc_by(if stands { 1 } else { -1 });
    }

    /// Nothing came for so long, and what may have happened meanwhile cannot be asked for.
    pub fn gap(&self, venue: Venue, seconds: f64) {
        self.gaps.get_or_create(&of(venue)).inc_by(seconds.max(0.0));
    }

    /// Events are on the spool.
    pub fn received(&self, events: u64) {
        self.received.inc_by(events);
    }

    /// A batch was counted.
    pub fn answered(&self, counts: &Counts) {
        for (status, count) in counts.iter().filter(|(status, count)| *count > 0 && *status != "signals") {
            self.answers.get_or_create(&OfStatus { status }).inc_by(count);
        }
        self.signals.inc_by(counts.get("signals"));
    }

    /// An event was counted so many microseconds after its frame came.
    pub fn delivered_after(&self, passed_us: i64) {
        self.delivery.observe(passed_us.max(0) as f64 / 1e6);
    }

    /// An event was on the spool so many microseconds after its frame came.
    pub fn spooled_after(&self, passed_us: i64) {
        let seconds = passed_us.max(0) as f64 / 1e6;
        self.spooling.observe(seconds);
        if seconds > self.spooling_max.get() {
            self.spooling_max.set(seconds);
        }
    }

    /// The spool's state.
    pub fn spool(&self, state: State, limit: u64) {
        let gauge = |events: u64| i64::try_from(events).unwrap_or(i64::MAX);
        self.spool.set(gauge(state.waiting));
        self.spool_memory.set(gauge(state.in_memory));
        self.spool_limit.set(gauge(limit));
        self.spool_disk_up.set(state.trouble.is_none().into());
        self.dropped(state.dropped);
        self.undecodable.inc_by(state.undecodable);
        self.lost_transactions.inc_by(state.lost_transactions);
        self.set_aside.inc_by(state.set_aside);
        self.health.spool(state, limit);
    }

    /// Events were dropped because there was no room.
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
        self.health.refused_series(count);
    }

    /// A frame could not be recorded.
    pub fn unrecorded(&self, count: u64) {
        self.unrecorded.inc_by(count);
    }

    /// A series that had been there was made anew.
    pub fn revived(&self) {
        self.revived.inc();
    }

    /// Another server answered, and was told again what the last one had been told.
    pub fn rewound(&self) {
        self.rewinds.inc();
    }

    /// Redis is asked something, or has answered.
    pub fn redis_asked(&self, is_waiting: bool) {
        self.health.redis_asked(is_waiting);
    }

    /// How the last attempt went.
    pub fn redis(&self, outcome: Result<(), String>) {
        self.redis_up.set(outcome.is_ok().into());
        if outcome.is_err() {
            self.redis_failures.inc();
        }
        self.health.redis(outcome);
    }

    /// All figures as text.
    pub fn text(&self, form: Form) -> String {
        self.spool_oldest.set(self.health.oldest_seconds());
        text::write(&self.registry, form)
    }
}

const fn of(venue: Venue) -> OfVenue {
    OfVenue { venue: venue.name() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_begin_at_zero_and_carry_their_venue() {
        let metrics = Metrics::default();
        metrics.begin(Venue::Okx);
        metrics.events(Venue::Okx, 3);
        metrics.reject(Venue::Okx, Reject::UnknownMultiplier);
        metrics.spool(State { waiting: 95, ..State::default() }, 100);
        let text = metrics.text(Form::Plain);
        for line in [
            "liq_ingest_events_total{venue=\"okx\"} 3",
            "liq_ingest_rejects_total{venue=\"okx\",reason=\"unknown_multiplier\"} 1",
            "liq_ingest_rejects_total{venue=\"okx\",reason=\"no_price\"} 0",
            "liq_ingest_answers_total{status=\"late\"} 0",
            "liq_ingest_spool_events 95",
            "# TYPE liq_ingest_events_total counter",
            "process_open_fds ",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert!(!text.contains("# EOF"));
        assert!(metrics.text(Form::OpenMetrics).ends_with("# EOF\n"));
    }
}
