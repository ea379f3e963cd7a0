//! Many ids at once: read together, and warmed ahead.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::local::Mark;
use super::store::{self, Names};
use super::{Cache, Hit, Layer, Miss, entry, load};
use crate::Error;
use crate::space::check_id;

/// What became of the ids that were to be warmed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warmed {
    /// Were there already, fresh or stale, or were loaded by somebody else meanwhile.
    pub present: usize,
    /// Were loaded.
    pub loaded: usize,
    /// Could not be loaded, or are no legal ids.
    pub failed: usize,
}

/// What a load of many brings: an id that is not in it does not exist.
type Loaded<T> = HashMap<String, T>;

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Cache<T> {
    /// The values of many ids: one read of Redis, and one `load` of all that is not there fresh. An id that the load does
    /// not bring does not exist, which is remembered. Unlike [`Self::get`] it does not wait for loads of other
    /// processes; what they load at this moment is theirs to store.
    ///
    /// # Errors
    /// [`Miss`] when the load fails and not for all ids there is a stale value.
    pub async fn get_many<E, F>(
        &self,
        ids: &[&str],
        load: impl FnOnce(Vec<String>) -> F + Send + 'static,
    ) -> Result<HashMap<String, Hit<T>>, Miss<E>>
    where
        F: Future<Output = Result<Loaded<T>, E>> + Send + 'static,
        E: Send + Sync + 'static,
    {
        ids.iter().try_for_each(|id| check_id(id))?;
        let mut hits = HashMap::new();
        let mut wanted: Vec<(Arc<str>, Mark)> = Vec::new();
        for id in ids {
            if hits.contains_key(*id) || wanted.iter().any(|(known, _)| known.as_ref() == *id) {
                continue;
            }
            match self.inner.local_hit(id) {
                Some(hit) => drop(hits.insert((*id).to_owned(), hit)),
                None => wanted.push(((*id).into(), self.inner.local.mark(id))),
            }
        }
        let is_hung = self.read_many(&mut wanted, &mut hits).await;
        if wanted.is_empty() {
            return Ok(hits);
        }
        match self.load_many(&wanted, load, is_hung).await {
            Ok(loaded) => hits.extend(loaded),
            // Stale values are in `hits` already.
            Err(_) if wanted.iter().all(|(id, _)| hits.contains_key(id.as_ref())) => {}
            Err(miss) => return Err(miss),
        }
        Ok(hits)
    }

    /// Moves what Redis has fresh from `wanted` to `hits`, and copies what it has stale; whether Redis hangs.
    async fn read_many(&self, wanted: &mut Vec<(Arc<str>, Mark)>, hits: &mut HashMap<String, Hit<T>>) -> bool {
        if wanted.is_empty() {
            return false;
        }
        let inner = &self.inner;
        let names: Vec<Names> = wanted.iter().map(|(id, _)| inner.names(id)).collect();
        let read = store::get_many(&inner.link, &names).await;
        let is_hung = matches!(read, Err(Error::TimedOut(_)));
        let Some(found) = inner.noted(read) else { return is_hung };
        let mut left = Vec::new();
        for ((id, mark), bytes) in wanted.drain(..).zip(found) {
            let hit = match bytes {
                Some(bytes) => inner.open(&id, &bytes, mark).await,
                None => None,
            };
            let is_fresh = hit.as_ref().is_some_and(|hit| !hit.stale);
            if let Some(hit) = hit {
                if hit.stale {
                    inner.counters.stale.add()
                } else {
                    inner.counters.redis.add()
                }
                hits.insert(id.to_string(), hit);
            }
            if !is_fresh {
                left.push((id, mark));
            }
        }
        *wanted = left;
        false
    }

    async fn load_many<E, F>(
        &self,
        wanted: &[(Arc<str>, Mark)],
        load: impl FnOnce(Vec<String>) -> F + Send + 'static,
        is_hung: bool,
    ) -> Result<HashMap<String, Hit<T>>, Miss<E>>
    where
        F: Future<Output = Result<Loaded<T>, E>> + Send + 'static,
        E: Send + Sync + 'static,
    {
        let inner = &self.inner;
        let names: Vec<Names> = wanted.iter().map(|(id, _)| inner.names(id)).collect();
        let token = load::new_token();
        let limit = inner.settings.load_limit;
        // A server that hangs keeps a read waiting once.
        let held = if is_hung { None } else { inner.noted(store::take_many(&inner.link, &names, &token, limit).await) };
        inner.counters.loads.add();
        let ids: Vec<String> = wanted.iter().map(|(id, _)| id.to_string()).collect();
        let mut work = tokio::spawn(async move { load(ids).await });
        let failed = match tokio::time::timeout(limit, &mut work).await {
            Ok(Ok(Ok(loaded))) => return Ok(self.store_many(wanted, names, loaded, held, &token).await),
            Ok(Ok(Err(error))) => Miss::Load(Arc::new(error)),
            Ok(Err(_)) => Miss::Panicked,
            Err(_) => {
                work.abort();
                Miss::LoadLimit
            }
        };
        inner.counters.failed.add();
        for (names, _) in names.iter().zip(held.into_iter().flatten()).filter(|(_, is_ours)| *is_ours) {
            inner.noted(store::unlock(&inner.link, names, &token, None).await);
        }
        Err(failed)
    }

    async fn store_many(
        &self,
        wanted: &[(Arc<str>, Mark)],
        names: Vec<Names>,
        mut loaded: Loaded<T>,
        held: Option<Vec<bool>>,
        token: &str,
    ) -> HashMap<String, Hit<T>> {
        let inner = &self.inner;
        let now_ms = if held.is_some() { inner.link.now_ms().await } else { 0 };
        // Nobody tells of a change to what is not in Redis: there only `local` ends a copy.
        let without_redis = inner.tracking.is_none();
        let (mut hits, mut writes) = (HashMap::new(), Vec::new());
        // Without Redis there is nobody to refuse: the marks tell.
        let ours = held.unwrap_or_default();
        for (place, ((id, mark), names)) in wanted.iter().zip(names).enumerate() {
            let value = loaded.remove(id.as_ref()).map(Arc::new);
            let stay = if value.is_some() { inner.stay(id) } else { inner.missing_time };
            let encoded = entry::encode(value.as_deref(), now_ms, inner.settings.compress_above);
            let length = encoded.as_ref().map_or(0, |(_, length)| *length);
            match (ours.get(place), encoded) {
                (Some(true), Ok((bytes, _))) => writes.push((id, *mark, value.clone(), length, (names, bytes, stay))),
                (None, _) if without_redis => inner.keep(id, value.clone(), Duration::ZERO, length, *mark),
                _ => {}
            }
            hits.insert(id.to_string(), Hit { value, age: Duration::ZERO, from: Layer::Loader, stale: false });
        }
        let (kept, writes): (Vec<_>, Vec<_>) =
            writes.into_iter().map(|(id, mark, value, length, write)| ((id, mark, value, length), write)).unzip();
        let stored = inner.noted(store::store_many(&inner.link, token, &writes).await);
        for (place, (id, mark, value, length)) in kept.into_iter().enumerate() {
            match &stored {
                Some(stored) if stored.get(place) != Some(&true) => inner.counters.refused.add(),
                None if !without_redis => {}
                _ => inner.keep(id, value, Duration::ZERO, length, mark),
            }
        }
        hits
    }

    /// Loads what is not there, `at_once` (1 to 1,000) at a time; a loader that asks an exchange waits for its own
    /// rate limit.
    pub async fn warm<E, F>(
        &self,
        ids: &[&str],
        at_once: usize,
        load: impl Fn(String) -> F + Send + Sync + 'static,
    ) -> Warmed
    where
        F: Future<Output = Result<Option<T>, E>> + Send + 'static,
        E: Send + Sync + 'static,
    {
        let load = Arc::new(load);
        let one = |id: &str| {
            let (load, id) = (Arc::clone(&load), id.to_owned());
            async move {
                let own = id.clone();
                self.get(&id, move || load(own)).await.map(|hit| hit.from)
            }
        };
        let results = futures_util::stream::iter(ids.iter().map(|id| one(id))).buffer_unordered(at_once.clamp(1, 1000));
        results
            .fold(Warmed::default(), |mut warmed, result| {
                match result {
                    Ok(Layer::Loader) => warmed.loaded += 1,
                    Ok(_) => warmed.present += 1,
                    Err(_) => warmed.failed += 1,
                }
                std::future::ready(warmed)
            })
            .await
    }
}
