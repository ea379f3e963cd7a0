//! A worker: takes what there is to do, as many at once as it may, and waits without asking when there is nothing.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Pipeline, Value};
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use super::ends::{self, End, Held, How};
use super::entry::{Batch, Taken, array, streams};
use super::limit::Limit;
use super::scripts::TAKE;
use super::totals::{Tallies, WorkTotals};
use super::{Inner, Lease, Outcome, Priority, Queue};
use crate::Error;

/// The longest a worker waits in one read: after that it looks for dead workers' jobs, and whether it shall stop.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// How often a worker asks whose connection is not its own.
const POLL: Duration = Duration::from_millis(50);

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
            waiting: None,
            given_up: 0,
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
    /// The connection that waits, and what the link had given up when it was made.
    waiting: Option<MultiplexedConnection>,
    given_up: u64,
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
        let places = Arc::new(Semaphore::new(self.worker.at_once));
        let mut running = JoinSet::new();
        while let Some(permit) = self.next_place(&places).await {
            while running.try_join_next().is_some() {}
            let jobs = self.take(1 + places.available_permits()).await;
            let mut permit = Some(permit);
            for (taken, now_ms) in jobs {
                let place = permit.take().or_else(|| Arc::clone(&places).try_acquire_owned().ok());
                match place {
                    Some(place) => self.begin(taken, now_ms, place, &sender, &mut running),
                    None => self.return_unbegun(taken, &sender),
                }
            }
        }
        let limit = self.stopped.borrow().unwrap_or(Duration::from_secs(3600));
        let _ = tokio::time::timeout(limit, async { while running.join_next().await.is_some() {} }).await;
        // Handlers that are cut off have not said how they end.
        running.shutdown().await;
        drop(sender);
        let told = tokio::time::timeout(limit.max(Duration::from_secs(1)), teller).await;
        if told.is_ok() && !self.held.is_empty() {
            self.give_back().await;
        }
        renewer.abort();
        self.sign_off().await;
    }

    /// A place for one more handler, or none when the worker shall stop.
    async fn next_place(&mut self, places: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        let mut stopped = self.stopped.clone();
        tokio::select! {
            biased;
            // A dropped `Working` stops too.
            _ = stopped.wait_for(Option::is_some) => None,
            permit = Arc::clone(places).acquire_owned() => permit.ok(),
        }
    }

    /// What there is to do, after waiting for it; may be nothing.
    async fn take(&mut self, want: usize) -> Vec<(Taken, u64)> {
        match self.try_take(want).await {
            Ok(jobs) if !jobs.is_empty() => jobs,
            Ok(_) => match self.wait().await {
                Ok(jobs) => jobs,
                Err(error) => self.recover(&error).await,
            },
            Err(error) => self.recover(&error).await,
        }
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

    /// Waits for the next job on a connection of its own; one that comes wakes one worker. What came since the take is
    /// answered at once, then with one job of each priority.
    async fn wait(&mut self) -> Result<Vec<(Taken, u64)>, Error> {
        let longest = LONGEST_WAIT.min(self.worker.lease / 2);
        let wait = self.next_due.map_or(longest, |due| due.clamp(Duration::from_millis(1), longest));
        let given_up = self.inner.link.given_up();
        if self.waiting.is_none() || given_up != self.given_up {
            self.waiting = self.inner.link.own_connection().await?;
            self.given_up = given_up;
        }
        let Some(connection) = &mut self.waiting else {
            tokio::time::sleep(wait.min(POLL)).await;
            return Ok(Vec::new());
        };
        let mut command = redis::cmd("XREADGROUP");
        command
            .arg("GROUP")
            .arg("workers")
            .arg(&self.name)
            .arg("COUNT")
            .arg(1)
            .arg("BLOCK")
            .arg(wait.as_millis() as u64);
        command.arg("STREAMS").arg(&self.inner.keys.streams).arg(&[">", ">", ">"]);
        let limit = wait + self.inner.link.limit();
        let answer = match tokio::time::timeout(limit, connection.req_packed_command(&command)).await {
            Ok(answer) => answer?.extract_error()?,
            Err(_) => return Err(Error::TimedOut(limit.as_millis() as u64)),
        };
        let streams = streams(answer)?;
        if streams.is_empty() {
            return Ok(Vec::new());
        }
        let now_ms = self.inner.link.now_ms().await;
        let read = |(name, entries): (String, Value)| {
            let place = self.inner.keys.streams.iter().position(|stream| *stream == name);
            let priority = place.and_then(|place| Priority::of(place as u64)).ok_or_else(|| Error::unexpected(name))?;
            let [entry] = array(entries)?;
            let [entry, fields] = array(entry)?;
            Ok((Taken::read(priority, entry, fields, 1)?, now_ms))
        };
        streams.into_iter().map(read).collect()
    }

    /// After an error: makes the groups where they are missing, and does not hurry.
    async fn recover(&mut self, error: &Error) -> Vec<(Taken, u64)> {
        // From within a script the word is not the first.
        let has_no_group = matches!(error, Error::Refused(line) if line.contains("NOGROUP"));
        if has_no_group && self.make_groups().await.is_ok() {
            return Vec::new();
        }
        self.tallies.failed_takes.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(%error, "no jobs can be taken");
        self.waiting = None;
        tokio::time::sleep(POLL.mul_f64(0.5 + fastrand::f64())).await;
        Vec::new()
    }

    async fn make_groups(&self) -> Result<(), Error> {
        for stream in &self.inner.keys.streams {
            let mut command = redis::cmd("XGROUP");
            command.arg("CREATE").arg(stream).arg("workers").arg("0").arg("MKSTREAM");
            match self.inner.link.send(&command).await {
                Err(Error::Refused(line)) if line.starts_with("BUSYGROUP") => {}
                other => drop(other?),
            }
        }
        Ok(())
    }

    /// For somebody else, at once: there is no place for it here.
    fn return_unbegun(&self, taken: Taken, ends: &mpsc::UnboundedSender<End>) {
        let taken = Arc::new(taken);
        self.held.add(&taken);
        let _ = ends.send(End { taken, how: How::Back });
    }

    /// Starts the handler of a job that is not too old, was not tried too often, and can be read.
    fn begin(
        &self,
        taken: Taken,
        now_ms: u64,
        place: OwnedSemaphorePermit,
        ends: &mpsc::UnboundedSender<End>,
        running: &mut JoinSet<()>,
    ) {
        let taken = Arc::new(taken);
        self.held.add(&taken);
        self.tallies.taken.fetch_add(1, Ordering::Relaxed);
        if taken.deliveries > 1 {
            self.tallies.redelivered.fetch_add(1, Ordering::Relaxed);
        }
        // A worker that is gone needs no ends: the job is claimed after its lease.
        let bury = |reason: String| {
            let _ = ends.send(End { taken: Arc::clone(&taken), how: How::Bury(reason) });
        };
        if taken.expires_ms > 0 && now_ms > taken.expires_ms {
            self.tallies.expired.fetch_add(1, Ordering::Relaxed);
            return bury("expired".into());
        }
        if taken.attempt() > self.inner.settings.attempts {
            return bury(format!("its workers died, {} attempts", taken.attempt() - 1));
        }
        let body = match rmp_serde::from_slice::<T>(&taken.body) {
            Ok(body) => body,
            Err(error) => return bury(format!("the body cannot be read: {error}")),
        };
        let age = Duration::from_millis(now_ms.saturating_sub(taken.pushed_ms));
        let lease = Lease { body, taken: Arc::clone(&taken), age, inner: Arc::clone(&self.inner) };
        let (handler, inner, name) = (Arc::clone(&self.handler), Arc::clone(&self.inner), self.name.clone());
        let (ends, tallies, limit) = (ends.clone(), Arc::clone(&self.tallies), self.worker.limit.clone());
        running.spawn(async move {
            if let Some(limit) = limit
                && let Err(error) = limit.pass().await
            {
                let outcome = Outcome::Retry(format!("the limit cannot be asked: {error}"));
                let how = ends::settle(&inner, &taken, outcome);
                let _ = ends.send(End { taken, how });
                return;
            }
            tell_begun(&inner, &taken, &name, now_ms).await;
            // A task of its own, so that a panic is an outcome; cut off together with this one.
            let mut work = JoinSet::new();
            work.spawn(async move { handler(lease).await });
            let outcome = match work.join_next().await {
                Some(Ok(outcome)) => outcome,
                _ => {
                    tallies.panicked.fetch_add(1, Ordering::Relaxed);
                    Outcome::Retry("the handler panicked".into())
                }
            };
            let how = ends::settle(&inner, &taken, outcome);
            let _ = ends.send(End { taken, how });
            drop(place);
        });
    }

    /// Gives back what was cut off.
    async fn give_back(&self) {
        let (sender, ends) = mpsc::unbounded_channel();
        for taken in self.held.all() {
            let _ = sender.send(End { taken, how: How::Back });
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
    }
}

async fn tell_begun(inner: &Inner, taken: &Taken, worker: &str, now_ms: u64) {
    if inner.settings.status_for.is_zero() {
        return;
    }
    let mut steps = Pipeline::new();
    let key = inner.keys.job(&taken.id);
    steps.cmd("HSET").arg(&key).arg("s").arg("running").arg("worker").arg(worker).arg("at").arg(now_ms);
    steps.cmd("PEXPIRE").arg(&key).arg(inner.settings.status_for.as_millis() as u64);
    // The status of a running job is a comfort; its end is told whatever becomes of this.
    let _ = inner.link.send_all(&steps).await;
}

async fn renew(inner: Arc<Inner>, name: String, held: Arc<Held>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        if let Err(error) = ends::renew(&inner, &name, &held).await {
            tracing::debug!(%error, "leases could not be renewed");
        }
    }
}
