//! What goes into a queue and what comes out of it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::space::check_id;
use crate::{BadName, Error};

/// The longest delay, life, lease or memory of a queue: a year.
pub(super) const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// Which jobs are taken first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Before all others.
    High,
    /// As usual.
    #[default]
    Normal,
    /// When there is nothing else to do.
    Low,
}

impl Priority {
    pub(super) const ALL: [Self; 3] = [Self::High, Self::Normal, Self::Low];

    pub(super) fn of(number: u64) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }
}

/// Something to be done.
#[derive(Debug, Clone)]
#[must_use]
pub struct Job<T> {
    pub(super) id: String,
    pub(super) body: T,
    pub(super) priority: Priority,
    pub(super) once: Option<(String, Duration)>,
    pub(super) delay: Duration,
    pub(super) life: Duration,
}

impl<T> Job<T> {
    /// A job of normal priority, due at once.
    pub fn new(body: T) -> Self {
        Self {
            id: new_id(),
            body,
            priority: Priority::default(),
            once: None,
            delay: Duration::ZERO,
            life: Duration::ZERO,
        }
    }

    /// Its id: 28 letters and digits, which exchanges take as client order id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Which jobs are taken first.
    pub const fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Another job of the same `id` (1 to 200 bytes, no blanks or braces) is a duplicate for this long, 1 ms to 366
    /// days, whatever becomes of this one.
    pub fn once(mut self, id: impl Into<String>, time: Duration) -> Self {
        self.once = Some((id.into(), time));
        self
    }

    /// Is due after this time, at most 366 days.
    pub const fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Is buried instead of taken when it waited longer than this, at most 366 days: a stale signal must not trade.
    pub const fn expires(mut self, life: Duration) -> Self {
        self.life = life;
        self
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let in_range = |name: &str, time: Duration| {
            if time > LONGEST {
                Err(Error::Argument(format!("{name}: must be at most 366 days").into()))
            } else {
                Ok(())
            }
        };
        in_range("after", self.delay)?;
        in_range("expires", self.life)?;
        if let Some((id, time)) = &self.once {
            check_id(id).map_err(|bad| BadName { problem: bad.problem, got: bad.got })?;
            in_range("once", *time)?;
            if time.as_millis() == 0 {
                return Err(Error::Argument("once: must be at least 1 ms".into()));
            }
        }
        Ok(())
    }
}

/// Time first, so that ids sort as they were made; then chance.
fn new_id() -> String {
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    format!("{:012x}{:016x}", now_ms & 0xffff_ffff_ffff, fastrand::u64(..))
}

/// What became of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Push {
    /// It is in the queue.
    Pushed,
    /// A job with the same `once` was pushed before; this is its id.
    Duplicate(String),
    /// The queue holds as many jobs as it may: nothing was pushed.
    Full,
}

/// How a handler ends. A panic is [`Outcome::Retry`] of a job that may be done: [`Lease::redelivered`](super::Lease).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Finished.
    Done,
    /// Finished, with something for who asks for the status.
    DoneWith(Vec<u8>),
    /// To be tried again after the queue's back-off, until its attempts are used up.
    Retry(String),
    /// To be tried again after this time.
    RetryAfter(Duration, String),
    /// Never to be tried again: kept among the dead with this reason.
    Bury(String),
}

/// What a queue holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Jobs that wait, by priority: high, normal, low.
    pub waiting: [u64; 3],
    /// Delayed jobs and retries.
    pub later: u64,
    /// Jobs some worker holds.
    pub running: u64,
    /// Buried jobs.
    pub dead: u64,
}

/// Where a job stands, where the queue keeps status.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// Waits for a worker.
    Waiting,
    /// Is due then, Unix milliseconds of the server.
    Later {
        /// When.
        due_ms: u64,
    },
    /// A worker has it.
    Running {
        /// The worker's name.
        worker: String,
        /// Since when, Unix milliseconds of the server.
        since_ms: u64,
        /// What the handler told last, 0 to 100.
        percent: u8,
    },
    /// Finished, with what [`Outcome::DoneWith`] gave.
    Done(Vec<u8>),
    /// Buried, with the reason.
    Dead(String),
    /// Buried as it was too old when its turn came.
    Expired,
}

/// A buried job.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dead {
    /// What [`Queue::revive`](super::Queue::revive) takes.
    pub entry: String,
    /// The job's id.
    pub id: String,
    /// How often it was tried.
    pub attempts: u64,
    /// When it was pushed, Unix milliseconds of the server.
    pub pushed_ms: u64,
    /// Why it was buried.
    pub reason: String,
    /// The body in MessagePack.
    pub body: Vec<u8>,
}
