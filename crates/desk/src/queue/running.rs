//! One job in the hands of a worker: whether it may begin, its handler, and how that ended.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use redis::Pipeline;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::ends::{self, End, How};
use super::entry::Taken;
use super::totals::Tallies;
use super::{Inner, Lease, Outcome};
use crate::Limit;

/// What every job of a worker needs.
pub(super) struct Desk<H> {
    pub(super) inner: Arc<Inner>,
    /// The worker's.
    pub(super) name: String,
    pub(super) handler: Arc<H>,
    pub(super) limit: Option<Limit>,
    pub(super) tallies: Arc<Tallies>,
    pub(super) ends: mpsc::UnboundedSender<End>,
}

/// Why a job is not to be begun.
pub(super) enum Unfit {
    Expired,
    Other(String),
}

/// The body of a job that is not too old, was not tried too often, and can be read.
pub(super) fn body_of<T: DeserializeOwned>(inner: &Inner, taken: &Taken, now_ms: u64) -> Result<T, Unfit> {
    if is_expired(taken, now_ms) {
        return Err(Unfit::Expired);
    }
    if taken.attempt() > inner.settings.attempts {
        return Err(Unfit::Other(format!("its workers died, {} attempts", taken.attempt() - 1)));
    }
    rmp_serde::from_slice::<T>(&taken.body).map_err(|error| Unfit::Other(format!("the body cannot be read: {error}")))
}

const fn is_expired(taken: &Taken, now_ms: u64) -> bool {
    taken.expires_ms > 0 && now_ms > taken.expires_ms
}

impl<H> Desk<H> {
    /// A worker that is gone needs no ends: the job is claimed after its lease.
    pub(super) fn end(&self, taken: &Arc<Taken>, how: How) {
        self.send(taken, how, false);
    }

    fn send(&self, taken: &Arc<Taken>, how: How, is_open: bool) {
        let _ = self.ends.send(End { taken: Arc::clone(taken), how, is_open });
    }

    pub(super) fn bury(&self, taken: &Arc<Taken>, why: Unfit) {
        let how = match why {
            Unfit::Expired => {
                self.tallies.expired.fetch_add(1, Ordering::Relaxed);
                How::Expire
            }
            Unfit::Other(reason) => How::Bury(reason),
        };
        self.end(taken, how);
    }

    /// Waits for the limit, runs the handler, and tells how it ended.
    pub(super) async fn run<T, F>(&self, lease: Lease<T>, mut now_ms: u64)
    where
        T: Send + 'static,
        F: Future<Output = Outcome> + Send + 'static,
        H: Fn(Lease<T>) -> F + Send + Sync + 'static,
    {
        let taken = Arc::clone(&lease.taken);
        if let Some(limit) = &self.limit {
            if let Err(error) = limit.pass().await {
                let outcome = Outcome::Retry(format!("the limit cannot be asked: {error}"));
                return self.end(&taken, ends::settle(&self.inner, &taken, outcome));
            }
            // That may have taken minutes.
            now_ms = self.inner.link.now_ms().await;
            if is_expired(&taken, now_ms) {
                return self.bury(&taken, Unfit::Expired);
            }
        }
        self.tell_begun(&taken, now_ms).await;
        // A task of its own, so that a panic is an outcome; cut off together with this one.
        let mut work = JoinSet::new();
        let handler = Arc::clone(&self.handler);
        work.spawn(async move { handler(lease).await });
        let (outcome, is_open) = match work.join_next().await {
            Some(Ok(outcome)) => (outcome, false),
            _ => {
                self.tallies.panicked.fetch_add(1, Ordering::Relaxed);
                (Outcome::Retry("the handler panicked".into()), true)
            }
        };
        self.send(&taken, ends::settle(&self.inner, &taken, outcome), is_open);
    }

    async fn tell_begun(&self, taken: &Taken, now_ms: u64) {
        let status_for = self.inner.settings.status_for;
        if status_for.is_zero() {
            return;
        }
        let mut steps = Pipeline::new();
        let key = self.inner.keys.job(&taken.id);
        steps.cmd("HSET").arg(&key).arg("s").arg("running").arg("worker").arg(&self.name).arg("at").arg(now_ms);
        steps.cmd("PEXPIRE").arg(&key).arg(status_for.as_millis() as u64);
        // The status of a running job is a comfort; its end is told whatever becomes of this.
        let _ = self.inner.link.send_all(&steps).await;
    }
}
