//! A queue over plain streams whose jobs are not lost: at least once, in order of priority, with retries, delays, dead
//! letters and no doubles where a job has a name.
//!
//! ```no_run
//! # use std::time::Duration;
//! # use redis_liq_desk::queue::{Job, Lease, Outcome, Priority, Queue, Worker};
//! # use redis_liq_desk::Link;
//! # #[derive(serde::Serialize, serde::Deserialize)] struct Order { symbol: String }
//! # async fn is_placed(_: &str) -> bool { false }
//! # async fn place(_: &Order, _: &str) -> Result<(), std::io::Error> { Ok(()) }
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let link = Link::from_env()?;
//! let orders: Queue<Order> = Queue::<Order>::builder("orders").capacity(10_000).build(&link)?;
//! let order = Order { symbol: "BTCUSDT".into() };
//! orders.push(Job::new(order).priority(Priority::High).expires(Duration::from_secs(60))).await?;
//! let working = orders.work(Worker::default(), |job: Lease<Order>| async move {
//!     // Somebody may have sent it before he died.
//!     if job.redelivered() && is_placed(job.id()).await {
//!         return Outcome::Done;
//!     }
//!     match place(&job.body, job.id()).await {
//!         Ok(()) => Outcome::Done,
//!         Err(error) => Outcome::Retry(error.to_string()),
//!     }
//! })?;
//! working.stop(Duration::from_secs(20)).await;
//! # Ok(()) }
//! ```

mod dead;
mod ends;
mod entry;
mod feed;
mod job;
mod lease;
mod lost;
mod running;
mod scripts;
mod totals;
mod waiting;
mod worker;

use std::borrow::Borrow;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use redis::{Pipeline, Value};
use serde::Serialize;

pub use feed::Feeding;
pub use job::{Counts, Dead, Job, Outcome, Priority, Push, Status};
pub use lease::Lease;
pub use totals::{FeedTotals, WorkTotals};
pub use worker::{Worker, Working};

pub use crate::Limit;

use entry::{Fields, text};
use job::LONGEST;
use scripts::PUSH;

use crate::space::check_id;
use crate::{Error, Link};

/// Jobs of one kind. Clones share everything.
pub struct Queue<T> {
    inner: Arc<Inner>,
    body: PhantomData<fn(T) -> T>,
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), body: PhantomData }
    }
}

pub(super) struct Inner {
    link: Link,
    keys: Keys,
    settings: Builder,
}

/// The names of a queue's keys.
pub(super) struct Keys {
    prefix: String,
    streams: [String; 3],
    later: String,
    dead: String,
    /// Wakes a worker that waits for what is due later than a new delayed job.
    wake: String,
}

impl Keys {
    fn of(name: &str) -> Self {
        let prefix = format!("{{q:{name}}}:");
        let streams = ["p0", "p1", "p2"].map(|stream| format!("{prefix}{stream}"));
        let [later, dead, wake] = ["later", "dead", "wake"].map(|key| format!("{prefix}{key}"));
        Self { prefix, streams, later, dead, wake }
    }

    fn stream(&self, priority: Priority) -> &str {
        let [high, normal, low] = &self.streams;
        match priority {
            Priority::High => high,
            Priority::Normal => normal,
            Priority::Low => low,
        }
    }

    fn job(&self, id: &str) -> String {
        format!("{}job:{id}", self.prefix)
    }
}

/// The settings of a queue; see [`Queue::builder`].
#[derive(Debug, Clone)]
#[must_use]
pub struct Builder {
    name: String,
    capacity: u64,
    attempts: u64,
    backoff: (Duration, Duration),
    status_for: Duration,
}

impl Builder {
    /// How many jobs may be in the queue, delayed and running ones included; then a push answers [`Push::Full`]. Default
    /// 100,000, at most 100 million; 0 takes none.
    pub const fn capacity(mut self, jobs: u64) -> Self {
        self.capacity = jobs;
        self
    }

    /// How often a job is tried, workers that died with it included, before it is buried; default 5, 1 to 1,000.
    pub const fn attempts(mut self, attempts: u64) -> Self {
        self.attempts = attempts;
        self
    }

    /// The wait before the first retry, and the longest: it doubles, and up to as much again is added by chance, so that
    /// what failed together is not tried together. Default 1 s and 5 min.
    pub const fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.backoff = (first, longest);
        self
    }

    /// Keeps the status of each job for this long after its last change, up to 366 days; default 0: not at all.
    pub const fn status_for(mut self, time: Duration) -> Self {
        self.status_for = time;
        self
    }

    /// The queue.
    ///
    /// # Errors
    /// [`Error::Argument`] names the setting outside its range.
    pub fn build<T>(self, link: &Link) -> Result<Queue<T>, Error> {
        let refuse = |text: &str| Err(Error::Argument(text.into()));
        let legal = |letter: char| letter.is_ascii_alphanumeric() || ":._-".contains(letter);
        if self.name.is_empty() || self.name.len() > 50 || !self.name.chars().all(legal) {
            return refuse("name: must be 1 to 50 letters, digits, ':', '.', '_' and '-'");
        }
        if self.capacity > 100_000_000 {
            return refuse("capacity: must be at most 100000000");
        }
        if !(1..=1000).contains(&self.attempts) {
            return refuse("attempts: must be 1 to 1000");
        }
        if self.backoff.0 > self.backoff.1 || self.backoff.1 > LONGEST {
            return refuse("backoff: the first must be at most the longest, and that at most 366 days");
        }
        if self.status_for > LONGEST {
            return refuse("status_for: must be at most 366 days");
        }
        let inner = Inner { link: link.clone(), keys: Keys::of(&self.name), settings: self };
        Ok(Queue { inner: Arc::new(inner), body: PhantomData })
    }
}

impl<T> Queue<T> {
    /// Settings for the queue of this name: 1 to 50 letters, digits, `:`, `.`, `_` and `-`.
    pub fn builder(name: impl Into<String>) -> Builder {
        Builder {
            name: name.into(),
            capacity: 100_000,
            attempts: 5,
            backoff: (Duration::from_secs(1), Duration::from_secs(300)),
            status_for: Duration::ZERO,
        }
    }

    /// What the queue holds now.
    ///
    /// # Errors
    /// As Redis answers.
    pub async fn counts(&self) -> Result<Counts, Error> {
        let keys = &self.inner.keys;
        let mut steps = Pipeline::new();
        for stream in &keys.streams {
            steps.cmd("XLEN").arg(stream).cmd("XPENDING").arg(stream).arg("workers");
        }
        steps.cmd("ZCARD").arg(&keys.later).cmd("XLEN").arg(&keys.dead);
        let answers = self.inner.link.send_all(&steps).await?;
        let mut counts = Counts::default();
        let number = |value: Option<&Value>| match value {
            Some(Value::Int(number)) => number.unsigned_abs(),
            // The summary of pending entries begins with their number; without a group there are none.
            Some(Value::Array(parts)) => match parts.first() {
                Some(Value::Int(number)) => number.unsigned_abs(),
                _ => 0,
            },
            _ => 0,
        };
        for (place, waiting) in counts.waiting.iter_mut().enumerate() {
            let running = number(answers.get(2 * place + 1));
            *waiting = number(answers.get(2 * place)).saturating_sub(running);
            counts.running += running;
        }
        counts.later = number(answers.get(6));
        counts.dead = number(answers.get(7));
        Ok(counts)
    }

    /// Where a job stands; none when the queue keeps no status, no longer, or never had the job.
    ///
    /// # Errors
    /// As Redis answers.
    pub async fn status(&self, id: &str) -> Result<Option<Status>, Error> {
        check_id(id)?;
        let answer = self.inner.link.send(redis::cmd("HGETALL").arg(self.inner.keys.job(id))).await?;
        let fields: Fields = redis::from_redis_value(answer).map_err(Error::unexpected)?;
        let number = |name: &str| text(&fields, name).parse::<f64>().unwrap_or(0.0).max(0.0) as u64;
        Ok(match text(&fields, "s").as_str() {
            "waiting" => Some(Status::Waiting),
            "later" => Some(Status::Later { due_ms: number("at") }),
            "running" => Some(Status::Running {
                worker: text(&fields, "worker"),
                since_ms: number("at"),
                percent: number("percent").min(100) as u8,
            }),
            "done" => Some(Status::Done(fields.get("text").cloned().unwrap_or_default())),
            "dead" => Some(Status::Dead(text(&fields, "text"))),
            "expired" => Some(Status::Expired),
            _ => None,
        })
    }

    /// The `KEYS.POLICY` line that says what this queue's keys are like: streams and a sorted set that stay, names and
    /// statuses that expire.
    pub fn policy(&self) -> String {
        format!("KEYS.POLICY SET {} TYPE stream,zset,string,hash", self.inner.keys.prefix)
    }
}

impl<T: Serialize> Queue<T> {
    /// Pushes a job. When the answer is lost ([`Error::TimedOut`], [`Error::Lost`]) the job may be in the queue: give it
    /// a `once` to push it again without a double.
    ///
    /// # Errors
    /// As Redis answers, or when the job cannot be written.
    pub async fn push(&self, job: impl Borrow<Job<T>>) -> Result<Push, Error> {
        let run = Run::of(&self.inner, job.borrow())?;
        let (keys, args) = (run.keys(&self.inner.keys), run.args());
        let answer = PUSH.run(&self.inner.link, &keys, &args.iter().map(Vec::as_slice).collect::<Vec<_>>()).await?;
        read_push(answer)
    }

    /// Pushes many jobs together; each has its own answer. They are not one step: when this fails some may be in the
    /// queue.
    ///
    /// # Errors
    /// As Redis answers, or when a job cannot be written: then none was sent.
    pub async fn push_all(&self, jobs: &[Job<T>]) -> Result<Vec<Push>, Error> {
        let runs = jobs.iter().map(|job| Run::of(&self.inner, job)).collect::<Result<Vec<_>, _>>()?;
        let mut pushed = Vec::with_capacity(jobs.len());
        // In pieces that stay far below the time limit of a command.
        for piece in runs.chunks(200) {
            let mut steps = Pipeline::with_capacity(piece.len());
            for run in piece {
                let args = run.args();
                let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
                steps.add_command(PUSH.by_digest(&run.keys(&self.inner.keys), &args));
            }
            for answer in PUSH.run_all(&self.inner.link, &steps).await? {
                pushed.push(read_push(answer?)?);
            }
        }
        Ok(pushed)
    }
}

/// A push, ready to be sent.
struct Run<'a> {
    once_key: String,
    job_key: String,
    id: &'a str,
    priority: Priority,
    body: Vec<u8>,
    numbers: [u64; 5],
}

impl<'a> Run<'a> {
    fn of<T: Serialize>(inner: &Inner, job: &'a Job<T>) -> Result<Self, Error> {
        job.check()?;
        let body = rmp_serde::to_vec_named(&job.body).map_err(|error| Error::Encode(error.to_string().into()))?;
        let millis = |time: Duration| time.as_millis() as u64;
        let (once_id, once) = job.once.as_ref().map_or(("", 0), |(id, time)| (id.as_str(), millis(*time)));
        let settings = &inner.settings;
        Ok(Self {
            once_key: format!("{}once:{once_id}", inner.keys.prefix),
            job_key: inner.keys.job(&job.id),
            id: &job.id,
            priority: job.priority,
            body,
            numbers: [millis(job.life), millis(job.delay), settings.capacity, once, millis(settings.status_for)],
        })
    }

    fn keys<'k>(&'k self, keys: &'k Keys) -> [&'k str; 7] {
        let [high, normal, low] = &keys.streams;
        [high, normal, low, &keys.later, &self.once_key, &self.job_key, &keys.wake]
    }

    fn args(&self) -> Vec<Vec<u8>> {
        let mut args =
            vec![(self.priority as u8).to_string().into_bytes(), self.id.as_bytes().to_vec(), self.body.clone()];
        args.extend(self.numbers.iter().map(|number| number.to_string().into_bytes()));
        args
    }
}

fn read_push(answer: Value) -> Result<Push, Error> {
    match answer.extract_error()? {
        Value::Int(1) => Ok(Push::Pushed),
        Value::Int(0) => Ok(Push::Full),
        Value::BulkString(id) => Ok(Push::Duplicate(String::from_utf8_lossy(&id).into_owned())),
        // The name was there and ran out in between: a script sees no such thing, a proxy may.
        other => Err(Error::unexpected(other)),
    }
}
