//! A read that memory could not answer: Redis first, then whose turn it is to load, then the load itself, in a task of its
//! own that outlives whoever asked. A reader that is dropped while it still looks in Redis leaves no word: who waited for
//! it looks for itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::flight::{AnyAnswer, LAST_PAUSE, Refresh, Teller};
use super::local::Mark;
use super::store::{self, Names, Turn};
use super::{Hit, Inner, Layer, Miss, behind, entry};
use crate::Error;

/// How often the lock of another process is looked at: first, and at last.
const FIRST_POLL: Duration = Duration::from_millis(5);
const LAST_POLL: Duration = Duration::from_millis(50);

/// A lock in Redis that is ours, or may be.
struct Held {
    token: String,
    /// The answer was lost that would have told whether it is: when the load began.
    unheard: Option<Instant>,
}

impl Held {
    const fn surely(token: String) -> Option<Self> {
        Some(Self { token, unheard: None })
    }
}

/// One read on its way. It tells its answer once, and may go on to refresh what it told.
struct Fetch<T> {
    inner: Arc<Inner<T>>,
    id: Arc<str>,
    names: Names,
    /// What was kept since is newer than what this read finds.
    mark: Mark,
}

/// Looks for `id` in Redis, within the reader's own task, as a hop to another one would be a fifth of what a hit there
/// costs. A fresh value is answered; what has to be loaded or refreshed goes on in a task of its own, which tells.
pub(super) async fn fetch<T, E, F>(
    inner: Arc<Inner<T>>,
    id: Arc<str>,
    load: impl FnOnce() -> F + Send + 'static,
    told: Option<(Teller, u64)>,
) -> Option<Hit<T>>
where
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
    F: Future<Output = Result<Option<T>, E>> + Send + 'static,
    E: Send + Sync + 'static,
{
    let flight = Landing { inner: Arc::clone(&inner), id: Arc::clone(&id), told };
    super::tracking::ensure(&inner).await;
    let fetch = Fetch { mark: inner.local.mark(&id), names: inner.names(&id), inner, id };
    let read = store::get(&fetch.inner.link, &fetch.names.value).await;
    // A server that hangs keeps a read waiting once, not at each of its steps.
    let is_hung = matches!(read, Err(Error::TimedOut(_)));
    let found = match fetch.inner.noted(read) {
        Some(Some(bytes)) => fetch.inner.open(&fetch.id, &bytes, fetch.mark).await,
        _ => None,
    };
    match found {
        Some(hit) if !hit.stale => {
            fetch.count(&hit);
            flight.tell::<T, E>(Ok(hit.clone()));
            return Some(hit);
        }
        Some(hit) => {
            flight.has_task();
            drop(tokio::spawn(fetch.refresh(hit, load, flight)));
        }
        None => {
            flight.has_task();
            drop(tokio::spawn(async move {
                let answer = fetch.load(load, is_hung).await;
                flight.tell(answer);
            }));
        }
    }
    None
}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Fetch<T> {
    fn count(&self, hit: &Hit<T>) {
        let counters = &self.inner.counters;
        if hit.stale {
            counters.stale.add()
        } else {
            counters.redis.add()
        }
        if hit.value.is_none() {
            counters.missing.add();
        }
    }

    /// Answers with a stale value, at once or after the soft limit, and loads it anew where nobody else does.
    async fn refresh<E, F>(self, hit: Hit<T>, load: impl FnOnce() -> F + Send + 'static, flight: Landing<T>)
    where
        F: Future<Output = Result<Option<T>, E>> + Send + 'static,
        E: Send + Sync + 'static,
    {
        let refresh = self.inner.flights.refresh(&self.id).filter(|_| self.inner.pauses.get(&self.id).is_none());
        let soft_limit = self.inner.settings.soft_limit;
        let Some(refresh) = refresh else {
            self.count(&hit);
            return flight.tell::<T, E>(Ok(hit));
        };
        if soft_limit.is_zero() {
            self.count(&hit);
            flight.tell::<T, E>(Ok(hit));
            self.load_if_free(load, refresh).await;
            return;
        }
        let counted = Arc::clone(&self.inner);
        let mut work = tokio::spawn(self.load_if_free(load, refresh));
        match tokio::time::timeout(soft_limit, &mut work).await {
            Ok(Ok(Some(Ok(new)))) => flight.tell::<T, E>(Ok(new)),
            _ => {
                counted.counters.stale.add();
                flight.tell::<T, E>(Ok(hit));
            }
        }
    }

    /// A refresh: loads only if the lock is free now.
    async fn load_if_free<E, F>(
        self,
        load: impl FnOnce() -> F + Send + 'static,
        _refresh: Refresh,
    ) -> Option<Result<Hit<T>, Miss<E>>>
    where
        F: Future<Output = Result<Option<T>, E>> + Send + 'static,
        E: Send + Sync + 'static,
    {
        let token = new_token();
        let settings = &self.inner.settings;
        let taken = store::take(&self.inner.link, &self.names, &token, settings.load_limit).await;
        if store::unheard(&taken).is_some() {
            behind::let_go(&self.inner, &token, vec![(self.names.clone(), None)]);
        }
        // Without Redis the value that was just read from it is good enough: the next read will tell.
        let (Turn::Ours, bytes) = self.inner.noted(taken)? else { return None };
        let held = Held::surely(token);
        // Somebody may have loaded it between our read and the lock.
        if let Some(hit) = self.fresh(bytes).await {
            self.let_go(held, None).await;
            return Some(Ok(hit));
        }
        Some(self.run(load, held).await)
    }

    async fn fresh(&self, bytes: Option<Vec<u8>>) -> Option<Hit<T>> {
        self.inner.open(&self.id, &bytes?, self.mark).await.filter(|hit| !hit.stale)
    }

    /// Nothing at hand: loads when it is our turn, and waits for the process whose turn it is; without asking whose turn
    /// it is where Redis hangs.
    async fn load<E, F>(self, load: impl FnOnce() -> F + Send + 'static, is_hung: bool) -> Result<Hit<T>, Miss<E>>
    where
        F: Future<Output = Result<Option<T>, E>> + Send + 'static,
        E: Send + Sync + 'static,
    {
        if let Some(pause) = self.inner.pauses.get(&self.id) {
            let last = pause.last.and_then(|last| last.downcast::<E>().ok());
            return Err(Miss::Paused { until: pause.until, last });
        }
        if is_hung {
            return self.run(load, None).await;
        }
        let limit = self.inner.settings.load_limit;
        let token = new_token();
        // Whoever dies with the lock holds it for one limit; then the load of the next is within another one.
        let deadline = Instant::now() + limit * 3;
        let mut poll = FIRST_POLL;
        loop {
            let taken = store::take(&self.inner.link, &self.names, &token, limit).await;
            let unheard = store::unheard(&taken);
            let Some((turn, bytes)) = self.inner.noted(taken) else {
                return self.run(load, unheard.map(|_| Held { token, unheard })).await;
            };
            let is_ours = matches!(turn, Turn::Ours);
            if let Some(hit) = self.fresh(bytes).await {
                if is_ours {
                    self.let_go(Held::surely(token), None).await;
                }
                // A read that waited was counted as that.
                if poll == FIRST_POLL {
                    self.count(&hit);
                }
                return Ok(hit);
            }
            match turn {
                Turn::Ours => return self.run(load, Held::surely(token)).await,
                Turn::Paused(left) => return Err(Miss::Paused { until: Instant::now() + left, last: None }),
                Turn::Others | Turn::Unknown(_) if Instant::now() >= deadline => return Err(Miss::LoadLimit),
                Turn::Others | Turn::Unknown(_) => {
                    if poll == FIRST_POLL {
                        self.inner.counters.waited.add();
                    }
                    tokio::time::sleep(poll).await;
                    poll = (poll * 2).min(LAST_POLL);
                }
            }
        }
    }

    /// Runs the load and stores what it brings, while the lock is still ours.
    async fn run<E, F>(&self, load: impl FnOnce() -> F + Send + 'static, held: Option<Held>) -> Result<Hit<T>, Miss<E>>
    where
        F: Future<Output = Result<Option<T>, E>> + Send + 'static,
        E: Send + Sync + 'static,
    {
        let counters = &self.inner.counters;
        counters.loads.add();
        // A task of its own, so that a panic is an answer.
        let mut work = tokio::spawn(async move { load().await });
        let failed = match tokio::time::timeout(self.inner.settings.load_limit, &mut work).await {
            Ok(Ok(Ok(value))) => return Ok(self.store(value.map(Arc::new), held).await),
            Ok(Ok(Err(error))) => Miss::Load(Arc::new(error)),
            Ok(Err(_)) => Miss::Panicked,
            Err(_) => {
                work.abort();
                Miss::LoadLimit
            }
        };
        counters.failed.add();
        let last = if let Miss::Load(error) = &failed { Some(Arc::clone(error) as AnyAnswer) } else { None };
        let pause = self.inner.pauses.lengthen(&self.id, last).min(LAST_PAUSE);
        self.let_go(held, Some(pause)).await;
        Err(failed)
    }

    async fn store(&self, value: Option<Arc<T>>, held: Option<Held>) -> Hit<T> {
        let inner = &self.inner;
        inner.pauses.end(&self.id);
        if value.is_none() {
            inner.counters.missing.add();
        }
        // Without the lock nothing goes to Redis: only how long it is counts.
        let unheard = held.as_ref().and_then(|held| held.unheard);
        let now_ms = if held.is_some() && unheard.is_none() { inner.link.now_ms().await } else { 0 };
        let stay = if value.is_some() { inner.stay(&self.id) } else { inner.missing_time };
        let encoded = entry::encode(value.as_deref(), now_ms, inner.settings.compress_above);
        let length = encoded.as_ref().map_or(0, |(_, length)| *length);
        // Nobody tells of a change to what is not in Redis: there only `local` ends a copy.
        let without_redis = inner.tracking.is_none();
        let is_kept = match (&held, encoded) {
            // Nobody can have put or forgotten it in Redis; here the mark tells.
            (None, _) => without_redis,
            (Some(Held { token, unheard: Some(begun) }), _) => {
                behind::store(inner, token, *begun, vec![(self.names.clone(), value.clone(), stay)]);
                without_redis
            }
            (Some(held), Ok((bytes, _))) => {
                let stored = store::store(&inner.link, &self.names, &held.token, &bytes, stay).await;
                if stored.is_err() {
                    behind::let_go(inner, &held.token, vec![(self.names.clone(), None)]);
                }
                inner.noted(stored).map_or(without_redis, |is_stored| {
                    if !is_stored {
                        inner.counters.refused.add();
                    }
                    is_stored
                })
            }
            (Some(_), Err(error)) => {
                tracing::warn!(space = inner.settings.space.name(), %error, "a loaded value cannot be stored");
                self.let_go(held, None).await;
                without_redis
            }
        };
        if is_kept {
            inner.keep(&self.id, value.clone(), Duration::ZERO, length, self.mark);
        }
        Hit { value, age: Duration::ZERO, from: Layer::Loader, stale: false }
    }

    async fn let_go(&self, held: Option<Held>, pause: Option<Duration>) {
        let Some(held) = held else { return };
        if held.unheard.is_none() {
            self.inner.noted(store::unlock(&self.inner.link, &self.names, &held.token, pause).await);
        } else {
            behind::let_go(&self.inner, &held.token, vec![(self.names.clone(), pause)]);
        }
    }
}

/// Takes the flight off the board before its answer is told, so that who comes later asks anew; also when it is dropped
/// without an answer.
pub(super) struct Landing<T> {
    inner: Arc<Inner<T>>,
    id: Arc<str>,
    told: Option<(Teller, u64)>,
}

impl<T> Landing<T> {
    /// Of a fetch whose number on the board this is; 0 for one that is not on it.
    pub(super) fn new(inner: &Arc<Inner<T>>, id: &Arc<str>, teller: Teller, number: u64) -> Self {
        Self { inner: Arc::clone(inner), id: Arc::clone(id), told: Some((teller, number)) }
    }

    /// What follows goes on whether or not somebody polls whoever began it.
    fn has_task(&self) {
        if let Some((_, number)) = &self.told {
            self.inner.flights.has_task(&self.id, *number);
        }
    }

    pub(super) fn tell<V, E>(mut self, answer: Result<Hit<V>, Miss<E>>)
    where
        V: Send + Sync + 'static,
        E: Send + Sync + 'static,
    {
        if let Some((teller, number)) = self.told.take() {
            self.inner.flights.land(&self.id, number);
            let answer: AnyAnswer = Arc::new(answer);
            // Nobody may be left to hear it.
            let _ = teller.send(Some(answer));
        }
    }
}

impl<T> Drop for Landing<T> {
    fn drop(&mut self) {
        if let Some((_, number)) = self.told.take() {
            self.inner.flights.land(&self.id, number);
        }
    }
}

pub(super) fn new_token() -> String {
    format!("{:032x}", fastrand::u128(..))
}
