//! What all feeds share, and what is known across their connections: when each was last heard, and what came twice.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::{mpsc, watch};

use super::backfill::{self, CANDLE_IS_MADE_MS, Minutes};
use super::feed::Pacer;
use super::hearing::{Heard, Moment};
use super::instruments::Instruments;
use super::plan::{self, Plan};
use super::recorder::Recorder;
use super::repair::{self, Missed};
use super::rest::asked;
use crate::config::Config;
use crate::event::Event;
use crate::item::Item;
use crate::metrics::Metrics;
use crate::rejects::RejectsFile;
use crate::sink::{Arrived, now_us};
use crate::venue::{Decoder, Venue, Wanted, bitmex};

const MINUTE_MS: u64 = 60_000;
/// What was missed is asked for by the venue's clock, known by this machine's: so much earlier and later, too. What came
/// before is recognised.
pub const CLOCKS_DIFFER_MS: u64 = 5_000;
/// How long a spool that takes nothing is waited for when the program ends.
const TAKEN_WITHIN: Duration = Duration::from_secs(1);
/// Ids that are remembered of a venue whose events carry no time of their own.
const MOST_IDS: usize = 4096;

/// The newest ids, in the order in which they came.
#[derive(Default)]
struct Ids {
    order: VecDeque<Box<str>>,
    known: HashSet<Box<str>>,
}

impl Ids {
    /// Remembers an id; false when it is known.
    fn is_new(&mut self, id: &str) -> bool {
        if self.known.contains(id) {
            return false;
        }
        self.known.insert(id.into());
        self.order.push_back(id.into());
        if self.order.len() > MOST_IDS
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

impl Ids {
    /// Notes an event, and its price; false when another was noted of this id and time.
    fn note(&mut self, event: &Event) -> bool {
        let is_new = self.is_new(&format!("{} {}", event.id, event.ts_ms));
        is_new && self.is_new(&at_its_price(event))
    }

    fn knows(&self, id: &str) -> bool {
        self.known.contains(id)
    }
}

fn at_its_price(event: &Event) -> String {
    format!("{} {} {}", event.id, event.ts_ms, event.price)
}

/// How much of a frame came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeated {
    /// None of it.
    Nothing,
    /// Some of its events.
    Part,
    /// All of them.
    All,
}

/// What all feeds share.
pub struct Shared {
    /// The configuration.
    pub config: Arc<Config>,
    /// Counters and health.
    pub metrics: Arc<Metrics>,
    /// Where rejects are kept.
    pub rejects: Mutex<RejectsFile>,
    /// Where events go.
    pub events: mpsc::Sender<Arrived>,
    /// True when the program is to end.
    pub stop: watch::Receiver<bool>,
    /// What is known of the venues' instruments.
    pub instruments: Instruments,
    /// Who records the frames, where that is wanted.
    pub(super) recorder: Option<Recorder>,
    pacers: [Pacer; Venue::ALL.len()],
    heard: Mutex<Heard>,
    ids: Mutex<Ids>,
    /// Liquidations of Bitfinex that were handed on lately.
    told: Mutex<Ids>,
}

impl Shared {
    /// What feeds of this configuration share.
    pub fn new(
        config: Arc<Config>,
        metrics: Arc<Metrics>,
        events: mpsc::Sender<Arrived>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self {
            rejects: Mutex::new(RejectsFile::new(config.state_dir.join("rejects.ndjson"))),
            instruments: Instruments::open(&config.state_dir),
            config,
            metrics,
            events,
            stop,
            recorder: None,
            pacers: std::array::from_fn(|_| Pacer::default()),
            heard: Mutex::default(),
            ids: Mutex::default(),
            told: Mutex::default(),
        }
    }

    /// Hands something to the spool, and waits while that takes nothing; false when it is lost, as nobody takes it any more.
    pub async fn hand_on(&self, arrived: Arrived) -> bool {
        let mut stop = self.stop.clone();
        let given_up = async {
            stopped(&mut stop).await;
            tokio::time::sleep(TAKEN_WITHIN).await;
        };
        let is_taken = tokio::select! {
            biased;
            sent = self.events.send(arrived) => sent.is_ok(),
            () = given_up => false,
        };
        self.metrics.dropped(u64::from(!is_taken));
        is_taken
    }

    /// The venue's connections lately.
    pub fn pacer(&self, venue: Venue) -> &Pacer {
        // The place is below the length: there is one for each venue.
        self.pacers.get(venue as usize).unwrap_or_else(|| &self.pacers[0])
    }

    /// When topics were last heard.
    pub fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All is heard over a connection: what was missed since a moment, Unix microseconds, is asked for where that can be
    /// done.
    pub fn resumed(self: &Arc<Self>, plan: &Plan, since_us: Option<i64>, now: Moment) {
        if let Some(wanted) = &plan.markets {
            self.backfilled(plan.venue, Arc::clone(wanted), since_us);
        }
        if let Some(since_us) = since_us {
            self.make_good(plan, since_us, now);
        }
    }

    /// The same of some topics, when all else was heard before.
    pub fn regained(self: &Arc<Self>, plan: &Plan, topics: &[String], since_us: i64, now: Moment) {
        let missed_s = (now.wall_us - since_us) / 1_000_000;
        tracing::info!(name = plan.name, topics = topics.join(", "), missed_s, "heard later than all else");
        if let Some(wanted) = &plan.markets {
            let is_told = |instrument: &&String| topics.iter().any(|topic| plan::is_about(topic, instrument));
            let instruments: Vec<String> = wanted.instruments.iter().filter(is_told).cloned().collect();
            if !instruments.is_empty() {
                let wanted = Wanted { instruments, ..Wanted::clone(wanted) };
                self.backfilled(plan.venue, Arc::new(wanted), Some(since_us));
            }
        }
        self.make_good(plan, since_us, now);
    }

    fn backfilled(self: &Arc<Self>, venue: Venue, wanted: Arc<Wanted>, since_us: Option<i64>) {
        let from_ms = since_us.map_or(0, |since_us| ms(since_us).saturating_sub(CLOCKS_DIFFER_MS));
        let (shared, mut stop) = (Arc::clone(self), self.stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = shared.backfill(venue, &wanted, from_ms) => {}
                () = stopped(&mut stop) => {}
            }
        });
    }

    /// Asks for liquidations since a moment, or counts the time where no venue can be asked.
    fn make_good(self: &Arc<Self>, plan: &Plan, since_us: i64, now: Moment) {
        let venue = plan.venue;
        if plan.markets.is_some() || !repair::is_possible(venue) {
            let uncounted_us = self.heard().uncounted_us(&plan.name, since_us, now);
            self.metrics.gap(venue, uncounted_us as f64 / 1e6);
            return;
        }
        let (span, shared, mut stop) = ((ms(since_us), ms(now.wall_us)), Arc::clone(self), self.stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = shared.repair(venue, span) => {}
                // The venue may never answer, and whoever waits for it holds the door of the spool open.
                () = stopped(&mut stop) => {}
            }
        });
    }

    /// Asks for the candles since a moment, Unix milliseconds: at once, and again when the minute has ended in which the
    /// feed came back.
    async fn backfill(&self, venue: Venue, wanted: &Wanted, from_ms: u64) {
        let resumed = Instant::now();
        let told_ms = self.ask_candles(venue, wanted, from_ms.saturating_sub(MINUTE_MS)).await;
        let at_ms = told_ms.unwrap_or_else(|| now_ms().saturating_sub(CLOCKS_DIFFER_MS));
        tokio::time::sleep(until_its_minute_is_made(at_ms, resumed.elapsed())).await;
        let passed_ms = resumed.elapsed().as_millis() as u64;
        self.ask_candles(venue, wanted, now_ms().saturating_sub(passed_ms + MINUTE_MS)).await;
    }

    /// Asks for the candles since a moment by this machine's clock; the venue's time, if it told that.
    async fn ask_candles(&self, venue: Venue, wanted: &Wanted, from_ms: u64) -> Option<u64> {
        let mut told_ms = None;
        for instrument in &wanted.instruments {
            let (settings, contracts, instrument) =
                (self.config.venue(venue), self.config.contracts(), instrument.clone());
            let question = move || {
                let span = (from_ms, now_ms());
                backfill::ask(venue, &settings, &mut Decoder::new(contracts.clone()), &instrument, span)
            };
            match asked(question).await {
                Ok(Minutes { items, at_ms }) => {
                    told_ms = at_ms;
                    self.metrics.repaired(venue, items.len() as u64);
                    let at_us = now_us();
                    for item in items {
                        if self.events.send(Arrived { item: Item::Market(item), at_us }).await.is_err() {
                            return None;
                        }
                    }
                }
                Err(why) => {
                    told_ms = None;
                    tracing::warn!(venue = venue.name(), why, "candles cannot be asked for");
                }
            }
        }
        told_ms
    }

    async fn repair(self: Arc<Self>, venue: Venue, (from_ms, to_ms): (u64, u64)) {
        let span = (from_ms.saturating_sub(CLOCKS_DIFFER_MS), to_ms + CLOCKS_DIFFER_MS);
        let settings = self.config.venue(venue);
        let mut contracts = self.config.contracts();
        self.instruments.add_to(&mut contracts);
        let started = Instant::now();
        let joins_dated = self.config.joins_dated;
        match asked(move || repair::ask(venue, &settings, &contracts, joins_dated, span)).await {
            Ok(Missed { mut events, lacking }) => {
                if !lacking.is_empty() {
                    let lacking = lacking.join(", ");
                    tracing::warn!(venue = venue.name(), lacking, "not all of what was missed could be had");
                    self.metrics.gap(venue, to_ms.saturating_sub(from_ms) as f64 / 1e3);
                }
                events.retain(|event| self.is_untold(venue, event));
                tracing::info!(venue = venue.name(), found = events.len(), took = ?started.elapsed(), "asked for what was missed");
                self.metrics.repaired(venue, events.len() as u64);
                let at_us = now_us();
                for event in events {
                    if let Some(recorder) = &self.recorder {
                        recorder.event(at_us, &event);
                    }
                    if self.events.send(Arrived { item: Item::Liquidation(event), at_us }).await.is_err() {
                        return;
                    }
                }
            }
            Err(why) => {
                tracing::warn!(venue = venue.name(), why, "what was missed cannot be asked for");
                self.metrics.gap(venue, to_ms.saturating_sub(from_ms) as f64 / 1e3);
            }
        }
    }

    /// Notes an event that a venue told afterwards; false when it was handed on before. Of Bitfinex the server cannot know
    /// it again: the price of a liquidation that was heard may have been an estimate, and what is told afterwards another.
    fn is_untold(&self, venue: Venue, event: &Event) -> bool {
        venue != Venue::Bitfinex || self.told.lock().map_or(true, |mut told| told.note(event))
    }

    /// Notes an event that was heard; true when it was handed on before at another price, so that the server would not
    /// know it again.
    pub fn is_told_otherwise(&self, venue: Venue, event: &Event) -> bool {
        venue == Venue::Bitfinex
            && self.told.lock().is_ok_and(|mut told| !told.note(event) && !told.knows(&at_its_price(event)))
    }

    /// Takes out of a frame what came before over another connection: where the venue tells no time, the server cannot know
    /// it again.
    pub fn drop_repeated(&self, venue: Venue, frame: &mut Value) -> Repeated {
        let rows = match venue {
            Venue::Bitmex => bitmex::liquidations_in(frame),
            _ => None,
        };
        let (Some(rows), Ok(mut ids)) = (rows, self.ids.lock()) else { return Repeated::Nothing };
        let before = rows.len();
        rows.retain(|row| bitmex::id_of(row).is_none_or(|id| ids.is_new(id)));
        match rows.len() {
            left if left == before => Repeated::Nothing,
            0 => Repeated::All,
            _ => Repeated::Part,
        }
    }
}

/// How long until a venue has its candle of the minute in which something was so long ago, when its time is this.
const fn until_its_minute_is_made(at_ms: u64, ago: Duration) -> Duration {
    let was_ms = at_ms.saturating_sub(ago.as_millis() as u64);
    let end_ms = was_ms - was_ms % MINUTE_MS + MINUTE_MS;
    Duration::from_millis(end_ms.saturating_sub(at_ms) + CANDLE_IS_MADE_MS)
}

fn now_ms() -> u64 {
    ms(now_us())
}

fn ms(us: i64) -> u64 {
    u64::try_from(us / 1_000).unwrap_or_default()
}

/// Ends when the program is to end.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone means the same.
    let _ = stop.wait_for(|stop| *stop).await.is_ok();
}
