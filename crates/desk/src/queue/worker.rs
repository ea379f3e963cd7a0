//! A worker: takes what there is to do, as many at once as it may, and waits without asking when there is nothing.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use redis::Value;
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use super::ends::{self, End, Held, How};
use super::entry::{Batch, Taken};
use super::lost::Lost;
use super::running::{Desk, body_of};
use super::scripts::TAKE;
use super::totals::{Tallies, WorkTotals};
use super::waiting::{POLL, Waiting, stop};
use super::{Inner, Lease, Outcome, Queue};
use crate::Error;
use crate::Limit;

/// The longest a worker waits in one read: after that it looks for dead workers' jobs.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// How a worker works.
#[derive(Debug, Clone)]
pub struct Worker {
    /// How many handlers run at once, 1 to 1,000; default 8.
    pub at_once: usize,
    /// After so long without a sign of life a worker's jobs go to others, 100 ms to an hour; default 10 s. Handlers may
    /// take longer: the lease is renewed while they run.
    pub lease: Duration,
    /// How often handlers may begin; default none. A job that waits for it holds a place.
    pub limit: Option<Limit>,
}

impl Default for Worker {
    fn default() -> Self {
        Self { at_once: 8, lease: Duration::from_secs(10), limit: None }
    }
}

/// A worker at work; ends with [`Working::stop`]. Dropped, it takes no more, and finishes in the background.
pub struct Working {
    stop: watch::Sender<Option<Duration>>,
    worker: tokio::task::JoinHandle<()>,
    tallies: Arc<Tallies>,
    name: String,
}

impl Working {
    /// Takes no more jobs, lets handlers finish for at most `limit`, gives back what is left, and ends.
    pub async fn stop(self, limit: Duration) -> WorkTotals {
        let _ = self.stop.send(Some(limit));
        let _ = self.worker.await;
        self.tallies.totals()
    }

    /// What it has counted.
    pub fn totals(&self) -> WorkTotals {
        self.tallies.totals()
    }

    /// Its name among the consumers of the streams.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl<T: DeserializeOwned + Send + 'static> Queue<T> {
    /// Begins to work in the background: `handler` runs for every job, several at once. It may run again for a job whose
    /// worker died or lost its lease, so what it does should be known by [`Lease::id`].
    ///
    /// # Errors
    /// [`Error::Argument`] names the setting outside its range. That Redis is away is no error: work begins when it is
    /// there.
    pub fn work<F>(
        &self,
        worker: Worker,
        handler: impl Fn(Lease<T>) -> F + Send + Sync + 'static,
    ) -> Result<Working, Error>
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        if !(1..=1000).contains(&worker.at_once) {
            return Err(Error::Argument("at_once: must be 1 to 1000".into()));
        }
        if worker.lease < Duration::from_millis(100) || worker.lease > Duration::from_secs(3600) {
            return Err(Error::Argument("lease: must be 100 ms to 1 h".into()));
        }
        let name = format!("{}-{:012x}", std::process::id(), fastrand::u64(..) >> 16);
        let tallies = Arc::new(Tallies::default());
        let (stop, stopped) = watch::channel(None);
        let shift = Shift {
            inner: Arc::clone(&self.inner),
            name: name.clone(),
            worker,
            tallies: Arc::clone(&tallies),
            held: Arc::default(),
            handler: Arc::new(handler),
            stopped,
            cursors: std::array::from_fn(|_| "0-0".to_owned()),
            waiting: Waiting::default(),
            lost: Lost::default(),
            next_due: None,
            body: std::marker::PhantomData,
        };
        let worker = tokio::spawn(shift.run());
        Ok(Working { stop, worker, tallies, name })
    }
}

/// One worker's work.
struct Shift<T, H> {
    inner: Arc<Inner>,
    name: String,
    worker: Worker,
    tallies: Arc<Tallies>,
    held: Arc<Held>,
    handler: Arc<H>,
    stopped: watch::Receiver<Option<Duration>>,
    /// How far each priority was searched for dead workers' jobs.
    cursors: [String; 3],
    waiting: Waiting,
    lost: Lost,
    next_due: Option<Duration>,
    body: std::marker::PhantomData<fn(T) -> T>,
}

impl<T, F, H> Shift<T, H>
where
    T: DeserializeOwned + Send + 'static,
    F: Future<Output = Outcome> + Send + 'static,
    H: Fn(Lease<T>) -> F + Send + Sync + 'static,
{
    async fn run(mut self) {
        let (sender, ends) = mpsc::unbounded_channel();
        let teller = tokio::spawn(ends::tell_all(
            Arc::clone(&self.inner),
            self.name.clone(),
            Arc::clone(&self.held),
            Arc::clone(&self.tallies),
            ends,
        ));
        let renewer = tokio::spawn(renew(
            Arc::clone(&self.inner),
            self.name.clone(),
            Arc::clone(&self.held),
            self.worker.lease / 3,
        ));
        let desk = Arc::new(Desk {
            inner: Arc::clone(&self.inner),
            name: self.name.clone(),
            handler: Arc::clone(&self.handler),
            limit: self.worker.limit.clone(),
            tallies: Arc::clone(&self.tallies),
            ends: sender,
        });
        let places = Arc::new(Semaphore::new(self.worker.at_once));
        let mut running = JoinSet::new();
        while let Some(permit) = self.next_place(&places).await {
            while running.try_join_next().is_some() {}
            let jobs = self.take(1 + places.available_permits()).await;
            let is_stopped = self.is_stopped();
            let mut permit = Some(permit);
            for (taken, now_ms) in jobs {
                let taken = Arc::new(taken);
                self.held.add(&taken);
                let place = permit.take().or_else(|| Arc::clone(&places).try_acquire_owned().ok());
                match place.filter(|_| !is_stopped) {
                    Some(place) => self.begin(&desk, taken, now_ms, place, &mut running),
                    // For somebody else, at once: there is no place for it here, or no time.
                    None => desk.end(&taken, How::Back),
                }
            }
        }
        for (taken, _) in self.find_lost().await {
            let taken = Arc::new(taken);
            self.held.add(&taken);
            desk.end(&taken, How::Back);
        }
        let limit = self.stopped.borrow().unwrap_or(Duration::from_secs(3600));
        let _ = tokio::time::timeout(limit, async { while running.join_next().await.is_some() {} }).await;
        // Handlers that are cut off have not said how they end.
        running.shutdown().await;
        drop(desk);
        let told = tokio::time::timeout(limit.max(Duration::from_secs(1)), teller).await;
        if told.is_ok() && !self.held.is_empty() {
            self.give_back().await;
        }
        renewer.abort();
        self.sign_off().await;
    }

    /// A place for one more handler, or none when the worker shall stop.
    async fn next_place(&mut self, places: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            biased;
            () = stop(&mut self.stopped) => None,
            permit = Arc::clone(places).acquire_owned() => permit.ok(),
        }
    }

    /// A dropped `Working` stops too.
    fn is_stopped(&self) -> bool {
        self.stopped.borrow().is_some() || self.stopped.has_changed().is_err()
    }

    /// What there is to do, after waiting for it; may be nothing.
    async fn take(&mut self, want: usize) -> Vec<(Taken, u64)> {
        let found = self.find_lost().await;
        if !found.is_empty() {
            return found;
        }
        match self.try_take(want).await {
            Ok(jobs) if !jobs.is_empty() => jobs,
            Ok(_) => match self.wait().await {
                Ok(jobs) => jobs,
                Err(error) => self.recover(&error).await,
            },
            Err(error) => self.recover(&error).await,
        }
    }

    /// What was handed out to this worker and never came.
    async fn find_lost(&mut self) -> Vec<(Taken, u64)> {
        self.lost.find(&self.inner, &self.name, &self.held).await
    }

    async fn try_take(&mut self, want: usize) -> Result<Vec<(Taken, u64)>, Error> {
        let inner = Arc::clone(&self.inner);
        let [high, normal, low] = &inner.keys.streams;
        let (want, lease) = (want.min(100).to_string(), self.worker.lease.as_millis().to_string());
        let [first, second, third] = &self.cursors;
        let args = [&self.name, &want, &lease, first, second, third].map(|arg| arg.as_bytes());
        self.held.begin_take();
        let answer = TAKE.run(&inner.link, &[high, normal, low, &inner.keys.later, &inner.keys.dead], &args).await?;
        let batch = Batch::read(answer)?;
        self.cursors = batch.cursors;
        self.next_due = batch.next_due_ms.map(|due_ms| Duration::from_millis(due_ms.saturating_sub(batch.now_ms)));
        let is_new = |job: &Taken| job.deliveries < 2 || !self.held.had(job);
        Ok(batch.jobs.into_iter().filter(is_new).map(|job| (job, batch.now_ms)).collect())
    }

    /// Waits for the next job, no longer than until one is due.
    async fn wait(&mut self) -> Result<Vec<(Taken, u64)>, Error> {
        let longest = LONGEST_WAIT.min(self.worker.lease / 2);
        self.waiting.next(&self.inner, &self.name, longest, self.next_due, &mut self.stopped).await
    }

    /// After an error: makes the groups where they are missing, and does not hurry.
    async fn recover(&mut self, error: &Error) -> Vec<(Taken, u64)> {
        // A script that failed at one priority may have taken of another.
        self.lost.expect(self.worker.lease);
        // From within a script the word is not the first.
        let has_no_group = matches!(error, Error::Refused(line) if line.contains("NOGROUP"));
        if has_no_group && self.make_groups().await.is_ok() {
            return Vec::new();
        }
        self.tallies.failed_takes.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(%error, "no jobs can be taken");
        self.waiting.close();
        tokio::time::sleep(POLL.mul_f64(0.5 + fastrand::f64())).await;
        Vec::new()
    }

    async fn make_groups(&self) -> Result<(), Error> {
        for stream in self.inner.keys.streams.iter().chain([&self.inner.keys.wake]) {
            let mut command = redis::cmd("XGROUP");
            command.arg("CREATE").arg(stream).arg("workers").arg("0").arg("MKSTREAM");
            match self.inner.link.send(&command).await {
                Err(Error::Refused(line)) if line.starts_with("BUSYGROUP") => {}
                other => drop(other?),
            }
        }
        Ok(())
    }

    /// Starts the handler of a job, where it is fit.
    fn begin(
        &self,
        desk: &Arc<Desk<H>>,
        taken: Arc<Taken>,
        now_ms: u64,
        place: OwnedSemaphorePermit,
        running: &mut JoinSet<()>,
    ) {
        self.tallies.taken.fetch_add(1, Ordering::Relaxed);
        if taken.deliveries > 1 {
            self.tallies.redelivered.fetch_add(1, Ordering::Relaxed);
        }
        let body = match body_of::<T>(&self.inner, &taken, now_ms) {
            Ok(body) => body,
            Err(why) => return desk.bury(&taken, why),
        };
        let age = Duration::from_millis(now_ms.saturating_sub(taken.pushed_ms));
        let lease = Lease { body, taken, age, inner: Arc::clone(&self.inner) };
        let desk = Arc::clone(desk);
        running.spawn(async move {
            desk.run(lease, now_ms).await;
            drop(place);
        });
    }

    /// Gives back what was cut off.
    async fn give_back(&self) {
        let (sender, ends) = mpsc::unbounded_channel();
        for taken in self.held.all() {
            let _ = sender.send(End { taken, how: How::Back, is_open: true });
        }
        drop(sender);
        let telling = ends::tell_all(
            Arc::clone(&self.inner),
            self.name.clone(),
            Arc::clone(&self.held),
            Arc::clone(&self.tallies),
            ends,
        );
        // Where Redis is away the leases run out.
        let _ = tokio::time::timeout(Duration::from_secs(1), telling).await;
    }

    /// Takes its name off the groups, unless it still holds something.
    async fn sign_off(&self) {
        for stream in &self.inner.keys.streams {
            let mut pending = redis::cmd("XPENDING");
            pending.arg(stream).arg("workers").arg("-").arg("+").arg(1).arg(&self.name);
            if matches!(self.inner.link.send(&pending).await, Ok(Value::Array(entries)) if entries.is_empty()) {
                let mut delete = redis::cmd("XGROUP");
                delete.arg("DELCONSUMER").arg(stream).arg("workers").arg(&self.name);
                let _ = self.inner.link.send(&delete).await;
            }
        }
        let mut delete = redis::cmd("XGROUP");
        delete.arg("DELCONSUMER").arg(&self.inner.keys.wake).arg("workers").arg(&self.name);
        let _ = self.inner.link.send(&delete).await;
    }
}

async fn renew(inner: Arc<Inner>, name: String, held: Arc<Held>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        // What could not be renewed is, as soon as Redis is back: others may take it after the lease.
        while let Err(error) = ends::renew(&inner, &name, &held).await {
            tracing::debug!(%error, "leases could not be renewed");
            tokio::time::sleep(every.min(POLL)).await;
        }
    }
}
