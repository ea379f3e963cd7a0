//! What is told to Redis behind a reader's back, once: of a lock that may be ours, as the answer to taking it was late or
//! lost, or of one whose value could not be stored. Else nobody would load until it runs out; and the reader has waited
//! for a slow server already.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::store::{self, Names};
use super::{Inner, entry};
use crate::{Error, Link};

/// A value to be stored for so long; none where it is known that there is none.
pub(super) type Write<T> = (Names, Option<Arc<T>>, Duration);

/// Lets locks go, or makes them pauses, where they have this token.
pub(super) fn let_go<T: Send + Sync + 'static>(
    inner: &Arc<Inner<T>>,
    token: &str,
    locks: Vec<(Names, Option<Duration>)>,
) {
    if !locks.is_empty() {
        let (inner, token) = (Arc::clone(inner), token.to_owned());
        tokio::spawn(async move { inner.noted(store::unlock_many(&inner.link, &token, &locks).await) });
    }
}

/// Stores what was loaded just now, where the lock has this token and had it when the load began: a lock that was taken
/// later, as by a server that hung, may stand behind a `forget` that the load did not see. Lets go what is not stored.
pub(super) fn store<T>(inner: &Arc<Inner<T>>, token: &str, begun: Instant, values: Vec<Write<T>>)
where
    T: Serialize + Send + Sync + 'static,
{
    if !values.is_empty() {
        let (inner, token) = (Arc::clone(inner), token.to_owned());
        tokio::spawn(async move { store_now(&inner, &token, begun, Instant::now(), values).await });
    }
}

async fn store_now<T>(inner: &Inner<T>, token: &str, begun: Instant, loaded: Instant, values: Vec<Write<T>>)
where
    T: Serialize + Send + Sync + 'static,
{
    let locks: Vec<_> = values.iter().map(|(names, ..)| (names.clone(), None)).collect();
    if let Some(clock) = inner.noted(Clock::ask(&inner.link).await) {
        let encode = |value: Option<&T>| entry::encode(value, clock.at(loaded), inner.settings.compress_above);
        // One that cannot be written leaves its lock to be let go.
        let writes = values.into_iter().filter_map(|(names, value, stay)| {
            let (bytes, _) = encode(value.as_deref()).ok()?;
            Some((names, bytes, stay))
        });
        let writes: Vec<_> = writes.collect();
        let latest = clock.at(begun) + store::millis(inner.settings.load_limit);
        let stored = inner.noted(store::store_many(&inner.link, token, &writes, Some(latest)).await);
        if stored.is_some_and(|stored| stored.len() == locks.len() && !stored.contains(&false)) {
            return;
        }
    }
    inner.noted(store::unlock_many(&inner.link, token, &locks).await);
}

/// The server's clock, which shows at least so much at a moment of ours.
struct Clock {
    server_ms: u64,
    /// When the answer was here.
    heard: Instant,
}

impl Clock {
    async fn ask(link: &Link) -> Result<Self, Error> {
        let answer = link.send(&redis::cmd("TIME")).await?;
        let (seconds, micros) = redis::from_redis_value::<(u64, u64)>(answer).map_err(Error::unexpected)?;
        Ok(Self { server_ms: seconds * 1000 + micros / 1000, heard: Instant::now() })
    }

    fn at(&self, moment: Instant) -> u64 {
        self.server_ms.saturating_sub(self.heard.saturating_duration_since(moment).as_millis() as u64 + 1)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may stop at a broken assumption")]
mod tests {
    use liq_harness::Server;

    use super::*;
    use crate::{Cache, Space};

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn only_what_was_loaded_under_the_lock_is_stored() {
        let server = Server::plain();
        let link = Link::open_with(&server.url(), Duration::from_secs(30), 3).unwrap();
        let cache = Cache::<u64>::builder(Space::new("market")).fresh(HOUR).load_limit(HOUR).build(&link).unwrap();
        let inner = &cache.inner;
        let names = inner.names("a");
        let write = || vec![(names.clone(), Some(Arc::new(1)), HOUR)];
        let pause = || tokio::time::sleep(Duration::from_millis(50));
        let is_stored = async || store::get(&link, &names.value).await.unwrap().is_some();
        let begun = Instant::now();
        pause().await;
        store::take(&link, &names, "token", HOUR).await.unwrap();
        store_now(inner, "token", begun, Instant::now(), write()).await;
        assert!(!is_stored().await, "somebody may have forgotten it before the lock was taken");
        let (turn, _) = store::take(&link, &names, "token", HOUR).await.unwrap();
        assert!(matches!(turn, store::Turn::Ours), "and it was let go");
        // An answer that is slow tells too little about the clock: then it is let go too, and tried here again.
        for _ in 0..1000 {
            pause().await;
            store_now(inner, "token", Instant::now(), Instant::now(), write()).await;
            if is_stored().await {
                return;
            }
            store::take(&link, &names, "token", HOUR).await.unwrap();
        }
        panic!("it is never stored");
    }
}
