//! Entries of somebody's stream (signals, fires, closes) that become jobs, each once; the stream stays as it is.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use redis::Value;
use redis::aio::ConnectionLike;
use serde::Serialize;
use tokio::sync::watch;

use super::entry::{Fields, array, read_fields, streams};
use super::totals::{FeedTallies, FeedTotals};
use super::{Job, Push, Queue};
use crate::Error;

/// How many entries are read at once, and how long one read waits for them.
const AT_ONCE: usize = 100;
const WAIT: Duration = Duration::from_secs(1);
/// How long an entry is remembered as pushed.
const ONCE: Duration = Duration::from_secs(86_400);

/// A feed at work; ends with [`Feeding::stop`] or when dropped.
pub struct Feeding {
    stop: watch::Sender<bool>,
    feed: tokio::task::JoinHandle<()>,
    tallies: Arc<FeedTallies>,
}

impl Feeding {
    /// Reads no more, and ends when what was read is pushed.
    pub async fn stop(self) -> FeedTotals {
        let _ = self.stop.send(true);
        let _ = self.feed.await;
        self.tallies.totals()
    }

    /// What it has counted.
    pub fn totals(&self) -> FeedTotals {
        self.tallies.totals()
    }
}

impl<T: Serialize + Send + Sync + 'static> Queue<T> {
    /// Makes jobs of the entries of `stream`, new ones and those that `group` (made here, from the stream's beginning) has
    /// not acknowledged: `make` gets an entry's fields and answers the job, or none to pass it over. An entry is
    /// acknowledged when its job is pushed, and is pushed once by its id within a day, by however many feeds of the
    /// group. While the queue is full or Redis away it waits. An entry whose job no queue can take, or for which `make`
    /// panics, is counted and passed over: it would hold up those behind it for ever.
    ///
    /// # Errors
    /// [`Error::Argument`] when the link has no address: a feed waits on a connection of its own.
    pub fn feed_from(
        &self,
        stream: &str,
        group: &str,
        make: impl Fn(&HashMap<String, Vec<u8>>) -> Option<Job<T>> + Send + Sync + 'static,
    ) -> Result<Feeding, Error> {
        if self.inner.link.client().is_none() {
            return Err(Error::Argument("feed_from: needs a link that was opened by address".into()));
        }
        let (stop, stopped) = watch::channel(false);
        let feed = Feed {
            queue: self.clone(),
            stream: stream.to_owned(),
            group: group.to_owned(),
            make: Arc::new(make),
            consumer: format!("{}-{:012x}", std::process::id(), fastrand::u64(..) >> 16),
            stopped: stopped.clone(),
            tallies: Arc::default(),
        };
        let tallies = Arc::clone(&feed.tallies);
        Ok(Feeding { stop, feed: tokio::spawn(feed.run(stopped)), tallies })
    }
}

struct Feed<T, M> {
    queue: Queue<T>,
    stream: String,
    group: String,
    make: Arc<M>,
    consumer: String,
    stopped: watch::Receiver<bool>,
    tallies: Arc<FeedTallies>,
}

type Entry = (String, Fields);

impl<T, M> Feed<T, M>
where
    T: Serialize + Send + Sync + 'static,
    M: Fn(&HashMap<String, Vec<u8>>) -> Option<Job<T>> + Send + Sync + 'static,
{
    async fn run(self, mut stopped: watch::Receiver<bool>) {
        let mut connection = None;
        while !*stopped.borrow() && stopped.has_changed().is_ok() {
            if let Err(error) = self.round(&mut connection).await {
                count(&self.tallies.failed);
                tracing::debug!(%error, stream = self.stream, "the feed waits");
                connection = None;
                tokio::select! {
                    () = tokio::time::sleep(Duration::from_millis(100)) => {}
                    _ = stopped.changed() => {}
                }
            }
        }
    }

    async fn round(&self, connection: &mut Option<redis::aio::MultiplexedConnection>) -> Result<(), Error> {
        let link = &self.queue.inner.link;
        if connection.is_none() {
            *connection = link.own_connection().await?;
            self.make_group().await?;
        }
        let Some(connection) = connection else { return Ok(()) };
        // First what a feed that died had read; then what is new.
        let mut claim = redis::cmd("XAUTOCLAIM");
        claim.arg(&self.stream).arg(&self.group).arg(&self.consumer).arg(10_000).arg("0-0").arg("COUNT").arg(AT_ONCE);
        let answer = link.send(&claim).await?;
        let [_, claimed, _] = array(answer)?;
        let mut entries = read_entries(claimed)?;
        if entries.is_empty() {
            let mut read = redis::cmd("XREADGROUP");
            read.arg("GROUP").arg(&self.group).arg(&self.consumer).arg("COUNT").arg(AT_ONCE);
            read.arg("BLOCK").arg(WAIT.as_millis() as u64).arg("STREAMS").arg(&self.stream).arg(">");
            let limit = WAIT + link.limit();
            let answer = tokio::time::timeout(limit, connection.req_packed_command(&read)).await;
            let answer = answer.map_err(|_| Error::TimedOut(limit.as_millis() as u64))??.extract_error()?;
            let Some((_, fresh)) = streams(answer)?.pop() else { return Ok(()) };
            entries = read_entries(fresh)?;
        }
        self.push(entries).await
    }

    async fn push(&self, entries: Vec<Entry>) -> Result<(), Error> {
        let mut acknowledge = redis::cmd("XACK");
        acknowledge.arg(&self.stream).arg(&self.group);
        for (id, fields) in &entries {
            acknowledge.arg(id);
            let Some(job) = self.job_of(id, fields) else { continue };
            while self.push_one(&job).await? == Push::Full {
                count(&self.tallies.full);
                if *self.stopped.borrow() || self.stopped.has_changed().is_err() {
                    // Not acknowledged: the next feed claims them.
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        if !entries.is_empty() {
            self.queue.inner.link.send(&acknowledge).await?;
        }
        Ok(())
    }

    /// The job of an entry, when it is to become one.
    fn job_of(&self, id: &str, fields: &Fields) -> Option<Job<T>> {
        let Ok(made) = catch_unwind(AssertUnwindSafe(|| (self.make)(fields))) else {
            count(&self.tallies.panicked);
            return None;
        };
        let Some(job) = made else {
            count(&self.tallies.passed_over);
            return None;
        };
        // The name of a stream may hold what an id may not.
        let source = xxhash_rust::xxh3::xxh3_64(format!("{} {}", self.stream, self.group).as_bytes());
        Some(job.once(format!("feed:{source:016x}:{id}"), ONCE))
    }

    /// Pushes a job, or counts that it never can be.
    async fn push_one(&self, job: &Job<T>) -> Result<Push, Error> {
        let tallies = &self.tallies;
        let passed = |counter| {
            count(counter);
            Ok(Push::Pushed)
        };
        match AssertUnwindSafe(self.queue.push(job)).catch_unwind().await {
            Ok(Ok(Push::Pushed)) => passed(&tallies.pushed),
            Ok(Ok(Push::Duplicate(_))) => passed(&tallies.duplicates),
            Ok(Err(Error::Argument(_) | Error::Encode(_) | Error::Name(_))) => passed(&tallies.refused),
            Ok(other) => other,
            Err(_) => passed(&tallies.panicked),
        }
    }

    async fn make_group(&self) -> Result<(), Error> {
        let mut command = redis::cmd("XGROUP");
        command.arg("CREATE").arg(&self.stream).arg(&self.group).arg("0").arg("MKSTREAM");
        match self.queue.inner.link.send(&command).await {
            Err(Error::Refused(line)) if line.starts_with("BUSYGROUP") => Ok(()),
            other => other.map(drop),
        }
    }
}

fn read_entries(value: Value) -> Result<Vec<Entry>, Error> {
    let entries: Vec<Value> = redis::from_redis_value(value).map_err(Error::unexpected)?;
    let read = |entry| {
        let [id, fields] = array(entry)?;
        Ok((redis::from_redis_value(id).map_err(Error::unexpected)?, read_fields(fields)?))
    };
    entries.into_iter().map(read).collect()
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
