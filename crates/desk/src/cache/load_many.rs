//! A read of many ids that memory could not answer, by the rules of a read of one: what is stale is answered and loaded
//! anew by who may, what failed is left alone, the load outlives whoever asked, and each id of this process is in one
//! load. Only loads of other processes are not waited for: what they load at this moment is theirs to store, and this
//! load serves the readers of this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::flight::{AnyAnswer, LAST_PAUSE, Refresh};
use super::load::{Landing, new_token};
use super::local::Mark;
use super::store::{self, Names, Turn};
use super::{Hit, Inner, Layer, Miss, behind, entry};
use crate::Error;

/// What a load of many brings: an id that is not in it does not exist.
pub(super) type Loaded<T> = HashMap<String, T>;

/// An id on its way.
struct Wanted<T> {
    id: Arc<str>,
    names: Names,
    /// What was kept since is newer than what this read finds.
    mark: Mark,
    reply: Reply<T>,
    /// What Redis has, past its freshness.
    stale: Option<Hit<T>>,
    /// The right to load what is stale.
    refresh: Option<Refresh>,
    /// Whose turn it is to load, as Redis says; none where it says nothing.
    turn: Option<Turn>,
}

impl<T> Wanted<T> {
    const fn is_ours(&self) -> bool {
        matches!(self.turn, Some(Turn::Ours))
    }

    /// When the load began, where the lock is ours if it was taken before.
    const fn unheard(&self) -> Option<Instant> {
        if let Some(Turn::Unknown(begun)) = self.turn { Some(begun) } else { None }
    }
}

/// An answer that is told once, by whoever has it first.
struct Reply<T>(Arc<Mutex<Option<Landing<T>>>>);

impl<T: Send + Sync + 'static> Reply<T> {
    fn tell<E: Send + Sync + 'static>(&self, answer: Result<Hit<T>, Miss<E>>) -> bool {
        let landing = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let is_first = landing.is_some();
        if let Some(landing) = landing {
            landing.tell(answer);
        }
        is_first
    }
}

/// The ids of one read, and the types of its load.
struct Fetch<T> {
    inner: Arc<Inner<T>>,
    token: String,
}

/// Answers all `seats`: from Redis, or by `load`; without one, as it was used for others, what is in Redis at least.
pub(super) async fn fetch_many<T, E, F>(
    inner: Arc<Inner<T>>,
    seats: Vec<(Arc<str>, Landing<T>)>,
    load: Option<impl FnOnce(Vec<String>) -> F + Send + 'static>,
) where
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
    F: Future<Output = Result<Loaded<T>, E>> + Send + 'static,
    E: Send + Sync + 'static,
{
    super::tracking::ensure(&inner).await;
    let wanted = seats.into_iter().map(|(id, landing)| Wanted {
        names: inner.names(&id),
        mark: inner.local.mark(&id),
        reply: Reply(Arc::new(Mutex::new(Some(landing)))),
        id,
        stale: None,
        refresh: None,
        turn: None,
    });
    let wanted = wanted.collect();
    let fetch = Fetch { inner, token: new_token() };
    let (wanted, is_hung) = fetch.read::<E>(wanted, load.is_some()).await;
    let Some(load) = load.filter(|_| !wanted.is_empty()) else { return };
    let wanted = fetch.lock::<E>(wanted, is_hung).await;
    fetch.serve_stale::<E>(&wanted);
    if !wanted.is_empty() {
        fetch.run(wanted, load).await;
    }
}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Fetch<T> {
    /// Answers what Redis has; what is left is to be loaded. Also whether Redis hangs.
    async fn read<E: Send + Sync + 'static>(&self, wanted: Vec<Wanted<T>>, may_load: bool) -> (Vec<Wanted<T>>, bool) {
        let inner = &self.inner;
        let read = store::get_many(&inner.link, &names(&wanted)).await;
        let is_hung = matches!(read, Err(Error::TimedOut(_)));
        let mut found = inner.noted(read).unwrap_or_default().into_iter();
        let mut left = Vec::new();
        for mut wanted in wanted {
            let hit = match found.next().flatten() {
                Some(bytes) => inner.open(&wanted.id, &bytes, wanted.mark).await,
                None => None,
            };
            let pause = inner.pauses.get(&wanted.id);
            match (hit, pause) {
                (Some(hit), _) if !hit.stale => self.tell_found::<E>(&wanted, hit),
                (Some(hit), pause) => {
                    wanted.refresh = if pause.is_none() && may_load { inner.flights.refresh(&wanted.id) } else { None };
                    wanted.stale = Some(hit);
                    if wanted.refresh.is_some() {
                        left.push(wanted);
                    } else {
                        self.tell_stale::<E>(&wanted.reply, wanted.stale.as_ref());
                    }
                }
                (None, Some(pause)) => {
                    let last = pause.last.and_then(|last| last.downcast::<E>().ok());
                    wanted.reply.tell::<E>(Err(Miss::Paused { until: pause.until, last }));
                }
                (None, None) if may_load => left.push(wanted),
                (None, None) => {
                    wanted.reply.tell::<E>(Err(Miss::Abandoned));
                }
            }
        }
        (left, is_hung)
    }

    fn tell_found<E: Send + Sync + 'static>(&self, wanted: &Wanted<T>, hit: Hit<T>) {
        self.inner.counters.redis.add();
        if hit.value.is_none() {
            self.inner.counters.missing.add();
        }
        wanted.reply.tell::<E>(Ok(hit));
    }

    fn tell_stale<E: Send + Sync + 'static>(&self, reply: &Reply<T>, hit: Option<&Hit<T>>) {
        if let Some(hit) = hit
            && reply.tell::<E>(Ok(hit.clone()))
        {
            self.inner.counters.stale.add();
        }
    }

    /// Takes the locks; what others load, or is paused by them, needs no load of ours where there is a stale value.
    async fn lock<E: Send + Sync + 'static>(&self, wanted: Vec<Wanted<T>>, is_hung: bool) -> Vec<Wanted<T>> {
        let inner = &self.inner;
        let limit = inner.settings.load_limit;
        // A server that hangs keeps a read waiting once.
        let (turns, unheard) = if is_hung {
            (None, None)
        } else {
            let taken = store::take_many(&inner.link, &names(&wanted), &self.token, limit).await;
            let unheard = store::unheard(&taken);
            (inner.noted(taken), unheard)
        };
        let mut turns = turns.unwrap_or_default().into_iter();
        let (mut left, mut loose) = (Vec::new(), Vec::new());
        for mut wanted in wanted {
            wanted.turn = unheard.map(Turn::Unknown).or_else(|| turns.next().flatten());
            match (&wanted.turn, &wanted.stale) {
                (Some(Turn::Ours), _) => left.push(wanted),
                // Without Redis the value that was just read from it is good enough.
                (_, Some(_)) => {
                    self.tell_stale::<E>(&wanted.reply, wanted.stale.as_ref());
                    if unheard.is_some() {
                        loose.push((wanted.names, None));
                    }
                }
                (Some(Turn::Paused(rest)), None) => {
                    wanted.reply.tell::<E>(Err(Miss::Paused { until: Instant::now() + *rest, last: None }));
                }
                (Some(Turn::Others | Turn::Unknown(_)) | None, None) => left.push(wanted),
            }
        }
        behind::let_go(inner, &self.token, loose);
        self.read_again::<E>(left).await
    }

    /// Somebody may have loaded it between our read and the lock.
    async fn read_again<E: Send + Sync + 'static>(&self, wanted: Vec<Wanted<T>>) -> Vec<Wanted<T>> {
        let inner = &self.inner;
        let (ours, mut left): (Vec<_>, Vec<_>) = wanted.into_iter().partition(Wanted::is_ours);
        if ours.is_empty() {
            return left;
        }
        let found = inner.noted(store::get_many(&inner.link, &names(&ours)).await);
        let mut found = found.unwrap_or_default().into_iter();
        let mut free = Vec::new();
        for wanted in ours {
            let hit = match found.next().flatten() {
                Some(bytes) => inner.open(&wanted.id, &bytes, wanted.mark).await.filter(|hit| !hit.stale),
                None => None,
            };
            match hit {
                Some(hit) => {
                    self.tell_found::<E>(&wanted, hit);
                    free.push((wanted.names, None));
                }
                None => left.push(wanted),
            }
        }
        self.unlock(&free).await;
        left
    }

    /// Answers with what is stale, at once or after the soft limit.
    fn serve_stale<E: Send + Sync + 'static>(&self, wanted: &[Wanted<T>]) {
        let stale =
            wanted.iter().filter_map(|wanted| Some((Reply(Arc::clone(&wanted.reply.0)), wanted.stale.clone()?)));
        let stale: Vec<_> = stale.collect();
        let serve = move |fetch: &Self| stale.iter().for_each(|(reply, hit)| fetch.tell_stale::<E>(reply, Some(hit)));
        let soft_limit = self.inner.settings.soft_limit;
        if soft_limit.is_zero() {
            return serve(self);
        }
        let later = Self { inner: Arc::clone(&self.inner), token: String::new() };
        tokio::spawn(async move {
            tokio::time::sleep(soft_limit).await;
            serve(&later);
        });
    }

    async fn run<E, F>(&self, wanted: Vec<Wanted<T>>, load: impl FnOnce(Vec<String>) -> F + Send + 'static)
    where
        F: Future<Output = Result<Loaded<T>, E>> + Send + 'static,
        E: Send + Sync + 'static,
    {
        let inner = &self.inner;
        inner.counters.loads.add();
        let ids: Vec<String> = wanted.iter().map(|wanted| wanted.id.to_string()).collect();
        // A task of its own, so that a panic is an answer.
        let mut work = tokio::spawn(async move { load(ids).await });
        let failed = match tokio::time::timeout(inner.settings.load_limit, &mut work).await {
            Ok(Ok(Ok(loaded))) => return self.store::<E>(wanted, loaded).await,
            Ok(Ok(Err(error))) => Miss::Load(Arc::new(error)),
            Ok(Err(_)) => Miss::Panicked,
            Err(_) => {
                work.abort();
                Miss::LoadLimit
            }
        };
        inner.counters.failed.add();
        let last = if let Miss::Load(error) = &failed { Some(Arc::clone(error) as AnyAnswer) } else { None };
        let (mut locks, mut loose, mut replies) = (Vec::new(), Vec::new(), Vec::new());
        for wanted in wanted {
            let pause = inner.pauses.lengthen(&wanted.id, last.clone()).min(LAST_PAUSE);
            if wanted.is_ours() {
                locks.push((wanted.names, Some(pause)));
            } else if wanted.unheard().is_some() {
                loose.push((wanted.names, Some(pause)));
            }
            replies.push((wanted.reply, wanted.stale));
        }
        behind::let_go(inner, &self.token, loose);
        // Who asks again finds the pause.
        self.unlock(&locks).await;
        for (reply, stale) in replies {
            self.tell_stale::<E>(&reply, stale.as_ref());
            reply.tell::<E>(Err(failed.clone()));
        }
    }

    async fn store<E: Send + Sync + 'static>(&self, wanted: Vec<Wanted<T>>, mut loaded: Loaded<T>) {
        let inner = &self.inner;
        // Without a lock nothing goes to Redis: only how long it is counts.
        let now_ms = if wanted.iter().any(Wanted::is_ours) { inner.link.now_ms().await } else { 0 };
        let (mut writes, mut locks, mut written, mut unwritten) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut unsure, mut unheard) = (Vec::new(), None);
        for wanted in wanted {
            let value = loaded.remove(wanted.id.as_ref()).map(Arc::new);
            inner.pauses.end(&wanted.id);
            if value.is_none() {
                inner.counters.missing.add();
            }
            let stay = if value.is_some() { inner.stay(&wanted.id) } else { inner.missing_time };
            let encoded = entry::encode(value.as_deref(), now_ms, inner.settings.compress_above);
            let length = encoded.as_ref().map_or(0, |(_, length)| *length);
            match (wanted.is_ours(), encoded) {
                (true, Ok((bytes, _))) => {
                    writes.push((wanted.names.clone(), bytes, stay));
                    written.push((wanted, value, length));
                }
                (true, Err(error)) => {
                    tracing::warn!(space = inner.settings.space.name(), %error, "a loaded value cannot be stored");
                    locks.push((wanted.names.clone(), None));
                    unwritten.push((wanted, value, length));
                }
                (false, _) => {
                    if let Some(begun) = wanted.unheard() {
                        unheard = Some(begun);
                        unsure.push((wanted.names.clone(), value.clone(), stay));
                    }
                    unwritten.push((wanted, value, length));
                }
            }
        }
        if let Some(begun) = unheard {
            behind::store(inner, &self.token, begun, unsure);
        }
        self.unlock(&locks).await;
        // Nobody tells of a change to what is not in Redis: there only `local` ends a copy.
        let without_redis = inner.tracking.is_none();
        let stored = inner.noted(store::store_many(&inner.link, &self.token, &writes, None).await);
        let is_stored = |place| stored.as_ref().is_some_and(|stored| stored.get(place) == Some(&true));
        // The server may have refused the value and not the lock.
        let loose = writes.into_iter().enumerate().filter(|(place, _)| !is_stored(*place));
        behind::let_go(inner, &self.token, loose.map(|(_, (names, ..))| (names, None)).collect());
        for (place, (wanted, value, length)) in written.into_iter().enumerate() {
            let is_stored = stored.as_ref().map(|stored| stored.get(place) == Some(&true));
            if is_stored == Some(false) {
                inner.counters.refused.add();
            }
            self.finish::<E>(&wanted, value, length, is_stored.unwrap_or(without_redis));
        }
        for (wanted, value, length) in unwritten {
            // What another process loads is its to keep.
            self.finish::<E>(&wanted, value, length, without_redis && !matches!(wanted.turn, Some(Turn::Others)));
        }
    }

    fn finish<E>(&self, wanted: &Wanted<T>, value: Option<Arc<T>>, length: usize, is_kept: bool)
    where
        E: Send + Sync + 'static,
    {
        if is_kept {
            self.inner.keep(&wanted.id, value.clone(), Duration::ZERO, length, wanted.mark);
        }
        wanted.reply.tell::<E>(Ok(Hit { value, age: Duration::ZERO, from: Layer::Loader, stale: false }));
    }

    async fn unlock(&self, locks: &[(Names, Option<Duration>)]) {
        if !locks.is_empty() {
            self.inner.noted(store::unlock_many(&self.inner.link, &self.token, locks).await);
        }
    }
}

fn names<T>(wanted: &[Wanted<T>]) -> Vec<Names> {
    wanted.iter().map(|wanted| wanted.names.clone()).collect()
}
