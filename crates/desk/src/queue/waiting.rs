//! How an idle worker waits: in one read on a connection of its own, which a job ends, a delayed job that is due before
//! what the worker waits for, or the order to stop.

use std::time::Duration;

use redis::Value;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use tokio::sync::watch;

use super::entry::{Taken, array, streams};
use super::{Inner, Priority};
use crate::Error;

/// How often a worker asks whose connection is not its own, and how often a read is told to end.
pub(super) const POLL: Duration = Duration::from_millis(50);

/// The connection that waits.
#[derive(Default)]
pub(super) struct Waiting {
    open: Option<Open>,
}

struct Open {
    connection: MultiplexedConnection,
    /// Its number at the server; none where the server does not tell.
    number: Option<i64>,
    /// What the link had given up when it was made.
    given_up: u64,
}

impl Waiting {
    /// Not to be used again.
    pub(super) fn close(&mut self) {
        self.open = None;
    }

    /// Waits for the next job, at most for `longest`, not beyond what is `due`, and not once `stopped` says so: then what
    /// comes all the same is answered still. What came since the take is answered at once, then with one job of each
    /// priority.
    pub(super) async fn next(
        &mut self,
        inner: &Inner,
        name: &str,
        longest: Duration,
        due: Option<Duration>,
        stopped: &mut watch::Receiver<Option<Duration>>,
    ) -> Result<Vec<(Taken, u64)>, Error> {
        let wait = due.map_or(longest, |due| due.clamp(Duration::from_millis(1), longest));
        let Some(open) = self.open(inner).await? else {
            tokio::select! {
                () = tokio::time::sleep(wait.min(POLL)) => {}
                () = stop(stopped) => {}
            }
            return Ok(Vec::new());
        };
        let mut command = redis::cmd("XREADGROUP");
        command.arg("GROUP").arg("workers").arg(name).arg("COUNT").arg(1).arg("BLOCK").arg(longest.as_millis() as u64);
        command.arg("STREAMS").arg(&inner.keys.streams).arg(&inner.keys.wake).arg(&[">", ">", ">", ">"]);
        let limit = longest + inner.link.limit();
        let number = open.number;
        let reading = tokio::time::timeout(limit, open.connection.req_packed_command(&command));
        tokio::pin!(reading);
        let answer = tokio::select! {
            biased;
            answer = &mut reading => answer,
            // A server without other work ends a read up to a tenth of a second late.
            () = stop_or(stopped, (wait < longest).then_some(wait)) => loop {
                unblock(inner, number).await;
                if let Ok(answer) = tokio::time::timeout(POLL, &mut reading).await {
                    break answer;
                }
            },
        };
        match answer {
            Ok(answer) => read(inner, answer?.extract_error()?).await,
            Err(_) => Err(Error::TimedOut(limit.as_millis() as u64)),
        }
    }

    async fn open(&mut self, inner: &Inner) -> Result<Option<&mut Open>, Error> {
        let given_up = inner.link.given_up();
        if self.open.as_ref().is_none_or(|open| open.given_up != given_up) {
            self.open = None;
            let Some(mut connection) = inner.link.own_connection().await? else { return Ok(None) };
            let mut asked = redis::cmd("CLIENT");
            asked.arg("ID");
            let answer = tokio::time::timeout(inner.link.limit(), connection.req_packed_command(&asked)).await;
            let number = if let Ok(Ok(Value::Int(number))) = answer { Some(number) } else { None };
            self.open = Some(Open { connection, number, given_up });
        }
        Ok(self.open.as_mut())
    }
}

/// Returns when the worker shall stop, or nobody is there who could say so.
pub(super) async fn stop(stopped: &mut watch::Receiver<Option<Duration>>) {
    let _ = stopped.wait_for(Option::is_some).await;
}

/// As [`stop`], or after this time.
async fn stop_or(stopped: &mut watch::Receiver<Option<Duration>>, time: Option<Duration>) {
    match time {
        Some(time) => drop(tokio::time::timeout(time, stop(stopped)).await),
        None => stop(stopped).await,
    }
}

/// Ends the read of a connection; where that is not allowed it ends by itself.
async fn unblock(inner: &Inner, number: Option<i64>) {
    if let Some(number) = number {
        let _ = inner.link.send(redis::cmd("CLIENT").arg("UNBLOCK").arg(number)).await;
    }
}

async fn read(inner: &Inner, answer: Value) -> Result<Vec<(Taken, u64)>, Error> {
    let streams = streams(answer)?;
    if streams.is_empty() {
        return Ok(Vec::new());
    }
    let now_ms = inner.link.now_ms().await;
    let mut jobs = Vec::new();
    for (name, entries) in streams {
        let [entry] = array(entries)?;
        let [entry, fields] = array(entry)?;
        if name == inner.keys.wake {
            woken(inner, entry).await;
            continue;
        }
        let place = inner.keys.streams.iter().position(|stream| *stream == name);
        let priority = place.and_then(|place| Priority::of(place as u64)).ok_or_else(|| Error::unexpected(name))?;
        jobs.push((Taken::read(priority, entry, fields, 1)?, now_ms));
    }
    Ok(jobs)
}

/// What woke us is no job; the take that follows learns what is due next.
async fn woken(inner: &Inner, entry: Value) {
    let Ok(entry) = redis::from_redis_value::<String>(entry) else { return };
    let mut steps = redis::Pipeline::new();
    steps.cmd("XACK").arg(&inner.keys.wake).arg("workers").arg(&entry);
    steps.cmd("XDEL").arg(&inner.keys.wake).arg(&entry);
    // Where it fails it stays on a list of this consumer, which signs off in the end.
    let _ = inner.link.send_all(&steps).await;
}
