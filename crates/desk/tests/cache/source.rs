//! A source that counts how often it is asked, and the cache before it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use liq_harness::Server;
use redis_liq_desk::cache::{Builder, Hit, Layer, Miss};
use redis_liq_desk::{Cache, Link, Space};

pub const SPACE: Space = Space::new("market:ticker");
/// Long enough that nothing expires while a slow machine runs the test.
pub const LONG: Duration = Duration::from_secs(3600);

pub type Answer = Result<Hit<u64>, Miss<String>>;

/// Answers its number of the moment.
#[derive(Clone, Default)]
pub struct Source {
    pub asked: Arc<AtomicU64>,
    pub value: Arc<AtomicU64>,
}

impl Source {
    pub async fn get(&self, cache: &Cache<u64>, id: &str) -> Answer {
        let own = self.clone();
        cache.get(id, move || async move { own.ask() }).await
    }

    /// As [`Self::get`], taking so long.
    pub async fn get_slowly(&self, cache: &Cache<u64>, id: &str, time: Duration) -> Answer {
        let own = self.clone();
        let load = move || async move {
            let answer = own.ask();
            tokio::time::sleep(time).await;
            answer
        };
        cache.get(id, load).await
    }

    pub fn ask(&self) -> Result<Option<u64>, String> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(Some(self.value.load(Ordering::SeqCst)))
    }

    pub fn times(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }
}

/// A link that a busy machine does not disturb; tests of failures take one with the usual time limit.
pub fn link(server: &Server) -> Link {
    Link::open_with(&server.url(), Duration::from_secs(30), 3).unwrap()
}

/// A class that stays fresh in Redis for an hour and keeps nothing in memory.
pub fn shared_only() -> Builder {
    Cache::<u64>::builder(SPACE).fresh(LONG).local(Duration::ZERO)
}

#[track_caller]
pub fn assert_hit(answer: Answer, value: u64, from: Layer) {
    let hit = answer.unwrap();
    assert_eq!((hit.value.as_deref(), hit.from), (Some(&value), from));
}
