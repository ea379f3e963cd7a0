//! The thread that has the spool: it takes events by as few writes as there are pauses between them, and does what else is
//! asked of it.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use liq_core::liq::request::decode_events;
use liq_spool::{Entry, Labels, Spool, SpoolError};
use tokio::sync::{Notify, OwnedSemaphorePermit, oneshot};

/// Events taken by one write.
const MOST_TAKEN: usize = 1_024;
/// How often what was delivered is deleted, and a disk that took nothing tried again.
const TIDY_EVERY: Duration = Duration::from_secs(1);

/// Who waits for an event to be on disk, and its room, which is taken until then also when nobody waits any more.
type Taken = (oneshot::Sender<Result<(), String>>, OwnedSemaphorePermit);
type Work = Box<dyn FnOnce(&mut Spool) + Send>;

enum Job {
    Append(Entry, Taken),
    Do(Work),
    End(oneshot::Sender<()>),
}

/// Where the thread is asked. It ends with the last of these, or when one of them has it end.
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

    /// Puts an event on disk, also when its answer is not awaited; nothing when the thread is gone.
    pub(super) async fn append(&self, entry: Entry, room: OwnedSemaphorePermit) -> Option<Result<(), String>> {
        let (taken, answer) = oneshot::channel();
        self.jobs.send(Job::Append(entry, (taken, room))).ok()?;
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

    /// Ends the thread, whatever asks it still; the folder is free when this returns.
    pub(super) async fn end(&self) {
        let (done, answer) = oneshot::channel();
        if self.jobs.send(Job::End(done)).is_ok() {
            // A thread that is gone has let go of the folder, too.
            let _ = answer.await;
        }
    }
}

fn keep(mut spool: Spool, asked: &Receiver<Job>, came: &Notify) {
    let (mut entries, mut waiting) = (Vec::new(), Vec::new());
    let mut tidied = Instant::now();
    loop {
        // By the clock: whoever asks without a pause would put it off for ever.
        if tidied.elapsed() >= TIDY_EVERY {
            spool.forget();
            tidied = Instant::now();
        }
        let first = match asked.recv_timeout(TIDY_EVERY.saturating_sub(tidied.elapsed())) {
            Ok(job) => job,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let (mut other, mut end) = (None, None);
        for job in std::iter::once(first).chain(asked.try_iter()) {
            match job {
                Job::Append(entry, taken) => {
                    entries.push(entry);
                    waiting.push(taken);
                }
                Job::Do(work) => other = Some(work),
                Job::End(done) => end = Some(done),
            }
            if other.is_some() || end.is_some() || entries.len() >= MOST_TAKEN {
                break;
            }
        }
        if !entries.is_empty() {
            let result = spool.append(std::mem::take(&mut entries)).map_err(|error| error.to_string());
            for (taken, room) in waiting.drain(..) {
                drop(room);
                let _ = taken.send(result.clone());
            }
            came.notify_one();
        }
        if let Some(work) = other {
            work(&mut spool);
        }
        if let Some(done) = end {
            drop(spool);
            let _ = done.send(());
            return;
        }
    }
}

fn is_sound(_: &Labels, body: &[u8]) -> bool {
    decode_events(body, 1).is_ok_and(|events| !events.is_empty())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;
    use crate::{Event, Side};

    #[tokio::test]
    async fn what_was_delivered_is_deleted_however_often_the_thread_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let keeper = Keeper::start(folder.path(), 1_000, Duration::from_millis(100)).unwrap();
        let entry = crate::spooled::entry_of("liq:{A}".into(), Event::new(1, Side::Sell, 1.0, 1.0));
        let room = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        keeper.append(entry, room).await.unwrap().unwrap();
        let (place, one) = keeper.ask(|spool| spool.next(1, 1, |_| false).unwrap().pop().unwrap()).await.unwrap();
        keeper.ask(move |spool| spool.settle(&[(place, one.series.id, one.rows, true)])).await.unwrap();
        let begun = Instant::now();
        while begun.elapsed() < TIDY_EVERY * 2 {
            keeper.ask(|spool| spool.hear()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // What is still there would wait once more.
        let left = keeper.ask(|spool| spool.rewind().unwrap()).await.unwrap();
        assert_eq!(left, 0);
    }
}
