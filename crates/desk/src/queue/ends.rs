//! How jobs end: told to Redis together where that is possible, again and again while Redis is away. Until an end is told
//! the job stays leased, so that nobody else begins it.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::{Pipeline, Value};
use tokio::sync::mpsc;

use super::entry::Taken;
use super::scripts::{END, RENEW};
use super::totals::Tallies;
use super::{Inner, Outcome, Priority};
use crate::Error;

/// The most ends told at once.
const AT_ONCE: usize = 100;

/// A job and how it ended.
pub(super) struct End {
    pub(super) taken: Arc<Taken>,
    pub(super) how: How,
    /// A handler had begun and did not say how it ended.
    pub(super) is_open: bool,
}

/// What is told of a job.
#[derive(Clone)]
pub(super) enum How {
    Done(Vec<u8>),
    Retry(Duration, String),
    Bury(String),
    /// Too old to be begun.
    Expire,
    /// For somebody else, at once.
    Back,
}

/// The jobs this worker holds.
#[derive(Default)]
pub(super) struct Held {
    jobs: Mutex<Jobs>,
}

#[derive(Default)]
struct Jobs {
    by_entry: HashMap<(Priority, String), Arc<Taken>>,
    /// Whose ends were told since the last take was sent: its answer may still bring them.
    left: Vec<(Priority, String)>,
}

impl Held {
    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        // A panic elsewhere leaves a list behind, which is still true.
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, taken: &Arc<Taken>) {
        self.jobs().by_entry.insert((taken.priority, taken.entry.clone()), Arc::clone(taken));
    }

    fn remove(&self, taken: &Taken) {
        let mut jobs = self.jobs();
        if let Some((key, _)) = jobs.by_entry.remove_entry(&(taken.priority, taken.entry.clone())) {
            jobs.left.push(key);
        }
    }

    /// To be called before a take is sent.
    pub(super) fn begin_take(&self) {
        self.jobs().left.clear();
    }

    /// Whether a job that a take brought was here when it was sent. While Redis was away the leases ran out, and a claim
    /// does not leave out what the consumer itself holds; what it did do is to renew the lease.
    pub(super) fn had(&self, taken: &Taken) -> bool {
        self.has(taken.priority, &taken.entry)
    }

    /// Whether an entry is or was here since the last take was sent.
    pub(super) fn has(&self, priority: Priority, entry: &str) -> bool {
        let jobs = self.jobs();
        let key = (priority, entry.to_owned());
        jobs.by_entry.contains_key(&key) || jobs.left.contains(&key)
    }

    pub(super) fn all(&self) -> Vec<Arc<Taken>> {
        self.jobs().by_entry.values().cloned().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.jobs().by_entry.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.jobs().by_entry.is_empty()
    }
}

/// What the handler's outcome means for a job with so many attempts behind it.
pub(super) fn settle(inner: &Inner, taken: &Taken, outcome: Outcome) -> How {
    let is_last = taken.attempt() >= inner.settings.attempts;
    match outcome {
        Outcome::Done => How::Done(Vec::new()),
        Outcome::DoneWith(result) => How::Done(result),
        Outcome::Bury(reason) => How::Bury(reason),
        Outcome::Retry(reason) | Outcome::RetryAfter(_, reason) if is_last => How::Bury(reason),
        Outcome::Retry(reason) => {
            let (first, longest) = inner.settings.backoff;
            let doublings = u32::try_from(taken.attempt().saturating_sub(1)).unwrap_or(31).min(31);
            let wait = first.saturating_mul(1 << doublings).min(longest);
            How::Retry(wait.mul_f64(1.0 + fastrand::f64()), reason)
        }
        Outcome::RetryAfter(wait, reason) => How::Retry(wait.min(super::job::LONGEST), reason),
    }
}

/// Tells the ends that come, until nobody can send any more.
pub(super) async fn tell_all(
    inner: Arc<Inner>,
    consumer: String,
    held: Arc<Held>,
    tallies: Arc<Tallies>,
    mut ends: mpsc::UnboundedReceiver<End>,
) {
    let mut batch = Vec::new();
    while ends.recv_many(&mut batch, AT_ONCE).await > 0 {
        let mut wait = Duration::from_millis(20);
        while let Err(error) = tell(&inner, &consumer, &tallies, &batch).await {
            tallies.untold.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(%error, "ends of jobs wait for redis");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(1));
        }
        batch.drain(..).for_each(|end| held.remove(&end.taken));
    }
}

/// Tells once; telling again what was told is harmless: the job is no longer ours then.
async fn tell(inner: &Inner, consumer: &str, tallies: &Tallies, batch: &[End]) -> Result<(), Error> {
    let keeps_status = !inner.settings.status_for.is_zero();
    let is_plain = |end: &&End| matches!(end.how, How::Done(_)) && !keeps_status;
    let mut lost = tell_done(inner, &batch.iter().filter(is_plain).collect::<Vec<_>>()).await?;
    let mut runs = Pipeline::new();
    for end in batch.iter().filter(|end| !is_plain(end)) {
        runs.add_command(run(inner, consumer, end));
    }
    if !runs.is_empty() {
        for answer in END.run_all(&inner.link, &runs).await? {
            lost += u64::from(answer? != Value::Int(1));
        }
    }
    tallies.lost_leases.fetch_add(lost, Ordering::Relaxed);
    Ok(())
}

/// Finished jobs without status leave together; answers how many were somebody else's by now.
async fn tell_done(inner: &Inner, ends: &[&End]) -> Result<u64, Error> {
    let mut steps = Pipeline::new();
    steps.atomic();
    for priority in Priority::ALL {
        let entries: Vec<&str> =
            ends.iter().filter(|end| end.taken.priority == priority).map(|end| end.taken.entry.as_str()).collect();
        if !entries.is_empty() {
            let stream = inner.keys.stream(priority);
            steps.cmd("XACK").arg(stream).arg("workers").arg(&entries).cmd("XDEL").arg(stream).arg(&entries);
        }
    }
    if steps.is_empty() {
        return Ok(0);
    }
    let answers = inner.link.transact(&steps).await?;
    let count = |value: &Value| if let Value::Int(number) = value { number.unsigned_abs() } else { 0 };
    let acknowledged: u64 = answers.iter().step_by(2).map(count).sum();
    Ok((ends.len() as u64).saturating_sub(acknowledged))
}

fn run(inner: &Inner, consumer: &str, end: &End) -> redis::Cmd {
    let taken = &end.taken;
    let (how, wait, text): (&str, Duration, &[u8]) = match &end.how {
        How::Done(result) => ("done", Duration::ZERO, result),
        How::Retry(wait, reason) => ("retry", *wait, reason.as_bytes()),
        How::Bury(reason) => ("bury", Duration::ZERO, reason.as_bytes()),
        How::Expire => ("expire", Duration::ZERO, b"expired"),
        How::Back => ("back", Duration::ZERO, b""),
    };
    // What was given back was no attempt; those of workers that died before were.
    let attempts = taken.attempt().saturating_sub(u64::from(matches!(end.how, How::Back)));
    let may_be_done = taken.may_be_done() || end.is_open;
    let keys = &inner.keys;
    let job = keys.job(&taken.id);
    let [priority, attempts, pushed, expires, wait, status] = [
        taken.priority as u64,
        attempts,
        taken.pushed_ms,
        taken.expires_ms,
        wait.as_millis() as u64,
        inner.settings.status_for.as_millis() as u64,
    ]
    .map(|number| number.to_string());
    let args: [&[u8]; 13] = [
        taken.entry.as_bytes(),
        consumer.as_bytes(),
        how.as_bytes(),
        priority.as_bytes(),
        taken.id.as_bytes(),
        attempts.as_bytes(),
        pushed.as_bytes(),
        expires.as_bytes(),
        &taken.body,
        wait.as_bytes(),
        text,
        status.as_bytes(),
        if may_be_done { b"1" } else { b"0" },
    ];
    END.by_digest(&[keys.stream(taken.priority), &keys.later, &keys.dead, &job, &keys.wake], &args)
}

/// Says that the held jobs are still ours, for one more lease.
pub(super) async fn renew(inner: &Inner, consumer: &str, held: &Held) -> Result<(), Error> {
    let jobs = held.all();
    for piece in jobs.chunks(AT_ONCE) {
        let numbers: Vec<[String; 2]> =
            piece.iter().map(|job| [(job.priority as u64).to_string(), job.deliveries.to_string()]).collect();
        let mut args = vec![consumer.as_bytes()];
        for (job, [priority, deliveries]) in piece.iter().zip(&numbers) {
            args.extend([priority.as_bytes(), job.entry.as_bytes(), deliveries.as_bytes()]);
        }
        let [high, normal, low] = &inner.keys.streams;
        RENEW.run(&inner.link, &[high, normal, low], &args).await?;
    }
    Ok(())
}
