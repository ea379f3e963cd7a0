//! The task behind a [`Batcher`](super::Batcher): sends batches, sends them again, counts.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use redis::RedisError;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;

use super::queue::{Batch, Queues};
use super::{BatcherBuilder, BatcherTotals, FailedBatch, FailureHandler, random_producer};
use crate::{BatchOptions, BatchReply, Error, Event, Reply, command};

/// Messages handled at once, so that a busy producer does not keep batches from being finished.
const MESSAGES_AT_ONCE: usize = 256;
/// Pauses before a batch is sent again: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));

/// Panics of the failure handler over one batch, after which it counts as handled.
const MOST_PANICS: u32 = 5;

/// What a batcher tells its worker.
#[derive(Debug)]
pub(super) enum Message {
    /// An event to deliver.
    Event { key: Arc<str>, event: Event<'static> },
    /// Deliver everything, then answer.
    Flush(oneshot::Sender<BatcherTotals>),
}

pub(super) struct Worker<C> {
    connection: C,
    producer: Arc<str>,
    next_seq: u64,
    give_up_after: Duration,
    on_failure: FailureHandler,
    queues: Queues,
    room: Arc<Semaphore>,
    totals: BatcherTotals,
    /// Keys of which batches were given up, and how many: what comes later is sent as another producer, so that those
    /// can still be sent as the one they had.
    given_up: HashMap<Arc<str>, u64>,
    /// Who waits until every event below a number is done.
    waiting: Vec<(u64, oneshot::Sender<BatcherTotals>)>,
}

/// A batch and what it is sent as.
struct Delivery {
    key: Arc<str>,
    producer: Arc<str>,
    seq: u64,
    events: Vec<Event<'static>>,
    /// Times the failure handler panicked over it.
    panics: u32,
}

/// How a delivery ended.
struct Outcome {
    delivery: Delivery,
    retries: u64,
    result: Result<BatchReply, Error>,
}

/// How the failure handler ended.
struct Handled {
    batch: FailedBatch,
    panics: u32,
    panicked: bool,
}

impl<C> Worker<C>
where
    C: redis::aio::ConnectionLike + Clone + Send + Sync + 'static,
{
    pub(super) fn new(connection: C, settings: BatcherBuilder, room: Arc<Semaphore>) -> Self {
        let (producer, next_seq) = settings.producer.unwrap_or_else(|| (random_producer(), 1));
        Self {
            connection,
            producer,
            next_seq,
            give_up_after: settings.give_up_after,
            on_failure: settings.on_failure,
            queues: Queues::new(settings.max_events, settings.max_delay),
            room,
            totals: BatcherTotals::default(),
            given_up: HashMap::new(),
            waiting: Vec::new(),
        }
    }

    /// Works until the batcher is gone and everything was delivered or given up.
    pub(super) async fn run(mut self, mut messages: mpsc::UnboundedReceiver<Message>) -> BatcherTotals {
        let mut under_way = FuturesUnordered::new();
        let mut handling = FuturesUnordered::new();
        let mut received = Vec::with_capacity(MESSAGES_AT_ONCE);
        let mut open = true;
        while open || !under_way.is_empty() || !handling.is_empty() {
            let due = self.queues.next_due();
            let ready = tokio::select! {
                count = messages.recv_many(&mut received, MESSAGES_AT_ONCE), if open => {
                    open = count > 0;
                    if open { self.take_over(&mut received) } else { self.queues.hurry(Instant::now()).1 }
                }
                Some(outcome) = under_way.next() => match self.finish(outcome) {
                    Ok(key) => self.release(&key, open),
                    Err(given_up) => {
                        let (batch, panics) = *given_up;
                        handling.push(handle(&mut self.on_failure, batch, panics));
                        Vec::new()
                    }
                },
                Some(handled) = handling.next() => match self.handled(handled) {
                    Ok(key) => self.release(&key, open),
                    Err(again) => {
                        under_way.push(self.deliver(again));
                        Vec::new()
                    }
                },
                () = sleep_until(due), if due.is_some() => self.queues.take_due(Instant::now()),
            };
            for batch in ready {
                let delivery = self.number(batch);
                under_way.push(self.deliver(delivery));
            }
        }
        std::mem::take(&mut self.totals)
    }

    fn take_over(&mut self, received: &mut Vec<Message>) -> Vec<Batch> {
        let now = Instant::now();
        let mut ready = Vec::new();
        for message in received.drain(..) {
            match message {
                Message::Event { key, event } => ready.extend(self.queues.push(key, event, now)),
                Message::Flush(done) => {
                    let (below, batches) = self.queues.hurry(now);
                    ready.extend(batches);
                    self.waiting.push((below, done));
                }
            }
        }
        self.answer_flushes();
        ready
    }

    /// Counts a delivery that came through, with its key; gives back one that was given up.
    fn finish(&mut self, outcome: Outcome) -> Result<Arc<str>, Box<(FailedBatch, u32)>> {
        let Outcome { delivery, retries, result } = outcome;
        let Delivery { key, producer, seq, events, panics } = delivery;
        let count = events.len() as u64;
        self.totals.retries += retries;
        match result {
            Ok(reply) => {
                self.totals.batches += 1;
                self.totals.delivered += count;
                if retries > 0 && reply.duplicate == reply.total() {
                    self.totals.recovered += count;
                } else {
                    self.totals.replies += reply;
                }
                self.room.add_permits(count as usize);
                Ok(key)
            }
            Err(error) => Err(Box::new((FailedBatch { key, producer, seq, events, error }, panics))),
        }
    }

    /// Counts a batch that the handler has taken; gives back one over which it panicked.
    fn handled(&mut self, handled: Handled) -> Result<Arc<str>, Delivery> {
        let Handled { batch, panics, panicked } = handled;
        self.totals.handler_panics += u64::from(panicked);
        let FailedBatch { key, producer, seq, events, error } = batch;
        self.totals.last_error = Some(error);
        if panicked && panics < MOST_PANICS {
            return Err(Delivery { key, producer, seq, events, panics });
        }
        self.totals.failed += events.len() as u64;
        self.room.add_permits(events.len());
        *self.given_up.entry(Arc::clone(&key)).or_default() += 1;
        Ok(key)
    }

    /// The key's batch is done; the batches that are ready now.
    fn release(&mut self, key: &Arc<str>, open: bool) -> Vec<Batch> {
        let now = Instant::now();
        let mut ready: Vec<_> = self.queues.finished(key, now).into_iter().collect();
        if !open {
            ready.extend(self.queues.hurry(now).1);
        }
        self.answer_flushes();
        ready
    }

    fn answer_flushes(&mut self) {
        let (queues, totals) = (&self.queues, &self.totals);
        for (_, done) in self.waiting.extract_if(.., |(below, _)| queues.is_done_below(*below)) {
            // Whoever asked may have stopped waiting.
            let _ = done.send(totals.clone());
        }
    }

    fn number(&mut self, batch: Batch) -> Delivery {
        let seq = self.next_seq;
        self.next_seq += 1;
        let Batch { key, events } = batch;
        let producer = match self.given_up.get(&key) {
            None => Arc::clone(&self.producer),
            Some(times) => renamed(&self.producer, *times),
        };
        Delivery { key, producer, seq, events, panics: 0 }
    }

    /// Sends a batch until it came through, was refused for good, or took too long.
    fn deliver(&self, delivery: Delivery) -> impl Future<Output = Outcome> + Send + use<C> {
        let options = BatchOptions::new().producer(&*delivery.producer, delivery.seq);
        let command = command::liq_maddpack(&*delivery.key, &delivery.events, &options);
        let mut connection = self.connection.clone();
        let give_up_at = Instant::now() + self.give_up_after;
        async move {
            let (mut pause, longest) = PAUSES;
            let mut retries = 0;
            loop {
                // The connection may have a patience of its own, while it connects again.
                let attempt = command.query_async::<Reply<BatchReply>>(&mut connection);
                let result = match tokio::time::timeout_at(give_up_at, attempt).await {
                    Ok(result) => result.map(Reply::into_inner).map_err(Error::from),
                    Err(_) => Err(RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut)).into()),
                };
                match result {
                    Err(error) if passes(&error) && Instant::now() + pause < give_up_at => {
                        if is_elsewhere(&error) {
                            let quit = redis::cmd("QUIT");
                            // Whether it hears it or not, the next attempt tells.
                            let _ = tokio::time::timeout(pause, quit.query_async::<()>(&mut connection)).await;
                        }
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(longest);
                        retries += 1;
                    }
                    result => return Outcome { delivery, retries, result },
                }
            }
        }
    }
}

/// Hands a batch to the failure handler; a panic is its own affair.
fn handle(
    handler: &mut FailureHandler,
    batch: FailedBatch,
    panics: u32,
) -> impl Future<Output = Handled> + Send + use<> {
    let begun = std::panic::catch_unwind(AssertUnwindSafe(|| handler(batch.clone())));
    async move {
        let panicked = match begun {
            Ok(handling) => AssertUnwindSafe(handling).catch_unwind().await.is_err(),
            Err(_) => true,
        };
        if panicked {
            tokio::time::sleep(PAUSES.0).await;
        }
        Handled { batch, panics: panics + u32::from(panicked), panicked }
    }
}

/// Whether the same batch may come through later.
pub(crate) fn passes(error: &Error) -> bool {
    // A module that is not loaded will be, once somebody notices, as a password will be given.
    error.is_transient() || is_elsewhere(error) || matches!(error, Error::NotLoaded(_))
}

/// Whether the connection leads to a server that is not, or no longer, the right one.
fn is_elsewhere(error: &Error) -> bool {
    matches!(error, Error::Redis(error) if matches!(error.code(), Some("READONLY" | "MASTERDOWN" | "NOAUTH" | "MOVED")))
}

/// A producer's name for what comes behind so many batches that were given up; at most as long as a name may be.
fn renamed(producer: &str, times: u64) -> Arc<str> {
    const LONGEST: usize = 64;
    let end = format!("+{times}");
    let kept = producer.floor_char_boundary(LONGEST - end.len());
    format!("{}{end}", producer.get(..kept).unwrap_or_default()).into()
}

impl<C> Drop for Worker<C> {
    /// Whoever waits for room learns that there will be none: also when the runtime ends before the batcher.
    fn drop(&mut self) {
        self.room.close();
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
