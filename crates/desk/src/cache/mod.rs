//! A cache that holds under failure: one load of a value in all processes, answers while the source or Redis is slow or
//! away, and nothing old behind an invalidation. Kept in this process' memory and in Redis.
//!
//! ```no_run
//! # use std::time::Duration;
//! # use redis_liq_desk::{Cache, Link, Space};
//! # #[derive(serde::Serialize, serde::Deserialize)] struct Ticker { last: f64 }
//! # async fn ask_the_exchange(_: &str) -> Result<Option<Ticker>, std::io::Error> { Ok(None) }
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let link = Link::from_env()?;
//! let tickers: Cache<Ticker> = Cache::<Ticker>::builder(Space::new("market:ticker"))
//!     .fresh(Duration::from_secs(2))
//!     .stale(Duration::from_secs(10))
//!     .build(&link)?;
//! let hit = tickers.get("BTCUSDT", || ask_the_exchange("BTCUSDT")).await?;
//! if let Some(ticker) = &hit.value {
//!     println!("{} of {} ms ago", ticker.last, hit.age.as_millis());
//! }
//! # Ok(()) }
//! ```

mod behind;
mod builder;
mod entry;
mod flight;
mod load;
mod load_many;
mod local;
mod many;
mod store;
mod totals;
mod tracking;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use builder::Builder;
pub use many::Warmed;
pub use totals::Totals;

use flight::{AnyAnswer, Flights, Pauses, Seat};
use local::Local;
use store::Names;
use totals::Counters;

use crate::space::check_id;
use crate::{BadName, Error, Link};

/// So far ahead of the server's clock, as processes know it, a value's time may be.
const CLOCK_TOLERANCE_MS: u64 = 1_000;

/// Values of one class, by id. Clones share everything.
pub struct Cache<T> {
    inner: Arc<Inner<T>>,
}

impl<T> Clone for Cache<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

pub(crate) struct Inner<T> {
    settings: Builder,
    link: Link,
    local: Local<T>,
    local_time: Duration,
    missing_time: Duration,
    flights: Arc<Flights>,
    pauses: Pauses,
    counters: Counters,
    tracking: Option<tracking::Tracking>,
}

/// A value, where it came from and how old it is.
#[derive(Debug)]
pub struct Hit<T> {
    /// The value; none when it is known that there is none.
    pub value: Option<Arc<T>>,
    /// Since it was loaded, by whatever process.
    pub age: Duration,
    /// Which layer had it.
    pub from: Layer,
    /// Past its freshness: served as the source fails or is being asked.
    pub stale: bool,
}

impl<T> Clone for Hit<T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), ..*self }
    }
}

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// This process' memory.
    Local,
    /// Redis.
    Redis,
    /// The source, asked by this read or one it waited for.
    Loader,
}

/// Why there is no answer. `E` is what the source fails with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Miss<E> {
    /// The source failed.
    #[error("the load failed: {0}")]
    Load(Arc<E>),
    /// The source failed before, and is left alone until then.
    #[error("the load failed before and is not tried again yet")]
    Paused {
        /// When somebody may try again.
        until: Instant,
        /// What it failed with; none when that was another process, a panic or a time limit.
        last: Option<Arc<E>>,
    },
    /// The load took longer than the class' `load_limit`, here or in the process that held the lock.
    #[error("the load took too long")]
    LoadLimit,
    /// The loader panicked.
    #[error("the loader panicked")]
    Panicked,
    /// Of [`Cache::get_many`] only: the read it waited for ended without an answer, as its caller was dropped or it fails
    /// with another type, and the own load was on its way with other ids. To be asked for again.
    #[error("whoever loaded it gave up")]
    Abandoned,
    /// No key can have this id.
    #[error(transparent)]
    Name(#[from] BadName),
}

impl<E> Clone for Miss<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Load(error) => Self::Load(Arc::clone(error)),
            Self::Paused { until, last } => Self::Paused { until: *until, last: last.clone() },
            Self::LoadLimit => Self::LoadLimit,
            Self::Panicked => Self::Panicked,
            Self::Abandoned => Self::Abandoned,
            Self::Name(bad) => Self::Name(bad.clone()),
        }
    }
}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Cache<T> {
    /// Settings for a class of values under the keys of `space`. No two classes may share a space.
    pub const fn builder(space: crate::Space) -> Builder {
        Builder::new(space)
    }

    /// The value of `id`: from memory, from Redis, or by `load`, which only one of all who ask runs; `Ok(None)` of it says
    /// there is no such thing, which is remembered for a while too. The load goes on when its caller is dropped.
    ///
    /// # Errors
    /// [`Miss`] when there is no value at hand, fresh or stale, and the source gave none. That Redis errs or is away is no
    /// error: the load is then one per process.
    pub async fn get<E, F>(&self, id: &str, load: impl FnOnce() -> F + Send + 'static) -> Result<Hit<T>, Miss<E>>
    where
        F: Future<Output = Result<Option<T>, E>> + Send + 'static,
        E: Send + Sync + 'static,
    {
        if let Some(hit) = self.inner.local_hit(id) {
            return Ok(hit);
        }
        // On the heap, so that a hit in memory does not move about what only a miss needs.
        Box::pin(self.get_shared(id, load)).await
    }

    /// The value of an id that memory does not have.
    async fn get_shared<E, F>(&self, id: &str, load: impl FnOnce() -> F + Send + 'static) -> Result<Hit<T>, Miss<E>>
    where
        F: Future<Output = Result<Option<T>, E>> + Send + 'static,
        E: Send + Sync + 'static,
    {
        check_id(id)?;
        let id: Arc<str> = id.into();
        let (told, mut answer) = loop {
            match self.inner.flights.board(&id) {
                Seat::Pilot(teller, answer, number) => break (Some((teller, number)), answer),
                Seat::Passenger(mut answer, number) => {
                    match self.inner.wait_for(&id, number, &mut answer).await.map(|any| any.downcast()) {
                        Some(Ok(own)) => {
                            self.inner.count_passenger::<E>(&own);
                            return Result::clone(&own);
                        }
                        // Who fetched was dropped before it knew, or is polled no more: somebody else has to.
                        None => {}
                        // Somebody whose loads fail with another type: this one has to ask by itself.
                        Some(Err(_)) => {
                            let (teller, answer) = tokio::sync::watch::channel(None);
                            break (Some((teller, 0)), answer);
                        }
                    }
                }
            }
        };
        if let Some(hit) = load::fetch(Arc::clone(&self.inner), id, load, told).await {
            return Ok(hit);
        }
        match flight::wait(&mut answer).await.map(|any| any.downcast()) {
            Some(Ok(own)) => Result::clone(&own),
            // Its task was ended with its runtime.
            _ => Err(Miss::Panicked),
        }
    }

    /// The value of `id` if it is at hand, fresh or stale; never loads.
    pub async fn peek(&self, id: &str) -> Option<Hit<T>> {
        if let Some(hit) = self.inner.local_hit(id) {
            return Some(hit);
        }
        check_id(id).ok()?;
        let id: Arc<str> = id.into();
        let mark = self.inner.local.mark(&id);
        let names = self.inner.names(&id);
        let bytes = self.inner.noted(store::get(&self.inner.link, &names.value).await)??;
        self.inner.open(&id, &bytes, mark).await
    }

    /// Writes a value, as a feed does that pushes. Whoever loads it at this moment keeps nothing.
    ///
    /// # Errors
    /// As Redis answers; then this process keeps nothing either.
    pub async fn put(&self, id: &str, value: T) -> Result<(), Error> {
        check_id(id)?;
        let inner = &self.inner;
        let id: Arc<str> = id.into();
        inner.flights.divert(&id);
        let mark = inner.local.drop_id(&id);
        let now_ms = inner.link.now_ms().await;
        let (bytes, length) = entry::encode(Some(&value), now_ms, inner.settings.compress_above)?;
        let written = store::put(&inner.link, &inner.names(&id), &bytes, inner.stay(&id)).await;
        // Also what was read of it in between. Where somebody else wrote then, nobody here knows who was the last.
        inner.flights.divert(&id);
        let mark = inner.local.drop_id_since(&id, mark);
        inner.noted(written.as_ref().map(drop).map_err(Error::clone));
        written?;
        inner.pauses.end(&id);
        if let Some(mark) = mark {
            inner.keep(&id, Some(Arc::new(value)), Duration::ZERO, length, mark);
        }
        Ok(())
    }

    /// Forgets a value everywhere: in Redis and here at once, in other processes within their `local`, or at once where
    /// the class is tracked. Whoever loads it at this moment keeps nothing.
    ///
    /// # Errors
    /// As Redis answers: the value may then still lie there.
    pub async fn forget(&self, id: &str) -> Result<(), Error> {
        check_id(id)?;
        self.inner.flights.divert(id);
        self.inner.local.drop_id(id);
        let forgotten = store::forget(&self.inner.link, &self.inner.names(id)).await;
        self.inner.flights.divert(id);
        self.inner.local.drop_id(id);
        self.inner.pauses.end(id);
        self.inner.noted(forgotten.as_ref().map(drop).map_err(Error::clone));
        forgotten
    }

    /// Forgets every value of the space, of every version; answers how many there were in Redis. Whoever loads at this
    /// moment keeps nothing. On one server only: a cluster's nodes have to be asked one by one. Walks over all keys of the
    /// server twice.
    ///
    /// # Errors
    /// As Redis answers: some values may then still lie there.
    pub async fn clear(&self) -> Result<u64, Error> {
        self.inner.drop_local();
        let deleted = store::clear(&self.inner.link, self.inner.settings.space).await;
        self.inner.drop_local();
        deleted
    }

    /// What this process has counted.
    pub fn totals(&self) -> Totals {
        self.inner.counters.totals()
    }

    /// The `KEYS.POLICY` line that says what this class' keys are like.
    pub fn policy(&self) -> String {
        let settings = &self.inner.settings;
        // Locks and the pauses in them live under the same prefix.
        let longest = settings.stay().max(settings.load_limit).max(flight::LAST_PAUSE);
        let (stay, longest) = (crate::words::duration(settings.stay()), crate::words::duration(longest));
        format!("KEYS.POLICY SET {} TYPE string TTL {stay} MAXTTL {longest}", settings.space.prefix())
    }
}

impl<T: Send + Sync + 'static> Inner<T> {
    fn names(&self, id: &str) -> Names {
        Names::of(self.settings.space, self.settings.version, id)
    }

    fn local_hit(self: &Arc<Self>, id: &str) -> Option<Hit<T>> {
        if self.local_time.is_zero() {
            return None;
        }
        let (value, age) = self.local.get(id)?;
        self.counters.local.add();
        if value.is_none() {
            self.counters.missing.add();
        }
        Some(Hit { value, age, from: Layer::Local, stale: false })
    }

    /// Keeps a value in memory for `local`, at most while it is fresh.
    fn keep(&self, id: &Arc<str>, value: Option<Arc<T>>, age: Duration, length: usize, mark: local::Mark) {
        let fresh = if value.is_some() { self.settings.fresh } else { self.missing_time };
        let stay = self.local_time.min(fresh.saturating_sub(age));
        if self.tracking.as_ref().is_none_or(|tracking| tracking.is_told(self.link.given_up())) {
            self.local.keep(id, value, age, stay, length, mark);
        }
    }

    /// What the bytes say, when they are of this version; kept when fresh.
    async fn open(self: &Arc<Self>, id: &Arc<str>, bytes: &[u8], mark: local::Mark) -> Option<Hit<T>>
    where
        T: DeserializeOwned,
    {
        let Some(entry) = entry::decode::<T>(bytes) else {
            self.counters.undecodable.add();
            return None;
        };
        let now_ms = self.link.now_ms().await;
        // Of a clock that was set back since nobody knows how old it is.
        if entry.loaded_ms > now_ms.saturating_add(CLOCK_TOLERANCE_MS) {
            return None;
        }
        let age = Duration::from_millis(now_ms.saturating_sub(entry.loaded_ms));
        let value = entry.value.map(Arc::new);
        let (fresh, longest) = match value {
            Some(_) => (self.settings.fresh, self.settings.stay()),
            None => (self.missing_time, self.missing_time),
        };
        // Redis' own expiry is a little earlier; by a clock that was set back it would come later.
        if age >= longest {
            return None;
        }
        let stale = age >= fresh;
        if !stale {
            self.keep(id, value.clone(), age, entry.length, mark);
        }
        Some(Hit { value, age, from: Layer::Redis, stale })
    }

    /// How long a value lies in Redis: up to a tenth less by its id, so that what was warmed together does not expire
    /// together.
    fn stay(&self, id: &str) -> Duration {
        let part = xxhash_rust::xxh3::xxh3_64(id.as_bytes()) % 1000;
        self.settings.stay().mul_f64(1.0 - part as f64 / 10_000.0)
    }

    fn count_passenger<E>(&self, answer: &Result<Hit<T>, Miss<E>>) {
        match answer {
            Ok(hit) if hit.stale => self.counters.stale.add(),
            Ok(hit) if hit.from == Layer::Redis => self.counters.redis.add(),
            _ => self.counters.waited.add(),
        }
    }

    fn drop_local(&self) {
        self.flights.divert_all();
        self.local.drop_all();
    }

    /// The answer of a flight that somebody else makes. Looking in Redis takes three steps at most, each within the limit.
    async fn wait_for(
        &self,
        id: &str,
        number: u64,
        answer: &mut tokio::sync::watch::Receiver<Option<AnyAnswer>>,
    ) -> Option<AnyAnswer> {
        self.flights.wait(id, number, answer, self.link.limit() * 8).await
    }

    /// Counts a step that went without Redis.
    fn noted<R>(&self, result: Result<R, Error>) -> Option<R> {
        if result.is_err() {
            self.counters.redis_errors.add();
        }
        result.ok()
    }
}
