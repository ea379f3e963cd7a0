//! The live sink: what waits in the spool goes to Redis, and out of the spool when it was counted there. It never holds
//! up the spool, let alone those who read the venues.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use liq_core::settings::ClockMode;
use liq_spool::{Consignment, Place, Series};
use redis::RedisError;
use tokio::sync::{mpsc, watch};

use super::backoff::Backoff;
use super::courier::{Courier, DeliveryError, Receipt, Refusal, Shipment};
use super::ending::{ended, time_is_up};
use super::fleeting::Offer;
use super::probe;
use super::rows::{home_of, shipment_of};
use super::share::Share;
use super::spooler::{self, Desk};
use super::store::Store;
use super::thresholds::Thresholds;
use super::{Arrived, SpoolError, now_us};
use crate::config::{Config, ConfigError};
use crate::item::Home;
use crate::metrics::Metrics;
use crate::metrics::health::PATIENCE;

/// How often Redis is asked whether it lives while there is nothing to deliver.
const PING_EVERY: Duration = Duration::from_secs(1);
/// A server that is gone is noticed at the next question at the latest, and health is red within five seconds.
const _: () = assert!(PING_EVERY.as_secs() + PATIENCE.as_secs() < 5);
/// How long a series that the server refuses for good is left alone.
const REFUSED_PAUSE: Duration = Duration::from_secs(30);

/// Why the sink ended.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The spool cannot be opened.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// Its thread cannot be started.
    #[error("spool: {0}")]
    Thread(#[from] std::io::Error),
    /// The settings do not do.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The spool's thread is gone.
    #[error("the spool's thread ended unexpectedly")]
    Gone,
}

/// What became of an attempt.
enum Attempt {
    /// Something was delivered, or there was nothing to deliver.
    Made,
    /// Redis takes nothing just now.
    Failed(String),
    /// The spool cannot be read just now, as it says itself; Redis answers.
    Unread,
}

/// Delivers until no more events come, then what it can within a moment; the rest waits on disk.
pub struct LiveSink {
    config: Arc<Config>,
    metrics: Arc<Metrics>,
    desk: Desk,
    courier: Courier,
    share: Share,
    backoff: Backoff,
    /// Between attempts to read the spool.
    reading: Backoff,
    /// No delivery is tried before.
    not_before: Option<Instant>,
    /// Another server answers than the one that took what is still held, and may lack it: it goes before anything else.
    must_rewind: bool,
    /// Keys that are refused for good, and until when they are left alone.
    refused: HashMap<Arc<str>, Instant>,
    thresholds: Thresholds,
    /// When Redis answered, or was found not to.
    last_contact: Option<Instant>,
    /// When it was last asked with success whether it takes events.
    heard_at: Option<Instant>,
}

impl LiveSink {
    /// Opens the spool and starts its thread; connects when it runs.
    pub fn open(
        config: Arc<Config>,
        metrics: Arc<Metrics>,
        events: mpsc::Receiver<Arrived>,
    ) -> Result<Self, SinkError> {
        let courier = Courier::new(&config.redis)?;
        let store = Store::open(&config.state_dir, config.spool_events, config.spool_grace)?;
        let (desk, _) = spooler::start(store, Arc::clone(&config), Arc::clone(&metrics), events)?;
        Ok(Self {
            config,
            metrics,
            desk,
            courier,
            share: Share::default(),
            backoff: Backoff::new(Duration::from_millis(50), Duration::from_secs(2)),
            reading: Backoff::new(Duration::from_millis(50), Duration::from_secs(1)),
            not_before: None,
            must_rewind: false,
            refused: HashMap::new(),
            thresholds: Thresholds::default(),
            last_contact: None,
            heard_at: None,
        })
    }

    /// Runs until no more events come and all are delivered, or cannot be just then, or `stop` is true and the disk does not
    /// answer.
    pub async fn run(mut self, stop: watch::Receiver<bool>) -> Result<(), SinkError> {
        let (is_over, metrics) = (self.desk.is_over.clone(), Arc::clone(&self.metrics));
        let ending = time_is_up(is_over, stop, &metrics);
        tokio::pin!(ending);
        loop {
            tokio::select! {
                ended = self.turn() => if ended? { return Ok(()) },
                () = &mut ending => return Ok(()),
            }
        }
    }

    /// Waits for work and does it; true when there is no more to come and none left.
    async fn turn(&mut self) -> Result<bool, SinkError> {
        if let Some(at) = self.not_before {
            tokio::time::sleep_until(at.into()).await;
            self.not_before = None;
        }
        // First whether all has come: otherwise the last to come would be left on disk by a look before it.
        let is_over = *self.desk.is_over.borrow();
        let has_work = self.has_deliverable().await?;
        if has_work || self.last_contact.is_none_or(|at| at.elapsed() >= PING_EVERY) {
            self.metrics.redis_asked(true);
            let attempt = self.attempt(has_work).await;
            self.metrics.redis_asked(false);
            self.conclude(&attempt?);
            self.last_contact = Some(Instant::now());
            return Ok(is_over && self.not_before.is_some());
        }
        if is_over {
            return Ok(true);
        }
        tokio::select! {
            () = self.desk.work.notified() => tokio::time::sleep(self.config.linger).await,
            () = ended(self.desk.is_over.clone()) => {}
            () = tokio::time::sleep(PING_EVERY) => {}
        }
        Ok(false)
    }

    /// Whether anything waits that is not left alone just now.
    async fn has_deliverable(&mut self) -> Result<bool, SinkError> {
        let now = Instant::now();
        self.refused.retain(|_, until| *until > now);
        self.metrics.refused_series(self.refused.len());
        let passed = self.passed();
        self.desk.ask(move |store| store.has_waiting(passed)).await.ok_or(SinkError::Gone)
    }

    fn passed(&self) -> impl Fn(&str) -> bool + Send + use<> {
        let refused: Vec<Arc<str>> = self.refused.keys().cloned().collect();
        move |key: &str| refused.iter().any(|refused| &**refused == key)
    }

    /// One attempt: to connect, and to deliver a batch of each waiting series, or to see whether Redis lives.
    async fn attempt(&mut self, has_work: bool) -> Result<Attempt, SinkError> {
        self.courier.set_patience(self.share.patience());
        match self.courier.connect().await {
            Ok(is_other) => self.must_rewind |= is_other,
            Err(error) => return Ok(Attempt::Failed(error.to_string())),
        }
        if self.must_rewind && !self.rewind().await? {
            return Ok(Attempt::Unread);
        }
        let delivered = if has_work { self.deliver().await? } else { Attempt::Made };
        if matches!(delivered, Attempt::Failed(_)) {
            return Ok(delivered);
        }
        // What memory holds goes also where the disk gives nothing.
        let offered = if has_work { self.offer().await? } else { Attempt::Made };
        let heard = if matches!(offered, Attempt::Made) { self.hear().await? } else { offered };
        Ok(if matches!(heard, Attempt::Made) { delivered } else { heard })
    }

    /// Has everything delivered again that is still held; false where the spool cannot be read.
    async fn rewind(&mut self) -> Result<bool, SinkError> {
        let rewound = self.desk.ask(|store| store.spool.rewind()).await.ok_or(SinkError::Gone)?;
        let Ok(events) = rewound else { return Ok(false) };
        self.must_rewind = false;
        tracing::info!(events, "another server answers: what was delivered a moment ago is delivered again");
        self.metrics.rewound();
        Ok(true)
    }

    /// Asks from time to time whether those answer who took the events, and would take more: only then what they took is
    /// safe after a while, and goes.
    async fn hear(&mut self) -> Result<Attempt, SinkError> {
        if self.heard_at.is_some_and(|at| at.elapsed() < PING_EVERY) {
            return Ok(Attempt::Made);
        }
        if let Err(why) = probe::ask(&mut self.courier, &self.config.key).await {
            return Ok(Attempt::Failed(why));
        }
        self.heard_at = Some(Instant::now());
        if self.courier.do_all_answer().await {
            self.desk.ask(|store| store.spool.hear()).await.ok_or(SinkError::Gone)?;
        }
        Ok(Attempt::Made)
    }

    async fn deliver(&mut self) -> Result<Attempt, SinkError> {
        let (passed, batch, most) = (self.passed(), self.config.batch, self.share.series());
        let next = self.desk.ask(move |store| store.spool.next(most, batch, passed)).await;
        let Ok(consignments) = next.ok_or(SinkError::Gone)? else { return Ok(Attempt::Unread) };
        let keys: Vec<_> = consignments.iter().map(|(_, one)| Arc::clone(&one.series.key)).collect();
        let homes: Vec<Home> = consignments.iter().map(|(_, one)| home_of(&one.series)).collect();
        let homes: Vec<&Home> = homes.iter().collect();
        let refusals = match self.courier.ensure(&keys, &homes, &self.config, ClockMode::Server).await {
            Ok(refusals) => refusals,
            Err(DeliveryError::Redis(error)) => return Ok(self.fewer(keys.len(), &error)),
            Err(DeliveryError::Config(error)) => return Err(error.into()),
        };
        let (mut sent, mut shipments, mut failed) = (Vec::new(), Vec::new(), None);
        for ((place, one), refusal) in consignments.into_iter().zip(refusals) {
            let shipment = shipment_of(&one);
            let Consignment { series, rows, arrived_us, .. } = one;
            match refusal {
                Some(refusal) if refusal.passes => failed = Some(refusal.text),
                Some(refusal) => self.leave_alone(&series, &refusal),
                None => {
                    shipments.push(shipment);
                    sent.push(Sent { place, series, rows, arrived_us });
                }
            }
        }
        // A refusal may have ended the connection.
        if let Some(why) = failed.filter(|_| shipments.is_empty()) {
            return Ok(Attempt::Failed(why));
        }
        match self.courier.deliver(&shipments).await {
            Ok(receipts) => {
                self.share.grow();
                self.settle(sent, receipts).await
            }
            Err(error) => Ok(self.fewer(sent.len(), &error)),
        }
    }

    /// A delivery of so many series was not answered: perhaps it was too much for the time that there is.
    fn fewer(&mut self, sent: usize, error: &RedisError) -> Attempt {
        self.share.halve(sent);
        Attempt::Failed(error.to_string())
    }

    /// Delivers what is held in memory only; what Redis does not take just now is tried again, or something newer.
    async fn offer(&mut self) -> Result<Attempt, SinkError> {
        let passed = self.passed();
        let mut offers = self.desk.ask(move |store| store.offers(passed)).await.ok_or(SinkError::Gone)?;
        let (mut failed, mut left) = (None, Vec::new());
        while failed.is_none() && !offers.is_empty() {
            let rest = offers.split_off(offers.len().min(self.share.series()));
            failed = self.offer_some(std::mem::replace(&mut offers, rest), &mut left).await?;
        }
        left.append(&mut offers);
        if !left.is_empty() {
            self.desk.ask(move |store| store.put_back(left)).await.ok_or(SinkError::Gone)?;
        }
        Ok(failed.map_or(Attempt::Made, Attempt::Failed))
    }

    /// Delivers some of it; why Redis does not take all of them just now, and which.
    async fn offer_some(&mut self, offers: Vec<Offer>, left: &mut Vec<Offer>) -> Result<Option<String>, SinkError> {
        let keys: Vec<Arc<str>> = offers.iter().map(|offer| Arc::clone(&offer.key)).collect();
        let homes: Vec<&Home> = offers.iter().map(|offer| &offer.home).collect();
        let shipment =
            |offer: &Offer| Shipment { key: Arc::clone(&offer.key), producer: Arc::from(""), batches: offer.packed() };
        let shipments: Vec<Shipment> = offers.iter().map(shipment).collect();
        let delivered = match self.courier.ensure(&keys, &homes, &self.config, ClockMode::Server).await {
            Ok(_) => self.courier.deliver(&shipments).await,
            Err(DeliveryError::Redis(error)) => Err(error),
            Err(DeliveryError::Config(error)) => return Err(error.into()),
        };
        let mut failed = None;
        match delivered {
            Ok(receipts) => {
                for (offer, receipt) in offers.into_iter().zip(receipts) {
                    match receipt {
                        Receipt::Delivered(_) => {}
                        Receipt::Refused(refusal) if refusal.passes => {
                            failed = Some(refusal.text);
                            left.push(offer);
                        }
                        Receipt::Refused(refusal) => {
                            self.metrics.refused();
                            tracing::error!(key = %offer.key, refusal = refusal.text, "a quote or candles were refused");
                        }
                    }
                }
            }
            Err(error) => {
                self.share.halve(offers.len());
                failed = Some(error.to_string());
                left.extend(offers);
            }
        }
        Ok(failed)
    }

    async fn settle(&mut self, sent: Vec<Sent>, receipts: Vec<Receipt>) -> Result<Attempt, SinkError> {
        let (mut settled, mut learnable, mut failed) = (Vec::with_capacity(sent.len()), Vec::new(), None);
        for (Sent { place, series, rows, arrived_us }, receipt) in sent.into_iter().zip(receipts) {
            match receipt {
                Receipt::Delivered(counts) => {
                    let (now_us, mut is_new) = (now_us(), false);
                    for counts in &counts {
                        self.metrics.answered(counts);
                        is_new |= counts.events() > counts.get("duplicate");
                    }
                    arrived_us.iter().for_each(|at_us| self.metrics.delivered_after(now_us - at_us));
                    settled.push((place, series.id, rows, is_new));
                    learnable.push((place, series));
                }
                Receipt::Refused(refusal) if refusal.passes => failed = Some(refusal.text),
                Receipt::Refused(refusal) => self.refuse(place, &series, &rows, &refusal).await?,
            }
        }
        self.desk.ask(move |store| store.spool.settle(&settled)).await.ok_or(SinkError::Gone)?;
        if let Some(why) = failed {
            return Ok(Attempt::Failed(why));
        }
        for key in self.courier.revived() {
            self.metrics.revived();
            tracing::warn!(%key, "the series was gone: it was made anew with its options");
        }
        learnable.retain(|(_, series)| series.labels.venue.is_none());
        self.thresholds.learn(learnable, &mut self.courier, &self.desk).await;
        Ok(Attempt::Made)
    }

    /// A refusal that will not pass: an event that the server never takes goes, a series that it refuses waits.
    async fn refuse(
        &mut self,
        place: Place,
        series: &Series,
        rows: &[i64],
        refusal: &Refusal,
    ) -> Result<(), SinkError> {
        let Some(item) = item_of(&refusal.text) else {
            self.leave_alone(series, refusal);
            return Ok(());
        };
        // One batch holds all rows, or each row has a batch of its own, of which it is the first item.
        if let Some(row) = rows.get(refusal.batch + item.saturating_sub(1)).copied() {
            self.metrics.refused();
            tracing::error!(key = %series.key, refusal = refusal.text, "an event was refused and is dropped");
            let id = series.id;
            self.desk.ask(move |store| store.spool.discard(place, id, row)).await.ok_or(SinkError::Gone)?;
        }
        Ok(())
    }

    fn leave_alone(&mut self, series: &Series, refusal: &Refusal) {
        if self.refused.insert(Arc::clone(&series.key), Instant::now() + REFUSED_PAUSE).is_none() {
            self.metrics.refused_series(self.refused.len());
            tracing::error!(key = %series.key, refusal = refusal.text, "the series is refused; its events wait");
        }
    }

    fn conclude(&mut self, attempt: &Attempt) {
        match attempt {
            Attempt::Made => {
                self.reading.reset();
                self.succeed();
            }
            Attempt::Failed(why) => self.fail(why),
            Attempt::Unread => {
                self.succeed();
                self.not_before = Some(Instant::now() + self.reading.next_wait());
            }
        }
    }

    fn fail(&mut self, why: &str) {
        self.not_before = Some(Instant::now() + self.backoff.next_wait());
        self.metrics.redis(Err(why.to_owned()));
        if self.backoff.failures().is_power_of_two() {
            tracing::warn!(why, "redis takes no events; they wait on disk");
        }
    }

    fn succeed(&mut self) {
        if self.backoff.failures() > 0 {
            tracing::info!("redis takes events again");
        }
        self.backoff.reset();
        self.metrics.redis(Ok(()));
    }
}

/// What was sent and whose it is.
struct Sent {
    place: Place,
    series: Series,
    rows: Vec<i64>,
    arrived_us: Vec<i64>,
}

/// The place that `ERR item 3: price: …` names, from 1.
fn item_of(text: &str) -> Option<usize> {
    text.strip_prefix("ERR item ")?.split(':').next()?.parse().ok()
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
