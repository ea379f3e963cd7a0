//! The task behind a [`Batcher`](super::Batcher): sends batches, sends them again, counts.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use redis::RedisError;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;

use super::queue::{Batch, Queues};
use super::{BatcherBuilder, BatcherTotals, FailedBatch, FailureHandler, random_producer};
use crate::{BatchOptions, BatchReply, Error, Event, command};

/// Messages handled at once, so that a busy producer does not keep batches from being finished.
const MESSAGES_AT_ONCE: usize = 256;
/// Pauses before a batch is sent again: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));

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
    /// Who waits until every event below a number is done.
    waiting: Vec<(u64, oneshot::Sender<BatcherTotals>)>,
}

/// How a batch ended.
struct Outcome {
    key: Arc<str>,
    seq: u64,
    events: Vec<Event<'static>>,
    retries: u64,
    result: Result<BatchReply, Error>,
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
            waiting: Vec::new(),
        }
    }

    /// Works until the batcher is gone and everything was delivered or given up.
    pub(super) async fn run(mut self, mut messages: mpsc::UnboundedReceiver<Message>) -> BatcherTotals {
        let mut under_way = FuturesUnordered::new();
        let mut received = Vec::with_capacity(MESSAGES_AT_ONCE);
        let mut open = true;
        while open || !under_way.is_empty() {
            let due = self.queues.next_due();
            let ready = tokio::select! {
                count = messages.recv_many(&mut received, MESSAGES_AT_ONCE), if open => {
                    open = count > 0;
                    if open { self.take_over(&mut received) } else { self.queues.hurry(Instant::now()).1 }
                }
                Some(outcome) = under_way.next() => self.finish(outcome, open),
                () = sleep_until(due), if due.is_some() => self.queues.take_due(Instant::now()),
            };
            for batch in ready {
                under_way.push(self.delivery(batch));
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

    fn finish(&mut self, outcome: Outcome, open: bool) -> Vec<Batch> {
        let Outcome { key, seq, events, retries, result } = outcome;
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
            }
            Err(error) => {
                self.totals.failed += count;
                self.totals.last_error = Some(error.clone());
                let producer = Arc::clone(&self.producer);
                (self.on_failure)(FailedBatch { key: Arc::clone(&key), producer, seq, events, error });
            }
        }
        self.room.add_permits(count as usize);
        let now = Instant::now();
        let mut ready: Vec<_> = self.queues.finished(&key, now).into_iter().collect();
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

    /// Sends a batch until it came through, was refused for good, or took too long.
    fn delivery(&mut self, batch: Batch) -> impl Future<Output = Outcome> + Send + use<C> {
        let seq = self.next_seq;
        self.next_seq += 1;
        let Batch { key, events } = batch;
        let options = BatchOptions::new().producer(&*self.producer, seq);
        let command = command::liq_maddpack(&*key, &events, &options);
        let mut connection = self.connection.clone();
        let give_up_at = Instant::now() + self.give_up_after;
        async move {
            let (mut pause, longest) = PAUSES;
            let mut retries = 0;
            loop {
                // The connection may have a patience of its own, while it connects again.
                let attempt = command.query_async::<BatchReply>(&mut connection);
                let result = match tokio::time::timeout_at(give_up_at, attempt).await {
                    Ok(result) => result.map_err(Error::from),
                    Err(_) => Err(RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut)).into()),
                };
                match result {
                    Err(error) if error.is_transient() && Instant::now() + pause < give_up_at => {
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(longest);
                        retries += 1;
                    }
                    result => return Outcome { key, seq, events, retries, result },
                }
            }
        }
    }
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
