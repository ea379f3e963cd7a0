//! Many ids at once: read together, and warmed ahead.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::flight::{Seat, wait};
use super::load::Landing;
use super::load_many::{Loaded, fetch_many};
use super::{Cache, Hit, Layer, Miss};
use crate::Limit;
use crate::space::check_id;

/// What a flight brings.
type Answer<T, E> = Result<Hit<T>, Miss<E>>;

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

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Cache<T> {
    /// The values of many ids: one read of Redis, and one `load` of all that is not there fresh and that nobody in this
    /// process loads already. An id that the load does not bring does not exist, which is remembered. What is stale is
    /// answered as by [`Self::get`], what failed is left alone as there, and the load goes on when its caller is dropped.
    /// Unlike it this does not wait for loads of other processes; what they load at this moment is theirs to store.
    ///
    /// # Errors
    /// [`Miss`] when an id has no value at hand, fresh or stale, and the source gave none.
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
        let (mut hits, mut failed) = (HashMap::new(), None);
        let (mut seats, mut answers, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for id in ids.iter().collect::<std::collections::BTreeSet<_>>() {
            if let Some(hit) = self.inner.local_hit(id) {
                hits.insert((*id).to_owned(), hit);
                continue;
            }
            let id: Arc<str> = (*id).into();
            match self.inner.flights.board(&id) {
                Seat::Passenger(answer, number) => others.push((id, answer, number)),
                Seat::Pilot(teller, answer, number) => {
                    self.inner.flights.has_task(&id, number);
                    seats.push((Arc::clone(&id), Landing::new(&self.inner, &id, teller, number)));
                    answers.push((id, answer));
                }
            }
        }
        let mut load = Some(load);
        // Before anybody else is waited for, who may wait for these.
        if !seats.is_empty() {
            tokio::spawn(fetch_many(Arc::clone(&self.inner), seats, load.take()));
        }
        let mut seats = Vec::new();
        for (id, mut answer, number) in others {
            match self.inner.wait_for(&id, number, &mut answer).await.map(|any| any.downcast::<Answer<T, E>>()) {
                Some(Ok(own)) => {
                    self.inner.count_passenger(&*own);
                    settle(id, &own, &mut hits, &mut failed);
                }
                // Who fetched was dropped before it knew, is polled no more, or fails with another type: it is asked for here.
                _ => {
                    let (teller, answer) = tokio::sync::watch::channel(None);
                    seats.push((Arc::clone(&id), Landing::new(&self.inner, &id, teller, 0)));
                    answers.push((id, answer));
                }
            }
        }
        if !seats.is_empty() {
            tokio::spawn(fetch_many(Arc::clone(&self.inner), seats, load.take()));
        }
        for (id, mut answer) in answers {
            match wait(&mut answer).await.map(|any| any.downcast::<Answer<T, E>>()) {
                Some(Ok(own)) => settle(id, &own, &mut hits, &mut failed),
                // Its task was ended with its runtime.
                _ => failed = Some(Miss::Panicked),
            }
        }
        failed.map_or(Ok(hits), Err)
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
        self.warm_all(ids, at_once, None, load).await
    }

    /// As [`Self::warm`], asking a limiter of the redis-liq module before each load. What is there, stale too, takes
    /// nothing from it; an id fails when the limiter cannot be asked.
    pub async fn warm_within<E, F>(
        &self,
        ids: &[&str],
        at_once: usize,
        limit: &Limit,
        load: impl Fn(String) -> F + Send + Sync + 'static,
    ) -> Warmed
    where
        F: Future<Output = Result<Option<T>, E>> + Send + 'static,
        E: Send + Sync + 'static,
    {
        self.warm_all(ids, at_once, Some(limit), load).await
    }

    async fn warm_all<E, F>(
        &self,
        ids: &[&str],
        at_once: usize,
        limit: Option<&Limit>,
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
                check_id(&id).ok()?;
                if let Some(limit) = limit {
                    if let Some(hit) = self.peek(&id).await {
                        return Some(hit.from);
                    }
                    // Outside of the load, whose time is limited.
                    limit.pass().await.ok()?;
                }
                let own = id.clone();
                self.get(&id, move || load(own)).await.ok().map(|hit| hit.from)
            }
        };
        let results = futures_util::stream::iter(ids.iter().map(|id| one(id))).buffer_unordered(at_once.clamp(1, 1000));
        results
            .fold(Warmed::default(), |mut warmed, from| {
                match from {
                    Some(Layer::Loader) => warmed.loaded += 1,
                    Some(_) => warmed.present += 1,
                    None => warmed.failed += 1,
                }
                std::future::ready(warmed)
            })
            .await
    }
}

/// Sorts an answer; of several errors the first is told.
fn settle<T, E>(id: Arc<str>, answer: &Answer<T, E>, hits: &mut HashMap<String, Hit<T>>, failed: &mut Option<Miss<E>>) {
    match answer {
        Ok(hit) => drop(hits.insert(id.to_string(), hit.clone())),
        Err(miss) => {
            failed.get_or_insert_with(|| miss.clone());
        }
    }
}
