//! What delivers: a batch of each key at a time, the same again until its end is known.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use liq_core::liq::request::{decode_events, encode_events};
use liq_spool::{Batch, Consignment, Place, Spool};
use redis::{Cmd, RedisError, RedisResult};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

use super::keeper::Keeper;
use super::{SpooledBuilder, SpooledTotals};
use crate::batcher::passes;
use crate::{BatchReply, Error, Reply};

/// Keys that get a batch at once.
const MOST_KEYS: usize = 64;
/// Pauses before a failed attempt is made again: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));
/// How long an answer is awaited; the connection may have a patience of its own.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
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
    close_within: Duration,
    pause: Duration,
    /// Keys that are left alone, and until when.
    refused: HashMap<Arc<str>, Instant>,
    /// Who answered last.
    identity: Option<String>,
    /// When it was last seen that somebody answers.
    heard_at: Instant,
    totals: SpooledTotals,
    waiting: Vec<oneshot::Sender<SpooledTotals>>,
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
            close_within: settings.close_within,
            pause: PAUSES.0,
            refused: HashMap::new(),
            identity: None,
            heard_at: Instant::now(),
            totals: SpooledTotals::default(),
            waiting: Vec::new(),
        }
    }

    /// Works until the batcher is gone and everything was delivered, or the time for that is over.
    pub(super) async fn run(mut self, mut flushes: Flushes) -> SpooledTotals {
        let mut end_at: Option<Instant> = None;
        loop {
            if end_at.is_some_and(|at| Instant::now() >= at) {
                break;
            }
            let turn = self.turn().await;
            match turn {
                Turn::Delivered => self.pause = PAUSES.0,
                Turn::Idle if end_at.is_some() => break,
                Turn::Idle => self.answer_flushes().await,
                Turn::Failed => self.totals.retries += 1,
            }
            let rest = match turn {
                Turn::Delivered => continue,
                Turn::Idle => LOOK_EVERY,
                Turn::Failed => self.pause,
            };
            let is_idle = matches!(turn, Turn::Idle);
            if matches!(turn, Turn::Failed) {
                self.pause = (self.pause * 2).min(PAUSES.1);
            }
            tokio::select! {
                flush = flushes.recv(), if end_at.is_none() => match flush {
                    Some(done) => self.waiting.push(done),
                    None => end_at = Some(Instant::now() + self.close_within),
                },
                () = self.keeper.came.notified(), if is_idle => sleep(self.max_delay).await,
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

    async fn answer_flushes(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        self.count().await;
        for done in self.waiting.drain(..) {
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
        // What ails the spool it mends itself, or sets aside; the next turn tells.
        let Some(Ok(consignments)) = next else { return Turn::Idle };
        let sending = consignments.iter().map(|(_, one)| send(connection.clone(), one));
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
        let mut connection = within((self.connect)()).await?;
        let answering = who_answers(&mut connection).await?;
        let identity = &answering.identity;
        let is_other = self.identity.is_some() && identity.is_some() && self.identity != *identity;
        if is_other && self.keeper.ask(Spool::rewind).await.is_some_and(|rewound| rewound.is_ok()) {
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
        results: Vec<Result<Vec<BatchReply>, Error>>,
    ) -> Turn {
        let (mut settled, mut failed) = (Vec::new(), None);
        for ((place, one), result) in consignments.into_iter().zip(results) {
            match result {
                Ok(replies) => {
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
                Err(error) if passes(&error) => failed = Some(error),
                Err(error) => self.refuse(place, &one, error).await,
            }
        }
        let noted = self.keeper.ask(move |spool| spool.settle(&settled)).await;
        match failed {
            Some(error) => self.fail(error),
            // What could not be noted is sent again, and recognised.
            None if noted.is_none() => Turn::Idle,
            None => Turn::Delivered,
        }
    }

    /// A refusal that will not pass: an event that the server never takes goes, a key that it refuses waits.
    async fn refuse(&mut self, place: Place, one: &Consignment, error: Error) {
        let item = match (&error, one.batches.len()) {
            (Error::Refused { item, .. }, 1) => *item,
            _ => None,
        };
        match item.and_then(|item| one.rows.get(item.saturating_sub(1)).copied()) {
            Some(row) => {
                let series = one.series.id;
                self.totals.refused += 1;
                let _ = self.keeper.ask(move |spool| spool.discard(place, series, row)).await;
            }
            None => drop(self.refused.insert(Arc::clone(&one.series.key), Instant::now() + REFUSED_PAUSE)),
        }
        self.totals.last_error = Some(error);
    }

    /// The next attempt is made over a new connection, for which the address is looked up anew.
    fn fail(&mut self, error: Error) -> Turn {
        self.connection = None;
        self.totals.last_error = Some(error);
        Turn::Failed
    }
}

/// Who answers.
struct Answering {
    /// The process; nothing of a cluster, where any of the nodes may be it, and where nobody tells.
    identity: Option<String>,
    /// Whether it takes writes, as far as it tells.
    is_master: bool,
}

async fn who_answers<C: redis::aio::ConnectionLike>(connection: &mut C) -> Result<Answering, Error> {
    let command = redis::cmd("INFO").arg("server").arg("replication").to_owned();
    let info = match within(command.query_async::<String>(connection)).await {
        Ok(info) => info,
        Err(error) if passes(&error) => return Err(error),
        // Who may not ask does without.
        Err(_) => String::new(),
    };
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let identity = field("run_id").filter(|_| field("redis_mode") != Some("cluster")).map(str::to_owned);
    Ok(Answering { identity, is_master: field("role") != Some("slave") })
}

/// Sends what goes to one key, together or not at all: were one batch refused and the next taken, the first could never be
/// counted.
async fn send<C>(mut connection: C, one: &Consignment) -> Result<Vec<BatchReply>, Error>
where
    C: redis::aio::ConnectionLike + Clone + Send + Sync + 'static,
{
    let command = |batch: &Batch| {
        let events: Vec<_> = batch.bodies.iter().filter_map(|body| decode_events(body, 1).ok()?.pop()).collect();
        let mut command: Cmd = redis::cmd("LIQ.MADDPACK");
        command.arg(&*one.series.key).arg(encode_events(&events)).arg("BATCH").arg(&*one.producer).arg(batch.seq);
        command
    };
    let replies: Vec<Reply<BatchReply>> = match one.batches.as_slice() {
        [batch] => vec![within(command(batch).query_async(&mut connection)).await?],
        batches => {
            let mut pipeline = redis::pipe();
            pipeline.atomic();
            for batch in batches {
                pipeline.add_command(command(batch));
            }
            within(pipeline.query_async(&mut connection)).await?
        }
    };
    Ok(replies.into_iter().map(Reply::into_inner).collect())
}

async fn within<T>(answer: impl Future<Output = Result<T, RedisError>>) -> Result<T, Error> {
    match timeout(ANSWER_WITHIN, answer).await {
        Ok(answer) => answer.map_err(Error::from),
        Err(_) => Err(RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut)).into()),
    }
}
