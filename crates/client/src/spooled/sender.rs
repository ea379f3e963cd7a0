//! What delivers: a batch of each key at a time, the same again until its end is known.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use liq_spool::{Consignment, Place, Spool};
use redis::RedisResult;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

use super::keeper::Keeper;
use super::wire::{Answering, Failure, Terms, is_lacking, send, who_answers, within};
use super::{SpooledBuilder, SpooledTotals};
use crate::batcher::passes;
use crate::{BatchReply, Error};

/// Keys that get a batch at once.
const MOST_KEYS: usize = 64;
/// Pauses before a failed attempt is made again: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));
/// How long a key that the server refuses for good is left alone.
const REFUSED_PAUSE: Duration = Duration::from_secs(30);
/// How often it is asked whether somebody answers.
const HEAR_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked for work that nobody told of: keys that were left alone.
const LOOK_EVERY: Duration = Duration::from_secs(1);

type Flushes = mpsc::UnboundedReceiver<oneshot::Sender<SpooledTotals>>;

/// How a connection is made.
pub(super) type Connect<C> = Box<dyn Fn() -> Connecting<C> + Send + Sync>;
type Connecting<C> = Pin<Box<dyn Future<Output = RedisResult<C>> + Send>>;

pub(super) struct Sender<C> {
    connect: Connect<C>,
    connection: Option<C>,
    keeper: Keeper,
    max_events: usize,
    max_delay: Duration,
    terms: Terms,
    pause: Duration,
    /// Keys that were made sure of over this connection.
    made: HashSet<Arc<str>>,
    /// Keys that are left alone, and until when.
    refused: HashMap<Arc<str>, Instant>,
    /// Who answered last.
    identity: Option<String>,
    /// When it was last seen that somebody answers.
    heard_at: Instant,
    totals: SpooledTotals,
}

/// Who waits for what is there to be delivered, and when it is time to end.
struct Callers {
    flushes: Flushes,
    waiting: Vec<oneshot::Sender<SpooledTotals>>,
    close_within: Duration,
    /// Once nobody can call any more.
    end_at: Option<Instant>,
}

impl Callers {
    /// Until somebody calls, or else it is time to end.
    async fn attend(&mut self) {
        match self.end_at {
            Some(at) => sleep_until(at).await,
            None => match self.flushes.recv().await {
                Some(done) => self.waiting.push(done),
                None => self.end_at = Some(Instant::now() + self.close_within),
            },
        }
    }

    /// Until it is time to end.
    async fn end(&mut self) {
        while !self.is_over() {
            self.attend().await;
        }
    }

    fn is_over(&self) -> bool {
        self.end_at.is_some_and(|at| Instant::now() >= at)
    }
}

/// What became of a turn.
enum Turn {
    Delivered,
    /// Nothing waits that could be delivered.
    Idle,
    Failed,
}

impl<C> Sender<C>
where
    C: redis::aio::ConnectionLike + Clone + Send + Sync + 'static,
{
    pub(super) fn new(connect: Connect<C>, keeper: Keeper, settings: &SpooledBuilder) -> Self {
        Self {
            connect,
            connection: None,
            keeper,
            max_events: settings.max_events,
            max_delay: settings.max_delay,
            terms: settings.terms.clone(),
            pause: PAUSES.0,
            made: HashSet::new(),
            refused: HashMap::new(),
            identity: None,
            heard_at: Instant::now(),
            totals: SpooledTotals::default(),
        }
    }

    /// Works until the batcher is gone and everything was delivered, or the time for that is over: also in the middle of an
    /// attempt that nobody answers.
    pub(super) async fn run(mut self, flushes: Flushes, close_within: Duration) -> SpooledTotals {
        let mut callers = Callers { flushes, waiting: Vec::new(), close_within, end_at: None };
        loop {
            // Who has stopped waiting is not kept in mind.
            callers.waiting.retain(|done| !done.is_closed());
            // Who calls during a turn may have added something that it did not see.
            let (called, was_closed) = (callers.waiting.len(), callers.end_at.is_some());
            let turn = tokio::select! {
                biased;
                turn = self.turn() => turn,
                () = callers.end() => break,
            };
            let rest = match turn {
                Turn::Delivered => {
                    self.pause = PAUSES.0;
                    continue;
                }
                Turn::Idle if was_closed => break,
                Turn::Idle => {
                    self.answer(callers.waiting.drain(..called)).await;
                    LOOK_EVERY
                }
                Turn::Failed => {
                    self.totals.retries += 1;
                    let pause = self.pause;
                    self.pause = (pause * 2).min(PAUSES.1);
                    pause
                }
            };
            tokio::select! {
                () = callers.attend() => {}
                () = self.keeper.came.notified(), if matches!(turn, Turn::Idle) => sleep(self.max_delay).await,
                () = sleep(rest) => {}
            }
        }
        self.count().await;
        self.totals
    }

    /// What is known of the spool besides.
    async fn count(&mut self) {
        if let Some(state) = self.keeper.ask(Spool::state).await {
            self.totals.waiting = state.waiting;
            self.totals.dropped += state.dropped;
        }
    }

    async fn answer(&mut self, callers: impl ExactSizeIterator<Item = oneshot::Sender<SpooledTotals>>) {
        if callers.len() == 0 {
            return;
        }
        self.count().await;
        for done in callers {
            // Whoever asked may have stopped waiting.
            let _ = done.send(self.totals.clone());
        }
    }

    async fn turn(&mut self) -> Turn {
        let now = Instant::now();
        self.refused.retain(|_, until| *until > now);
        let left_alone: Vec<Arc<str>> = self.refused.keys().cloned().collect();
        let passed = move |key: &str| left_alone.iter().any(|other| &**other == key);
        let is_passed = passed.clone();
        // Also while nothing waits: a server that lost what it had taken has to be told again.
        let reached = self.reach().await;
        let has_work = self.keeper.ask(move |spool| spool.has_waiting(is_passed)).await.unwrap_or_default();
        let connection = match reached {
            _ if !has_work => return Turn::Idle,
            Err(error) => return self.fail(error),
            Ok(connection) => connection,
        };
        let most = self.max_events;
        let next = self.keeper.ask(move |spool| spool.next(MOST_KEYS, most, passed)).await;
        let consignments = match next {
            Some(Ok(consignments)) => consignments,
            Some(Err(error)) => return self.fail(Error::Spool(error.to_string())),
            None => return Turn::Idle,
        };
        let sending = consignments.iter().map(|(_, one)| {
            let is_made = self.made.contains(&one.series.key);
            send(connection.clone(), one, &self.terms, is_made)
        });
        let results = join_all(sending).await;
        self.settle(consignments, results).await
    }

    /// The connection that stands and was heard lately, else a new one. Who answers over a new one is asked before anything
    /// is sent: a server that took newer numbers first would take the older ones for delivered.
    async fn reach(&mut self) -> Result<C, Error> {
        if let Some(mut connection) = self.connection.take() {
            if self.heard_at.elapsed() >= HEAR_EVERY {
                let answering = who_answers(&mut connection).await?;
                self.hear(&answering).await;
            }
            self.connection = Some(connection.clone());
            return Ok(connection);
        }
        self.made.clear();
        let mut connection = within((self.connect)()).await?;
        let answering = who_answers(&mut connection).await?;
        let identity = &answering.identity;
        let is_other = self.identity.is_some() && identity.is_some() && self.identity != *identity;
        if is_other && let Some(rewound) = self.keeper.ask(Spool::rewind).await {
            // Until it is done nobody else is known to answer, so that it is tried again before anything is sent.
            rewound.map_err(|error| Error::Spool(error.to_string()))?;
            self.totals.rewinds += 1;
        }
        self.hear(&answering).await;
        self.identity = answering.identity.or(self.identity.take());
        self.connection = Some(connection.clone());
        Ok(connection)
    }

    /// Somebody answers. Only while it is a master, what it took is safe after a while, and goes: a replica throws away what
    /// its new master lacks.
    async fn hear(&mut self, answering: &Answering) {
        self.heard_at = Instant::now();
        if answering.is_master {
            let _ = self.keeper.ask(Spool::hear).await;
        }
    }

    async fn settle(
        &mut self,
        consignments: Vec<(Place, Consignment)>,
        results: Vec<Result<Vec<BatchReply>, Failure>>,
    ) -> Turn {
        let (mut settled, mut failed) = (Vec::new(), None);
        for ((place, one), result) in consignments.into_iter().zip(results) {
            match result {
                Ok(replies) => {
                    self.made.insert(Arc::clone(&one.series.key));
                    let mut is_new = false;
                    for (reply, batch) in replies.iter().zip(&one.batches) {
                        let count = batch.bodies.len() as u64;
                        self.totals.batches += 1;
                        self.totals.delivered += count;
                        if reply.duplicate == reply.total() {
                            self.totals.recovered += count;
                        } else {
                            self.totals.replies += *reply;
                            is_new = true;
                        }
                    }
                    settled.push((place, one.series.id, one.rows, is_new));
                }
                Err(failure) if passes(&failure.error) => failed = Some(failure.error),
                Err(failure) => self.refuse(place, &one, failure).await,
            }
        }
        let noted = self.keeper.ask(move |spool| spool.settle(&settled)).await;
        match failed {
            Some(error) => self.fail(error),
            None if noted.is_none() => Turn::Idle,
            None => Turn::Delivered,
        }
    }

    /// A refusal that will not pass: an event that the server never takes goes, a key that it refuses waits.
    async fn refuse(&mut self, place: Place, one: &Consignment, Failure { error, batch }: Failure) {
        let item = match &error {
            Error::Refused { item, .. } => *item,
            _ => None,
        };
        // One batch holds all rows, or each row has a batch of its own, of which it is the first item.
        match item.and_then(|item| one.rows.get(batch + item.saturating_sub(1)).copied()) {
            Some(row) => {
                let series = one.series.id;
                self.totals.refused += 1;
                let _ = self.keeper.ask(move |spool| spool.discard(place, series, row)).await;
            }
            None => drop(self.refused.insert(Arc::clone(&one.series.key), Instant::now() + REFUSED_PAUSE)),
        }
        self.totals.last_error = Some(error);
    }

    /// The next attempt is made over a new connection, for which the address is looked up anew, unless it is replicas that are
    /// waited for, or the disk.
    fn fail(&mut self, error: Error) -> Turn {
        if !is_lacking(&error) && !matches!(error, Error::Spool(_)) {
            self.connection = None;
        }
        self.totals.last_error = Some(error);
        Turn::Failed
    }
}
