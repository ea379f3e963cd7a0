//! The live sink: events go to the spool as they come, from there to Redis, and out of the spool when they were counted.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use liq_core::liq::series::ClockMode;
use redis::Value;
use tokio::sync::mpsc;

use super::backoff::Backoff;
use super::courier::{Courier, DeliveryError, Receipt, Refusal, Shipment};
use super::spool::{Series, Spool, SpoolError};
use super::thresholds::Thresholds;
use crate::config::{Config, ConfigError};
use crate::event::Event;
use crate::metrics::Metrics;

/// Events that wait for the sink; then those who read the venues wait.
pub const QUEUE: usize = 8192;
/// Events taken into the spool at once.
const MOST_TAKEN: usize = 1024;
/// Series that get a batch in one delivery.
const MOST_SERIES: usize = 256;
/// How often Redis is asked whether it lives while there is nothing to deliver.
const PING_EVERY: Duration = Duration::from_secs(5);
/// How long a series that the server refuses for good is left alone.
const REFUSED_PAUSE: Duration = Duration::from_secs(30);

/// An event and when its frame came.
pub type Arrived = (Event, Instant);

/// Why the sink ended.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The disk does not take events.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The settings do not do.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// Takes events until the senders are gone, then delivers what it can within a moment; the rest waits on disk.
pub struct LiveSink {
    config: Arc<Config>,
    metrics: Arc<Metrics>,
    spool: Spool,
    courier: Courier,
    backoff: Backoff,
    /// No delivery is tried before.
    not_before: Option<Instant>,
    /// Series that are refused for good, and until when they are left alone.
    refused: HashMap<i64, Instant>,
    thresholds: Thresholds,
    /// When the frames of events came that are not delivered yet, as long as deliveries work.
    arrivals: Vec<Instant>,
    /// When Redis answered, or was found not to.
    last_contact: Instant,
}

impl LiveSink {
    /// Opens the spool; connects when there is something to deliver.
    pub fn open(config: Arc<Config>, metrics: Arc<Metrics>) -> Result<Self, SinkError> {
        let spool = Spool::open(&config.state_dir, config.spool_events)?;
        metrics.spool(spool.len(), spool.most_events());
        let courier = Courier::new(&config.redis)?;
        Ok(Self {
            config,
            metrics,
            spool,
            courier,
            backoff: Backoff::new(Duration::from_millis(50), Duration::from_secs(5)),
            not_before: None,
            refused: HashMap::new(),
            thresholds: Thresholds::default(),
            arrivals: Vec::new(),
            last_contact: Instant::now(),
        })
    }

    /// Runs until every sender is gone and the spool is empty, or Redis is away then.
    pub async fn run(mut self, mut events: mpsc::Receiver<Arrived>) -> Result<(), SinkError> {
        let mut taken: Vec<Arrived> = Vec::with_capacity(MOST_TAKEN);
        // Redis is asked at the start, so that health tells the truth before the first event.
        self.ping().await;
        loop {
            let is_over = !self.take(&mut events, &mut taken).await;
            if !taken.is_empty() {
                self.store(&mut taken)?;
            }
            if self.may_try() {
                self.deliver().await?;
                if self.spool.is_empty() && self.last_contact.elapsed() >= PING_EVERY {
                    self.ping().await;
                }
            }
            self.metrics.spool(self.spool.len(), self.spool.most_events());
            if is_over && (self.spool.is_empty() || self.not_before.is_some() || !self.has_deliverable()) {
                return Ok(());
            }
        }
    }

    /// Waits for events, or for the moment to try again; false when no more events can come.
    async fn take(&mut self, events: &mut mpsc::Receiver<Arrived>, taken: &mut Vec<Arrived>) -> bool {
        if !self.spool.is_empty() && self.may_try() && self.has_deliverable() {
            // There is work: look what came meanwhile, but wait for nothing.
            while taken.len() < MOST_TAKEN {
                match events.try_recv() {
                    Ok(event) => taken.push(event),
                    Err(mpsc::error::TryRecvError::Empty) => return true,
                    Err(mpsc::error::TryRecvError::Disconnected) => return false,
                }
            }
            return true;
        }
        let wake = self.wake_at();
        tokio::select! {
            count = events.recv_many(taken, MOST_TAKEN) => {
                if count == 0 {
                    return false;
                }
            }
            () = tokio::time::sleep_until(wake.into()) => return true,
        }
        if !self.config.linger.is_zero() {
            let end = tokio::time::Instant::now() + self.config.linger;
            while taken.len() < MOST_TAKEN {
                let room = MOST_TAKEN - taken.len();
                match tokio::time::timeout_at(end, events.recv_many(taken, room)).await {
                    Ok(0) => return false,
                    Ok(_) => {}
                    Err(_) => break,
                }
            }
        }
        true
    }

    fn wake_at(&self) -> Instant {
        const IDLE: Duration = Duration::from_secs(1);
        let idle = Instant::now() + IDLE;
        self.not_before.map_or(idle, |at| at.min(idle))
    }

    fn may_try(&self) -> bool {
        self.not_before.is_none_or(|at| Instant::now() >= at)
    }

    /// Whether anything waits that is not left alone just now.
    fn has_deliverable(&mut self) -> bool {
        let now = Instant::now();
        self.refused.retain(|_, until| *until > now);
        self.metrics.refused_series(self.refused.len());
        self.refused.is_empty() || self.spool.has_waiting(|series| self.refused.contains_key(&series))
    }

    fn store(&mut self, taken: &mut Vec<Arrived>) -> Result<(), SinkError> {
        let key = &self.config.key;
        let mut events = Vec::with_capacity(taken.len());
        let in_time = self.not_before.is_none() && self.arrivals.len() < 8 * MOST_TAKEN;
        for (event, arrived) in taken.drain(..) {
            if in_time {
                self.arrivals.push(arrived);
            }
            events.push((self.spool.key_of(key, &event), event));
        }
        let smallest = |event: &Event| {
            let options = self.config.series.options_of(&event.symbol, &event.exchange, ClockMode::Server);
            options.ok().and_then(|options| options.min_size).unwrap_or_default()
        };
        let dropped = self.spool.append(&events, key.is_per_exchange(), smallest)?;
        if dropped > 0 {
            self.metrics.dropped(dropped);
            tracing::warn!(dropped, "the spool is full: the smallest events went");
        }
        Ok(())
    }

    /// One attempt to deliver a batch of each waiting series.
    async fn deliver(&mut self) -> Result<(), SinkError> {
        let refused = &self.refused;
        let batches =
            self.spool.next_batches(MOST_SERIES, self.config.batch, |series| refused.contains_key(&series))?;
        if batches.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = batches.iter().map(|(series, _)| Arc::clone(&series.key)).collect();
        let config = Arc::clone(&self.config);
        let options_of = |place: usize| match batches.get(place) {
            Some((series, _)) => config.series.options_of(&series.symbol, &series.exchange, ClockMode::Server),
            None => config.series.options_of("", "", ClockMode::Server),
        };
        let refusals = match self.courier.ensure(&keys, options_of).await {
            Ok(refusals) => refusals,
            Err(DeliveryError::Redis(error)) => {
                self.fail(&error.to_string());
                return Ok(());
            }
            Err(DeliveryError::Config(error)) => return Err(error.into()),
        };
        let (mut sent, mut shipments) = (Vec::new(), Vec::new());
        for ((series, packed), refusal) in batches.into_iter().zip(refusals) {
            match refusal {
                Some(refusal) => self.refuse(&series, 0, &refusal)?,
                None => {
                    let (key, producer) = (Arc::clone(&series.key), self.spool.producer());
                    shipments.push(Shipment { key, producer, batches: vec![packed] });
                    sent.push(series);
                }
            }
        }
        match self.courier.deliver(&shipments).await {
            Ok(receipts) => self.settle(sent, &shipments, receipts).await,
            Err(error) => {
                self.fail(&error.to_string());
                Ok(())
            }
        }
    }

    async fn settle(
        &mut self,
        sent: Vec<Series>,
        shipments: &[Shipment],
        receipts: Vec<Receipt>,
    ) -> Result<(), SinkError> {
        let (mut settled, mut passing) = (Vec::with_capacity(sent.len()), None);
        for ((series, shipment), receipt) in sent.iter().zip(shipments).zip(receipts) {
            let seq = shipment.batches.first().map_or(0, |packed| packed.seq);
            match receipt {
                Receipt::Delivered(counts) => {
                    counts.iter().for_each(|counts| self.metrics.answered(counts));
                    settled.push((series.id, seq));
                }
                Receipt::Refused(refusal) if refusal.passes => passing = Some(refusal.text),
                Receipt::Refused(refusal) => self.refuse(series, seq, &refusal)?,
            }
        }
        self.spool.settle(&settled)?;
        match passing {
            Some(text) => self.fail(&text),
            None => self.succeed(),
        }
        let delivered = sent.into_iter().filter(|series| settled.iter().any(|(id, _)| *id == series.id));
        self.thresholds.learn(delivered.collect(), &mut self.courier, &mut self.spool).await?;
        Ok(())
    }

    /// A refusal that will not pass: an event that the server never takes goes, a series that it refuses waits.
    fn refuse(&mut self, series: &Series, seq: u64, refusal: &Refusal) -> Result<(), SinkError> {
        if refusal.passes {
            self.fail(&refusal.text);
            return Ok(());
        }
        if let Some(place) = item_of(&refusal.text) {
            self.metrics.refused();
            tracing::error!(key = %series.key, refusal = refusal.text, "an event was refused and is dropped");
            self.spool.discard(series.id, seq, place)?;
            return Ok(());
        }
        if self.refused.insert(series.id, Instant::now() + REFUSED_PAUSE).is_none() {
            self.metrics.refused_series(self.refused.len());
            tracing::error!(key = %series.key, refusal = refusal.text, "the series is refused; its events wait");
        }
        Ok(())
    }

    fn fail(&mut self, why: &str) {
        self.last_contact = Instant::now();
        let wait = self.backoff.next_wait();
        self.not_before = Some(Instant::now() + wait);
        self.arrivals.clear();
        self.metrics.redis(false);
        if self.backoff.failures().is_power_of_two() {
            tracing::warn!(why, waiting = self.spool.len(), "redis takes no events; they wait on disk");
        }
    }

    fn succeed(&mut self) {
        self.last_contact = Instant::now();
        if self.backoff.failures() > 0 {
            tracing::info!(waiting = self.spool.len(), "redis takes events again");
        }
        self.backoff.reset();
        self.not_before = None;
        self.metrics.redis(true);
        for arrived in self.arrivals.drain(..) {
            self.metrics.delivered_after(arrived.elapsed());
        }
    }

    async fn ping(&mut self) {
        let mut pipeline = redis::Pipeline::new();
        pipeline.cmd("PING");
        match self.courier.ask(&pipeline).await {
            Ok(replies) => match replies.into_iter().next() {
                Some(Value::ServerError(error)) => self.fail(error.details().unwrap_or(error.code())),
                _ => self.succeed(),
            },
            Err(error) => self.fail(&error.to_string()),
        }
    }
}

/// The place that `ERR item 3: price: …` names.
fn item_of(text: &str) -> Option<usize> {
    text.strip_prefix("ERR item ")?.split(':').next()?.parse().ok()
}
