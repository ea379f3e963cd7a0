//! One load at a time: who asks for an id that is being fetched waits for that fetch, in this process by a shared
//! answer, in others by the lock in Redis.

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// The first pause after a failed load, and the longest.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_secs(1);
pub(crate) const LAST_PAUSE: Duration = Duration::from_secs(30);

/// An answer whose type only those know who asked for it: `Result<Hit<T>, Miss<E>>`.
pub(crate) type AnyAnswer = Arc<dyn Any + Send + Sync>;

/// How a flight tells its answer.
pub(crate) type Teller = watch::Sender<Option<AnyAnswer>>;

/// The fetches of this process that are under way.
#[derive(Default)]
pub(crate) struct Flights {
    by_id: Mutex<HashMap<Arc<str>, Flight>>,
    refreshing: Mutex<HashSet<Arc<str>>>,
}

struct Flight {
    number: u64,
    answer: watch::Receiver<Option<AnyAnswer>>,
    /// It goes on whether or not somebody polls who boarded it first.
    has_task: bool,
}

/// A place in a fetch.
pub(crate) enum Seat {
    /// Somebody fetches already, under this number.
    Passenger(watch::Receiver<Option<AnyAnswer>>, u64),
    /// The fetch is ours to make.
    Pilot(Teller, watch::Receiver<Option<AnyAnswer>>, u64),
}

impl Flights {
    fn by_id(&self) -> MutexGuard<'_, HashMap<Arc<str>, Flight>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn board(&self, id: &Arc<str>) -> Seat {
        let mut flights = self.by_id();
        if let Some(flight) = flights.get(id) {
            return Seat::Passenger(flight.answer.clone(), flight.number);
        }
        let number = fastrand::u64(..);
        let (teller, answer) = watch::channel(None);
        flights.insert(Arc::clone(id), Flight { number, answer: answer.clone(), has_task: false });
        Seat::Pilot(teller, answer, number)
    }

    /// A flight goes on in a task of its own.
    pub(crate) fn has_task(&self, id: &str, number: u64) {
        if let Some(flight) = self.by_id().get_mut(id).filter(|flight| flight.number == number) {
            flight.has_task = true;
        }
    }

    /// The answer of a flight that was boarded, or none when it ended without one. Whoever boarded it first may poll it no
    /// more, as while he waits for this one: it is left when it looks in Redis for longer than `limit`.
    pub(crate) async fn wait(
        &self,
        id: &str,
        number: u64,
        answer: &mut watch::Receiver<Option<AnyAnswer>>,
        limit: Duration,
    ) -> Option<AnyAnswer> {
        loop {
            if let Ok(told) = tokio::time::timeout(limit, wait(answer)).await {
                return told;
            }
            let goes_on = self.by_id().get(id).is_some_and(|flight| flight.number == number && flight.has_task);
            if !goes_on {
                self.land(id, number);
                return None;
            }
        }
    }

    /// Takes a flight off the board, unless another has taken its place.
    pub(crate) fn land(&self, id: &str, number: u64) {
        let mut flights = self.by_id();
        if flights.get(id).is_some_and(|flight| flight.number == number) {
            flights.remove(id);
        }
    }

    /// Nobody boards the flight of this id any more: what it brings is old.
    pub(crate) fn divert(&self, id: &str) {
        self.by_id().remove(id);
    }

    pub(crate) fn divert_all(&self) {
        self.by_id().clear();
    }

    /// The right to refresh an id, unless this process does already.
    pub(crate) fn refresh(self: &Arc<Self>, id: &Arc<str>) -> Option<Refresh> {
        let is_first = self.refreshing.lock().unwrap_or_else(PoisonError::into_inner).insert(Arc::clone(id));
        is_first.then(|| Refresh { flights: Arc::clone(self), id: Arc::clone(id) })
    }
}

/// The answer of a flight, or none when it ended without one.
pub(crate) async fn wait(answer: &mut watch::Receiver<Option<AnyAnswer>>) -> Option<AnyAnswer> {
    answer.wait_for(Option::is_some).await.ok()?.clone()
}

/// Held while an id is refreshed in the background.
pub(crate) struct Refresh {
    flights: Arc<Flights>,
    id: Arc<str>,
}

impl Drop for Refresh {
    fn drop(&mut self) {
        self.flights.refreshing.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// Ids whose source failed: nobody asks it until the pause is over.
pub(crate) struct Pauses {
    by_id: moka::sync::Cache<Arc<str>, Pause>,
}

#[derive(Clone)]
pub(crate) struct Pause {
    pub(crate) until: Instant,
    /// The error of the load: an `Arc<E>` of whoever asked. None where it was no error of the source, or another
    /// process'.
    pub(crate) last: Option<AnyAnswer>,
    failures: u32,
}

impl Pauses {
    pub(crate) fn new() -> Self {
        // What failed long ago begins anew with a short pause; and hostile ids must not fill the memory.
        let by_id = moka::sync::Cache::builder().max_capacity(10_000).time_to_live(4 * LAST_PAUSE).build();
        Self { by_id }
    }

    /// The pause of an id that is not over.
    pub(crate) fn get(&self, id: &str) -> Option<Pause> {
        self.by_id.get(id).filter(|pause| Instant::now() < pause.until)
    }

    /// After one more failure; answers how long the pause is.
    pub(crate) fn lengthen(&self, id: &Arc<str>, last: Option<AnyAnswer>) -> Duration {
        let failures = self.by_id.get(id).map_or(0, |pause| pause.failures);
        let pause = FIRST_PAUSE.saturating_mul(1 << failures.min(8)).min(LAST_PAUSE);
        self.by_id.insert(Arc::clone(id), Pause { until: Instant::now() + pause, last, failures: failures + 1 });
        pause
    }

    pub(crate) fn end(&self, id: &str) {
        self.by_id.invalidate(id);
    }
}
