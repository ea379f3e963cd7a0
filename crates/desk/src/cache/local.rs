//! What a process keeps in its own memory, and the marks by which a value that was read before an invalidation is known.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use xxhash_rust::xxh3::xxh3_64;

/// Ids that share a mark: a mark that moves for another id only costs a read.
const SHARDS: usize = 64;
/// What an entry takes beside its body.
const OVERHEAD: usize = 120;

/// A value in memory.
struct Kept<T> {
    value: Option<Arc<T>>,
    loaded: Instant,
    until: Instant,
    weight: u32,
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), ..*self }
    }
}

/// A moment in the life of an id's shard.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark(u64);

pub(crate) struct Local<T> {
    kept: moka::sync::Cache<Arc<str>, Kept<T>>,
    marks: [Mutex<u64>; SHARDS],
}

impl<T: Send + Sync + 'static> Local<T> {
    pub(crate) fn new(capacity: u64, longest: Duration) -> Self {
        let weigh = |_: &Arc<str>, kept: &Kept<T>| kept.weight;
        // The time to live only clears away; what may be served is decided by `until`.
        let kept = moka::sync::Cache::builder().max_capacity(capacity).weigher(weigh).time_to_live(longest).build();
        Self { kept, marks: [const { Mutex::new(0) }; SHARDS] }
    }

    /// What is kept of an id, and its age. One look at the clock for both: it is a third of what a hit costs.
    pub(crate) fn get(&self, id: &str) -> Option<(Option<Arc<T>>, Duration)> {
        let kept = self.kept.get(id)?;
        let now = Instant::now();
        (now < kept.until).then(|| (kept.value, now.saturating_duration_since(kept.loaded)))
    }

    fn shard(&self, id: &str) -> &Mutex<u64> {
        let place = xxh3_64(id.as_bytes()) as usize % SHARDS;
        self.marks.get(place).unwrap_or(&self.marks[0])
    }

    /// To be taken before a value is read or loaded.
    pub(crate) fn mark(&self, id: &str) -> Mark {
        Mark(*self.shard(id).lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps a value unless its id was dropped since `mark`.
    pub(crate) fn keep(
        &self,
        id: &Arc<str>,
        value: Option<Arc<T>>,
        age: Duration,
        stay: Duration,
        length: usize,
        mark: Mark,
    ) {
        let now = Instant::now();
        let (Some(loaded), Some(until)) = (now.checked_sub(age), now.checked_add(stay)) else { return };
        if stay.is_zero() {
            return;
        }
        let weight = u32::try_from(OVERHEAD + id.len() + length).unwrap_or(u32::MAX);
        let shard = self.shard(id).lock().unwrap_or_else(PoisonError::into_inner);
        if Mark(*shard) == mark {
            self.kept.insert(Arc::clone(id), Kept { value, loaded, until, weight });
        }
    }

    /// Forgets an id, and with it what was read of it and is not kept yet.
    pub(crate) fn drop_id(&self, id: &str) -> Mark {
        let mut shard = self.shard(id).lock().unwrap_or_else(PoisonError::into_inner);
        *shard += 1;
        self.kept.invalidate(id);
        Mark(*shard)
    }

    /// As [`Self::drop_id`]; a mark only if nobody else dropped it since `mark`.
    pub(crate) fn drop_id_since(&self, id: &str, mark: Mark) -> Option<Mark> {
        let mut shard = self.shard(id).lock().unwrap_or_else(PoisonError::into_inner);
        let is_alone = Mark(*shard) == mark;
        *shard += 1;
        self.kept.invalidate(id);
        is_alone.then_some(Mark(*shard))
    }

    /// Forgets everything.
    pub(crate) fn drop_all(&self) {
        for shard in &self.marks {
            *shard.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        }
        self.kept.invalidate_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn of_two_writers_at_a_time_neither_is_kept() {
        let local = Local::new(10_000, MINUTE);
        let id: Arc<str> = "BTCUSDT".into();
        let first = local.drop_id(&id);
        // Another process' write is told, or this process writes again, before the first write is answered.
        let second = local.drop_id(&id);
        assert!(local.drop_id_since(&id, first).is_none());
        assert!(local.drop_id_since(&id, second).is_none(), "nor the other: the first may have come behind it");
        let alone = local.drop_id(&id);
        let before = local.mark(&id);
        let mark = local.drop_id_since(&id, alone).unwrap();
        local.keep(&id, Some(Arc::new(1)), Duration::ZERO, MINUTE, 1, before);
        assert!(local.get(&id).is_none(), "what was read while it was written");
        local.keep(&id, Some(Arc::new(2)), Duration::ZERO, MINUTE, 1, mark);
        assert_eq!(*local.get(&id).unwrap().0.unwrap(), 2);
    }
}
