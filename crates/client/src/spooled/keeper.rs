//! The thread that has the spool: it takes events by as few writes as there are pauses between them, and does what else is
//! asked of it.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use liq_core::liq::request::decode_events;
use liq_spool::{Entry, Labels, Spool, SpoolError};
use tokio::sync::{Notify, oneshot};

/// Events taken by one write.
const MOST_TAKEN: usize = 1_024;
/// How often what was delivered is deleted, and a disk that took nothing tried again.
const TIDY_EVERY: Duration = Duration::from_secs(1);

type Taken = oneshot::Sender<Result<(), String>>;
type Work = Box<dyn FnOnce(&mut Spool) + Send>;

enum Job {
    Append(Entry, Taken),
    Do(Work),
}

/// Where the thread is asked. It ends with the last of these.
#[derive(Debug, Clone)]
pub(super) struct Keeper {
    jobs: Sender<Job>,
    /// Told when something came.
    pub(super) came: Arc<Notify>,
}

impl Keeper {
    /// Opens the spool and starts the thread.
    pub(super) fn start(folder: &Path, most_events: u64, grace: Duration) -> Result<Self, SpoolError> {
        let spool = Spool::open(folder, most_events, grace, is_sound)?;
        let (jobs, asked) = channel();
        let came = Arc::new(Notify::new());
        let told = Arc::clone(&came);
        let thread = std::thread::Builder::new().name("liq-spool".to_owned());
        thread.spawn(move || keep(spool, &asked, &told))?;
        Ok(Self { jobs, came })
    }

    /// Puts an event on disk; nothing when the thread is gone.
    pub(super) async fn append(&self, entry: Entry) -> Option<Result<(), String>> {
        let (taken, answer) = oneshot::channel();
        self.jobs.send(Job::Append(entry, taken)).ok()?;
        answer.await.ok()
    }

    /// Has something done with the spool; nothing when the thread is gone.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Spool) -> T + Send + 'static,
    ) -> Option<T> {
        let (done, answer) = oneshot::channel();
        let work: Work = Box::new(move |spool| {
            // Whoever asked may have stopped waiting.
            let _ = done.send(work(spool));
        });
        self.jobs.send(Job::Do(work)).ok()?;
        answer.await.ok()
    }
}

fn keep(mut spool: Spool, asked: &Receiver<Job>, came: &Notify) {
    let (mut entries, mut waiting) = (Vec::new(), Vec::new());
    loop {
        let first = match asked.recv_timeout(TIDY_EVERY) {
            Ok(job) => job,
            Err(RecvTimeoutError::Timeout) => {
                spool.forget();
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let mut other = None;
        for job in std::iter::once(first).chain(asked.try_iter()) {
            match job {
                Job::Append(entry, taken) => {
                    entries.push(entry);
                    waiting.push(taken);
                }
                Job::Do(work) => other = Some(work),
            }
            if other.is_some() || entries.len() >= MOST_TAKEN {
                break;
            }
        }
        if !entries.is_empty() {
            let result = spool.append(std::mem::take(&mut entries)).map_err(|error| error.to_string());
            for taken in waiting.drain(..) {
                let _ = taken.send(result.clone());
            }
            came.notify_one();
        }
        if let Some(work) = other {
            work(&mut spool);
        }
    }
}

fn is_sound(_: &Labels, body: &[u8]) -> bool {
    decode_events(body, 1).is_ok_and(|events| !events.is_empty())
}
