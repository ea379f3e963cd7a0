//! Collects events and delivers them in batches, by count or by time, each batch exactly once.
//!
//! Here: what a user holds. What runs in the background is in `worker`, what waits per key in `queue`.

mod queue;
mod worker;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, TryAcquireError, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::{BatchReply, Error, Event, InvalidEvent};
#[cfg(feature = "spool")]
pub(crate) use worker::passes;
use worker::{Message, Worker};

/// Collects events per key and sends each key's as `LIQ.MADDPACK` when 50 are together or the first has waited 100 ms.
///
/// * **Exactly once.** Every batch carries a producer name and a growing number. A batch whose reply was lost is sent
///   again, and the series counts it once.
/// * **In order.** A key has one batch under way at a time; several keys are served at once.
/// * **Back-pressure.** At most `capacity` events are held, under way included; [`add`](Self::add) waits for room.
/// * **Nothing silently lost.** Dropping the batcher delivers what it holds in the background, as long as the runtime
///   lives; [`close`](Self::close) waits for that. Batches given up go to the failure handler and are counted.
/// * **Out of an outage by itself.** It waits for a server that is away, loading, locked or without the module, and
///   leaves one that is no longer the master.
///
/// Use a connection that reconnects: [`redis::aio::ConnectionManager`] or a cluster connection. A manager only makes a
/// connection anew when that is broken, so the batcher breaks one (by `QUIT`) that answers `READONLY`, `MASTERDOWN`,
/// `NOAUTH` or `MOVED`: the address then leads to the new master.
///
/// ```no_run
/// use redis_liq::{Batcher, Event, Side, Timestamp, redis};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let client = redis::Client::open("redis://127.0.0.1/?protocol=resp3")?;
/// let batcher = Batcher::builder().spawn(client.get_connection_manager().await?);
/// let event = Event::new(Timestamp::Server, Side::Sell, 99_850.5, 12_500.0).exchange("binance");
/// batcher.add("liq:{BTCUSDT}", event).await?;
/// let totals = batcher.close().await;
/// assert_eq!(totals.failed, 0, "{:?}", totals.last_error);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Batcher {
    messages: mpsc::UnboundedSender<Message>,
    room: Arc<Semaphore>,
    worker: JoinHandle<BatcherTotals>,
}

impl Batcher {
    /// The settings, to be changed before [`BatcherBuilder::spawn`].
    pub fn builder() -> BatcherBuilder {
        BatcherBuilder::default()
    }

    /// Takes an event over, waiting while the batcher is full.
    ///
    /// What the module would refuse is refused here, since it would have the whole batch refused. The event outlives the
    /// call: one that borrows is handed over with [`Event::into_owned`]. A key kept as `Arc<str>` costs no copy.
    pub async fn add(&self, key: impl Into<Arc<str>>, event: Event<'static>) -> Result<(), NotAdded> {
        event.check()?;
        self.room.acquire().await.map_err(|_| NotAdded::Closed)?.forget();
        self.hand_over(key.into(), event)
    }

    /// Takes an event over if there is room.
    pub fn try_add(&self, key: impl Into<Arc<str>>, event: Event<'static>) -> Result<(), NotAdded> {
        event.check()?;
        match self.room.try_acquire() {
            Ok(permit) => permit.forget(),
            Err(TryAcquireError::NoPermits) => return Err(NotAdded::Full),
            Err(TryAcquireError::Closed) => return Err(NotAdded::Closed),
        }
        self.hand_over(key.into(), event)
    }

    fn hand_over(&self, key: Arc<str>, event: Event<'static>) -> Result<(), NotAdded> {
        let message = Message::Event { key, event };
        self.messages.send(message).map_err(|_| NotAdded::Closed)
    }

    /// Sends everything taken over so far at once, and waits until it was delivered or given up.
    pub async fn flush(&self) -> Result<BatcherTotals, NotAdded> {
        let (done, totals) = oneshot::channel();
        self.messages.send(Message::Flush(done)).map_err(|_| NotAdded::Closed)?;
        totals.await.map_err(|_| NotAdded::Closed)
    }

    /// Delivers everything taken over, and ends.
    pub async fn close(self) -> BatcherTotals {
        drop(self.messages);
        self.worker.await.unwrap_or_default()
    }
}

/// Why an event was not taken over.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAdded {
    /// The module would refuse it.
    #[error(transparent)]
    Invalid(#[from] InvalidEvent),
    /// As many events are held as the capacity allows.
    #[error("the batcher is full")]
    Full,
    /// The spool could not take it, neither on disk nor in memory.
    #[cfg(feature = "spool")]
    #[error("{0}")]
    Spool(String),
    /// The runtime of the batcher has ended.
    #[error("the batcher has ended")]
    Closed,
}

/// What a batcher has done.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
#[must_use = "tells what was not delivered"]
pub struct BatcherTotals {
    /// Batches delivered.
    pub batches: u64,
    /// Events delivered.
    pub delivered: u64,
    /// What the replies said became of them; without the events of `recovered`.
    pub replies: BatchReply,
    /// Events of batches that had arrived although their reply was lost, so that only the series knows their ends.
    pub recovered: u64,
    /// Times a batch was sent again.
    pub retries: u64,
    /// Events given up.
    pub failed: u64,
    /// Why the last batch was given up.
    pub last_error: Option<Error>,
    /// Times the failure handler panicked. The batch is then tried again, and handed over again, up to five times.
    pub handler_panics: u64,
}

/// A batch that was given up.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FailedBatch {
    /// Where it should have gone.
    pub key: Arc<str>,
    /// The producer it was sent as. Nothing else of the key will be: what comes later is sent as another.
    pub producer: Arc<str>,
    /// Its number. Sent again as this producer with this number it counts once, at any time at which the series has seen
    /// fewer than 64 producers since.
    pub seq: u64,
    /// Its events, in order.
    pub events: Vec<Event<'static>>,
    /// Why it was given up.
    pub error: Error,
}

type Handling = Pin<Box<dyn Future<Output = ()> + Send>>;
type FailureHandler = Box<dyn FnMut(FailedBatch) -> Handling + Send>;

/// The settings of a [`Batcher`].
pub struct BatcherBuilder {
    max_events: usize,
    max_delay: Duration,
    capacity: usize,
    give_up_after: Duration,
    producer: Option<(Arc<str>, u64)>,
    on_failure: FailureHandler,
}

impl std::fmt::Debug for BatcherBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BatcherBuilder")
            .field("max_events", &self.max_events)
            .field("max_delay", &self.max_delay)
            .field("capacity", &self.capacity)
            .field("give_up_after", &self.give_up_after)
            .field("producer", &self.producer)
            .finish_non_exhaustive()
    }
}

impl Default for BatcherBuilder {
    fn default() -> Self {
        Self {
            max_events: 50,
            max_delay: Duration::from_millis(100),
            capacity: 10_000,
            give_up_after: Duration::from_secs(60),
            producer: None,
            on_failure: Box::new(|_| Box::pin(std::future::ready(()))),
        }
    }
}

impl BatcherBuilder {
    /// Events that make a batch; at least 1, default 50. The server's bound is `liq.max-batch`, 65,536.
    #[must_use]
    pub fn max_events(mut self, events: usize) -> Self {
        self.max_events = events.max(1);
        self
    }

    /// How long the first event of a batch waits for others. Default 100 ms.
    #[must_use]
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// Most events held, those under way included; at least 1, default 10,000.
    #[must_use]
    pub fn capacity(mut self, events: usize) -> Self {
        self.capacity = events.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// How long a batch is tried while the server is away, busy, out of memory, locked or without the module. Default
    /// 60 s. What the server refuses for good is given up at once.
    #[must_use]
    pub fn give_up_after(mut self, length: Duration) -> Self {
        self.give_up_after = length;
        self
    }

    /// Under which name and from which number on batches are sent; by default a random name, from 1.
    ///
    /// A name that was used before must go on with greater numbers: batches of smaller ones count as delivered before.
    #[must_use]
    pub fn producer(mut self, name: impl Into<Arc<str>>, first_seq: u64) -> Self {
        self.producer = Some((name.into(), first_seq));
        self
    }

    /// What to do with batches given up, such as keeping them on disk. They are counted in any case.
    #[must_use]
    pub fn on_failure(self, mut handler: impl FnMut(FailedBatch) + Send + 'static) -> Self {
        self.on_failure_async(move |batch| {
            handler(batch);
            std::future::ready(())
        })
    }

    /// What to do with batches given up, such as sending them elsewhere. Nothing more of the key is sent until it is done.
    #[must_use]
    pub fn on_failure_async<F>(mut self, mut handler: impl FnMut(FailedBatch) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.on_failure = Box::new(move |batch| Box::pin(handler(batch)));
        self
    }

    /// Starts delivering, on the current tokio runtime.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn spawn<C>(self, connection: C) -> Batcher
    where
        C: redis::aio::ConnectionLike + Clone + Send + Sync + 'static,
    {
        let (messages, received) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(self.capacity));
        let worker = Worker::new(connection, self, Arc::clone(&room));
        Batcher { messages, room, worker: tokio::spawn(worker.run(received)) }
    }
}

/// A name nobody else has: 128 random bits, from the seeds of the standard library's hash maps.
fn random_producer() -> Arc<str> {
    let random = || RandomState::new().build_hasher().finish();
    format!("batcher-{:016x}{:016x}", random(), random()).into()
}
