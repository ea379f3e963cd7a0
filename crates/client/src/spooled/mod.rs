//! A batcher whose events lie on disk until the server has counted them.
//!
//! Here: what a user holds. The thread that has the spool is in `keeper`, what delivers in `sender`, what goes over a
//! connection in `wire`.

mod keeper;
mod sender;
mod wire;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use liq_core::liq::request::encode_events;
pub use liq_spool::SpoolError;
use liq_spool::{Entry, Labels};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::{BatchReply, Error, Event, NotAdded, SeriesOptions, Timestamp};
use keeper::Keeper;
use sender::{Connect, Sender};
use wire::Terms;

/// Collects events as a [`Batcher`](crate::Batcher) does, on disk: what [`add`](Self::add) has taken is counted once, also
/// when this process or the server is killed before.
///
/// * **Exactly once, whoever is killed.** An event is in the spool, a SQLite file in a folder of its own, before `add`
///   returns. It is sent from there under a producer's name and a number, by this process or by the next one that opens the
///   folder, until the server has counted it.
/// * **Nothing is given up.** While the server is away, loading, read-only, locked or without the module, events wait on
///   disk. What it refuses for good, as for a key of another type, waits too, and holds up no other key.
/// * **A server that lost what it had taken** (a failover to a replica that lagged, a restart without its data) is told
///   again what was delivered within `grace` before the last one fell silent, however long nobody answered; not in a
///   cluster, where any of the nodes may answer.
/// * **A key that is gone** (expired, deleted, flushed) is made anew with the options of [`SpooledBuilder::series`].
/// * **A full disk stops nothing**: events are held in memory until it has room. A full spool drops the smallest. What lies
///   on a disk that cannot be read goes when it can.
///
/// It is the spool of `liq-ingest`, with the same file and the same guarantee. One process at a time has a folder.
///
/// ```no_run
/// use redis_liq::{Event, Side, SpooledBatcher, redis};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let client = redis::Client::open("redis://127.0.0.1/")?;
/// let batcher = SpooledBatcher::builder("/var/lib/bot/spool").spawn(client)?;
/// batcher.add("liq:{BTCUSDT}", Event::new(1_737_910_000_123, Side::Sell, 99_850.5, 12_500.0)).await?;
/// let totals = batcher.close().await;
/// println!("{} delivered, {} wait for the next start", totals.delivered, totals.waiting);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SpooledBatcher {
    keeper: Keeper,
    room: Arc<Semaphore>,
    flushes: mpsc::UnboundedSender<oneshot::Sender<SpooledTotals>>,
    sender: JoinHandle<SpooledTotals>,
}

impl SpooledBatcher {
    /// The settings, to be changed before [`SpooledBuilder::spawn`]. The folder is made when it is not there.
    pub fn builder(folder: impl AsRef<Path>) -> SpooledBuilder {
        SpooledBuilder {
            folder: folder.as_ref().to_owned(),
            max_events: 1_000,
            max_delay: Duration::from_millis(10),
            capacity: 10_000,
            most_spooled: 1_000_000,
            grace: Duration::from_secs(10),
            close_within: Duration::from_secs(5),
            terms: Terms::default(),
        }
    }

    /// Takes an event over; it is on disk when this returns. [`Timestamp::Server`] becomes the time of this call: events
    /// may wait for hours.
    ///
    /// What the module would refuse is refused here, since it would have the whole batch refused.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it returned, as by `select!` or a time limit, it took the event if there was room for it (see
    /// [`SpooledBuilder::capacity`]), and nothing else: such an event counts once, and was added again it counts twice,
    /// unless the server knows it by its [id](Event::id). It takes up its room until it is on disk, so that calls that are
    /// given up while the disk hangs are no more than that.
    pub async fn add(&self, key: impl Into<Arc<str>>, event: Event<'_>) -> Result<(), NotAdded> {
        event.check()?;
        let entry = entry_of(key.into(), event);
        // Many may wait for the disk at once, which takes them all by one write.
        let room = Arc::clone(&self.room).acquire_owned().await.map_err(|_| NotAdded::Closed)?;
        match self.keeper.append(entry, room).await {
            Some(Ok(())) => Ok(()),
            Some(Err(why)) => Err(NotAdded::Spool(why)),
            None => Err(NotAdded::Closed),
        }
    }

    /// Waits until everything taken over so far was delivered, however long the server is away or the disk cannot be read;
    /// what the server refuses for good is not waited for.
    pub async fn flush(&self) -> Result<SpooledTotals, NotAdded> {
        let (done, totals) = oneshot::channel();
        self.flushes.send(done).map_err(|_| NotAdded::Closed)?;
        totals.await.map_err(|_| NotAdded::Closed)
    }

    /// Delivers what it can within the time that was set for it, and ends. The rest waits on disk for the next start: the
    /// folder is free when this returns.
    pub async fn close(self) -> SpooledTotals {
        drop(self.flushes);
        let totals = self.sender.await.unwrap_or_default();
        self.keeper.end().await;
        totals
    }
}

/// What a spooled batcher has done since it was started.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
#[must_use = "tells what was not delivered"]
pub struct SpooledTotals {
    /// Batches delivered.
    pub batches: u64,
    /// Events delivered, those that were delivered again after a rewind included.
    pub delivered: u64,
    /// What the replies said became of them; without the events of `recovered`.
    pub replies: BatchReply,
    /// Events that the server had counted already, when their batch was sent again.
    pub recovered: u64,
    /// Attempts that failed and were made again.
    pub retries: u64,
    /// Times another server answered than before, and was told again what that one had been told.
    pub rewinds: u64,
    /// Events that wait in the spool.
    pub waiting: u64,
    /// Events dropped, because the spool was full.
    pub dropped: u64,
    /// Events that the server will never take, and that were dropped for it.
    pub refused: u64,
    /// Why the last attempt failed.
    pub last_error: Option<Error>,
}

/// The settings of a [`SpooledBatcher`].
#[derive(Debug, Clone)]
pub struct SpooledBuilder {
    folder: PathBuf,
    max_events: usize,
    max_delay: Duration,
    capacity: usize,
    most_spooled: u64,
    grace: Duration,
    close_within: Duration,
    terms: Terms,
}

impl SpooledBuilder {
    /// Events that make a batch at most; at least 1, default 1,000. The server's bound is `liq.max-batch`, 65,536.
    #[must_use]
    pub fn max_events(mut self, events: usize) -> Self {
        self.max_events = events.max(1);
        self
    }

    /// How long an event waits for others to share its batch. Default 10 ms.
    #[must_use]
    pub const fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// Events that may wait for the disk at once, those of calls of `add` that were given up among them; at least 1, default
    /// 10,000.
    #[must_use]
    pub fn capacity(mut self, events: usize) -> Self {
        self.capacity = events.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// Most events in the spool; default 1,000,000, about 150 bytes each. Of more the smallest go, and are counted.
    #[must_use]
    pub fn most_spooled(mut self, events: u64) -> Self {
        self.most_spooled = events.max(1);
        self
    }

    /// How long delivered events are kept for a server that turns out to have lost them; the time in which none answers
    /// does not count. Default 10 s.
    #[must_use]
    pub const fn grace(mut self, length: Duration) -> Self {
        self.grace = length;
        self
    }

    /// How long [`SpooledBatcher::close`] tries to deliver the rest; it ends by then also when the server hangs. Default 5 s.
    #[must_use]
    pub const fn close_within(mut self, length: Duration) -> Self {
        self.close_within = length;
        self
    }

    /// Options with which a key is made that is missing, at whatever moment: before its first event, or because it expired or
    /// was deleted. One that is there keeps its own. Without them a key is made with the module's defaults, by the
    /// server's clock and with the server's thresholds.
    #[must_use]
    pub fn series(mut self, options: SeriesOptions) -> Self {
        self.terms.series = Some(options);
        self
    }

    /// Has an event count as delivered only when so many replicas have it, and how long a batch waits for them before that is
    /// asked again: 1 ms to 5 s. No replicas by default: a failover loses what the replica had not received yet, and
    /// `grace` has it delivered again.
    #[must_use]
    pub fn wait_replicas(mut self, replicas: usize, patience: Duration) -> Self {
        let patience = patience.clamp(Duration::from_millis(1), Duration::from_secs(5));
        self.terms.replicas = (replicas > 0).then_some((replicas, patience));
        self
    }

    /// Opens the spool and starts delivering what it holds, on the current tokio runtime, over connections of its own.
    ///
    /// A file that is damaged or another program's is set aside beside the new one. An error is a folder that cannot be
    /// used, or one that another process has.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn spawn(self, client: redis::Client) -> Result<SpooledBatcher, SpoolError> {
        self.spawn_by(move || {
            let client = client.clone();
            async move {
                let settings = redis::AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(Duration::from_secs(5)))
                    .set_response_timeout(Some(Duration::from_secs(10)));
                client.get_multiplexed_async_connection_with_config(&settings).await
            }
        })
    }

    /// The same over connections that `connect` makes: to a cluster, or to the master that sentinels name. It is asked for
    /// another one after every failure, and gives one that does not reconnect by itself: that would hide that the server
    /// is another.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn spawn_by<C, F>(self, connect: impl Fn() -> F + Send + Sync + 'static) -> Result<SpooledBatcher, SpoolError>
    where
        C: redis::aio::ConnectionLike + Clone + Send + Sync + 'static,
        F: Future<Output = redis::RedisResult<C>> + Send + 'static,
    {
        let keeper = Keeper::start(&self.folder, self.most_spooled, self.grace)?;
        let (flushes, flushed) = mpsc::unbounded_channel();
        let connect: Connect<C> = Box::new(move || Box::pin(connect()));
        let sender = Sender::new(connect, keeper.clone(), &self);
        Ok(SpooledBatcher {
            keeper,
            room: Arc::new(Semaphore::new(self.capacity)),
            flushes,
            sender: tokio::spawn(sender.run(flushed, self.close_within)),
        })
    }
}

fn entry_of(key: Arc<str>, mut event: Event<'_>) -> Entry {
    let now = SystemTime::now();
    if event.timestamp == Timestamp::Server {
        event.timestamp = now.into();
    }
    let at_us = now.duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_micros() as i64);
    let body = encode_events(&[event.as_request()]);
    let labels = Labels { symbol: Arc::clone(&key), ..Labels::default() };
    Entry { key, labels, at_us, body, size: event.size, floor: Some(f64::INFINITY) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::Side;

    #[tokio::test(flavor = "multi_thread")]
    async fn calls_that_are_given_up_while_the_disk_hangs_take_no_more_room_than_there_is() {
        let folder = tempfile::tempdir().unwrap();
        let builder = SpooledBatcher::builder(folder.path()).capacity(3).close_within(Duration::ZERO);
        let batcher = builder.spawn(redis::Client::open("redis://127.0.0.1:1").unwrap()).unwrap();
        let (go_on, held) = std::sync::mpsc::channel::<()>();
        let mut hanging = Box::pin(batcher.keeper.ask(move |_| held.recv().is_ok()));
        assert!((&mut hanging).now_or_never().is_none());
        for number in 0..10 {
            let event = Event::new(number, Side::Sell, 1.0, 1.0);
            assert!(batcher.add("liq:{A}", event).now_or_never().is_none());
        }
        assert_eq!(batcher.room.available_permits(), 0);
        drop(go_on);
        hanging.await.unwrap();
        // It has room again, and what was taken is there.
        batcher.add("liq:{A}", Event::new(10, Side::Sell, 1.0, 1.0)).await.unwrap();
        assert_eq!(batcher.room.available_permits(), 3);
        assert_eq!(batcher.close().await.waiting, 4);
    }
}
