//! Jobs that were handed out to this worker, which never heard of it: the server took its command, and the answer was late
//! or lost. Nobody has begun them. Left alone they would come after the lease, as those of a worker that died, an attempt
//! less; so for one lease after each failure the worker asks what it holds by the server's word.

use std::time::{Duration, Instant};

use redis::{Pipeline, Value};

use super::ends::Held;
use super::entry::{Taken, array, read_job};
use super::scripts::LOST;
use super::{Inner, Priority};
use crate::Error;

/// The most jobs of a priority asked for at once, beside those that are held.
const AT_ONCE: usize = 100;

/// Whether something may have been lost.
#[derive(Default)]
pub(super) struct Lost {
    /// Later the lease of what was lost has run out.
    until: Option<Instant>,
}

impl Lost {
    /// After a take or a wait that failed.
    pub(super) fn expect(&mut self, lease: Duration) {
        self.until = Some(Instant::now() + lease);
    }

    /// What was lost, to be called before a take is sent. That it cannot be asked for is no matter: the take will fail too.
    pub(super) async fn find(&mut self, inner: &Inner, name: &str, held: &Held) -> Vec<(Taken, u64)> {
        if self.until.is_none_or(|until| Instant::now() > until) {
            self.until = None;
            return Vec::new();
        }
        let jobs = match find(inner, name, held).await {
            Ok(jobs) => jobs,
            Err(error) => {
                tracing::debug!(%error, "lost jobs cannot be asked for");
                return Vec::new();
            }
        };
        if jobs.is_empty() {
            return Vec::new();
        }
        let now_ms = inner.link.now_ms().await;
        jobs.into_iter().map(|job| (job, now_ms)).collect()
    }
}

async fn find(inner: &Inner, name: &str, held: &Held) -> Result<Vec<Taken>, Error> {
    // Those that are held for longer come first.
    let most = AT_ONCE + held.len();
    let mut asked = Pipeline::new();
    for stream in &inner.keys.streams {
        asked.cmd("XPENDING").arg(stream).arg("workers").arg("-").arg("+").arg(most).arg(name);
    }
    let mut args = vec![name.to_owned()];
    for (priority, entries) in Priority::ALL.into_iter().zip(inner.link.send_all(&asked).await?) {
        let entries: Vec<Value> = redis::from_redis_value(entries.extract_error()?).map_err(Error::unexpected)?;
        for pending in entries {
            let [entry, _, _, deliveries] = array(pending)?;
            let entry: String = redis::from_redis_value(entry).map_err(Error::unexpected)?;
            let deliveries: u64 = redis::from_redis_value(deliveries).map_err(Error::unexpected)?;
            if !held.has(priority, &entry) {
                args.extend([(priority as u64).to_string(), entry, deliveries.to_string()]);
            }
        }
    }
    if args.len() == 1 {
        return Ok(Vec::new());
    }
    let [high, normal, low] = &inner.keys.streams;
    let args: Vec<&[u8]> = args.iter().map(String::as_bytes).collect();
    let found = LOST.run(&inner.link, &[high, normal, low], &args).await?;
    let found: Vec<Value> = redis::from_redis_value(found).map_err(Error::unexpected)?;
    found.into_iter().map(read_job).collect()
}
