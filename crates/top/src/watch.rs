//! Reads the server: connects, finds keys, refreshes the board, publishes what it knows, and begins anew when the server
//! went away.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use redis::aio::MultiplexedConnection;
use redis::{RedisError, RedisResult, Value};
use redis_liq::command;
use tokio::sync::watch;

use crate::board::Board;
use crate::cluster;
use crate::keys::{self, Changes, Ear, Walk};
use crate::model::{Detail, FoundBy, Link, Snapshot, SymbolRow, View};
use crate::names::{Key, LONG, shown};
pub use crate::source::Source;
use crate::source::{Naming, connect};
use crate::trouble::{Trouble, is_unknown_command};

/// A server that saves or loads may answer late; a dead one is noticed by this.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
/// What is asked once has no next turn, so a slow server is waited for.
const PATIENT_TIMEOUT: Duration = Duration::from_secs(60);
/// Pauses between attempts to connect.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often all keys are walked over where no events tell of new ones, and where they do (events can be lost).
const RESCAN: Duration = Duration::from_secs(30);
const RESCAN_WITH_EVENTS: Duration = Duration::from_secs(600);
/// A walk begins early when the number of keys changed by the server's books, but not more often than this.
const EARLY_RESCAN: Duration = Duration::from_secs(5);
/// Steps of a walk in one refresh, so that it costs a millisecond or two.
const STEPS_A_REFRESH: usize = 10;
/// Batches before the first picture is shown although not everything was read.
const FIRST_BATCHES: usize = 4;

/// What the faces want to see.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wants {
    /// The window, milliseconds.
    pub window_ms: u64,
    /// The series to be looked at closely.
    pub open: Vec<Key>,
}

/// One picture with everything in it: for `--once`.
pub async fn once(source: &Source, window_ms: u64) -> Result<Snapshot, Trouble> {
    if source.is_cluster() { cluster::once(source, window_ms).await } else { once_one(source, window_ms).await }
}

/// The same of one server.
pub async fn once_one(source: &Source, window_ms: u64) -> Result<Snapshot, Trouble> {
    let mut session = Session::open(source, window_ms, PATIENT_TIMEOUT).await?;
    let fails = |error| Trouble::of(&source.address, &error);
    session.board.be_thorough();
    session.walk_whole().await.map_err(fails)?;
    loop {
        session.refresh().await.map_err(fails)?;
        if session.board.is_whole() {
            return Ok(session.board.snapshot());
        }
    }
}

/// One series, for `--svg`: the one with this key, else the one of this symbol.
pub async fn closely(source: &Source, window_ms: u64, name: &[u8]) -> Result<(SymbolRow, Detail), Trouble> {
    if source.is_cluster() {
        return cluster::closely(source, window_ms, name).await;
    }
    closely_one(source, window_ms, name).await
}

/// The same of one server.
pub async fn closely_one(source: &Source, window_ms: u64, name: &[u8]) -> Result<(SymbolRow, Detail), Trouble> {
    let mut session = Session::open(source, window_ms, PATIENT_TIMEOUT).await?;
    let fails = |error| Trouble::of(&source.address, &error);
    let unknown = |keys: &[Key]| Trouble::Symbol {
        address: source.address.clone(),
        symbol: shown(name, LONG),
        keys: keys.iter().take(5).map(|key| shown(key.bytes(), LONG)).collect(),
    };
    session.walk_whole().await.map_err(fails)?;
    let keys = session.board.find(name);
    let [key] = keys.as_slice() else { return Err(unknown(&keys)) };
    session.board.only(key);
    loop {
        session.refresh().await.map_err(fails)?;
        if session.board.is_whole() && session.board.is_looked_at() {
            // Deleted while it was looked at.
            let Some(row) = session.board.snapshot().symbols.pop() else { return Err(unknown(&[])) };
            let detail = session.board.details().remove(key);
            if let Some(why) = row.error.clone().or_else(|| detail.as_ref()?.error.clone()) {
                return Err(Trouble::Other { address: source.address.clone(), why });
            }
            return Ok((row, detail.map(Arc::unwrap_or_clone).ok_or_else(|| unknown(&[]))?));
        }
    }
}

/// Publishes what is known until nobody listens.
pub async fn run(source: Source, refresh: Duration, wants: watch::Receiver<Wants>, out: watch::Sender<View>) {
    if source.is_cluster() {
        cluster::run(source, refresh, wants, out).await;
    } else {
        run_one(source, refresh, wants, out).await;
    }
}

/// The same of one server.
pub async fn run_one(source: Source, refresh: Duration, mut wants: watch::Receiver<Wants>, out: watch::Sender<View>) {
    let mut pause = FIRST_PAUSE;
    while !out.is_closed() {
        let began = Instant::now();
        let Err(trouble) = follow(&source, refresh, &mut wants, &out).await else { return };
        // A server that was there for a while is asked again at once.
        pause = if began.elapsed() > LONGEST_PAUSE { FIRST_PAUSE } else { pause };
        let now_ms = local_ms();
        out.send_modify(|view| {
            let since_ms = if let Link::Down { since_ms, .. } = view.link { since_ms } else { now_ms };
            view.link = Link::Down { since_ms, why: trouble.to_string() };
        });
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// One connection's life; ends well when nobody listens any more.
async fn follow(
    source: &Source,
    refresh: Duration,
    wants: &mut watch::Receiver<Wants>,
    out: &watch::Sender<View>,
) -> Result<(), Trouble> {
    let fails = |error| Trouble::of(&source.address, &error);
    let wanted = wants.borrow_and_update().clone();
    let mut session = Session::open(source, wanted.window_ms, RESPONSE_TIMEOUT).await?;
    session.board.look_at(&wanted.open);
    session.walk_whole().await.map_err(fails)?;
    let mut batches = 0;
    let mut tick = tokio::time::interval(refresh);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        session.refresh().await.map_err(fails)?;
        batches += 1;
        if !session.board.is_read() && batches < FIRST_BATCHES {
            continue;
        }
        let (snapshot, details) = (Arc::new(session.board.snapshot()), session.board.details());
        out.send_modify(|view| {
            view.link = Link::Up;
            view.snapshot = Some(snapshot);
            view.details = details;
        });
        tokio::select! {
            _ = tick.tick() => session.walk_on().await.map_err(fails)?,
            changed = wants.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
                let wanted = wants.borrow_and_update().clone();
                session.board.set_window(wanted.window_ms);
                session.board.look_at(&wanted.open);
                tick.reset();
            }
            () = out.closed() => return Ok(()),
        }
    }
}

/// A connection and what it has told.
struct Session {
    connection: MultiplexedConnection,
    /// Sentinels named it: once it is a replica they name another.
    must_be_master: bool,
    naming: Option<Naming>,
    ear: Option<Ear>,
    board: Board,
    walk: Option<Walk>,
    walked: Instant,
    /// What the server counted when the last walk began.
    counted: Option<u64>,
    /// Keys that events told of since the walk began: it may have passed their place.
    came: BTreeSet<Key>,
    /// Keys to be asked what they are.
    may_be_new: BTreeSet<Key>,
}

impl Session {
    /// Connects, and sees whether there is a module to be read.
    async fn open(source: &Source, window_ms: u64, response_timeout: Duration) -> Result<Self, Trouble> {
        let fails = |error: &RedisError| Trouble::of(&source.address, error);
        let client = source.client().await.map_err(|error| fails(&error))?;
        let mut connection = connect(&client, response_timeout).await.map_err(|error| fails(&error))?;
        for (name, probe) in [
            ("LIQ.STATS", command::liq_stats("liq:{}", &redis_liq::StatsQuery::default())),
            ("LIQ.MEMORY", command::liq_memory()),
        ] {
            match probe.query_async::<Value>(&mut connection).await {
                Err(error) if is_unknown_command(&error) => {
                    let address = source.address.clone();
                    let is_old = name == "LIQ.MEMORY";
                    return Err(if is_old {
                        Trouble::Version { address, command: name.to_owned() }
                    } else {
                        Trouble::NoModule { address }
                    });
                }
                // A refusal of one command is told where its answer is missed.
                Err(error) if matches!(fails(&error), Trouble::Permission { .. } | Trouble::Other { .. }) => {}
                other => drop(other.map_err(|error| fails(&error))?),
            }
        }
        let mut board = Board::new(&source.address, window_ms);
        if source.is_part() {
            board.be_part();
        }
        // A user who may not subscribe, or not ask for the setting, is served by walks; a server that is not ready is
        // waited for.
        let unless_ready = |error| match fails(&error) {
            trouble @ Trouble::NotReady { .. } => Err(trouble),
            _ => Ok(()),
        };
        let ear = Ear::open(&client).await.map(Some).or_else(|error| unless_ready(error).map(|()| None))?;
        let sends_events = sends_events(&mut connection).await.or_else(|error| unless_ready(error).map(|()| false))?;
        let found_by = if ear.is_some() && sends_events { FoundBy::Events } else { FoundBy::Rescans };
        board.set_found_by(found_by);
        if found_by == FoundBy::Rescans {
            let setting = format!("CONFIG SET notify-keyspace-events {}", keys::CLASSES);
            board.warn("events", Some(format!("new keys are seen late without: {setting}")));
        }
        Ok(Self {
            connection,
            must_be_master: source.must_be_master(),
            naming: Naming::of(source, &client),
            ear,
            board,
            walk: Some(Walk::default()),
            walked: Instant::now(),
            counted: None,
            came: BTreeSet::new(),
            may_be_new: BTreeSet::new(),
        })
    }

    /// One batch: the whole board, or what it may ask at once.
    async fn refresh(&mut self) -> RedisResult<()> {
        self.hear()?;
        let mut batch = self.board.batch(std::mem::take(&mut self.may_be_new).into_iter());
        batch.pipeline.ignore_errors();
        let answers: Vec<Value> = batch.pipeline.query_async(&mut self.connection).await?;
        for (question, answer) in batch.questions.iter().zip(answers) {
            self.board.take(question, Ok(answer));
        }
        if self.must_be_master && self.board.is_replica() {
            return Err((redis::ErrorKind::Io, "the server is not the master any more").into());
        }
        if let Some(naming) = &mut self.naming {
            naming.check().await?;
        }
        Ok(())
    }

    /// Takes what keyspace events told.
    fn hear(&mut self) -> RedisResult<()> {
        let Some(ear) = &self.ear else { return Ok(()) };
        let Changes { born, gone, too_many } = ear.heard();
        if ear.is_deaf() {
            return Err((redis::ErrorKind::Io, "the server ended the subscription").into());
        }
        gone.iter().for_each(|key| self.board.remove(key));
        if self.walk.is_some() {
            self.came.extend(born.iter().cloned());
        }
        self.may_be_new.extend(born);
        if too_many && self.walk.is_none() {
            self.begin_walk();
        }
        Ok(())
    }

    fn begin_walk(&mut self) {
        self.walk = Some(Walk::default());
        self.walked = Instant::now();
        self.counted = self.board.counted();
        self.came.clear();
    }

    async fn walk_whole(&mut self) -> RedisResult<()> {
        while self.walk.is_some() {
            self.step().await?;
        }
        Ok(())
    }

    /// A few steps of a walk, and the beginning of one when it is due.
    async fn walk_on(&mut self) -> RedisResult<()> {
        if self.walk.is_none() && self.is_walk_due() {
            self.begin_walk();
        }
        for _ in 0..STEPS_A_REFRESH {
            if self.walk.is_some() {
                self.step().await?;
            }
        }
        Ok(())
    }

    fn is_walk_due(&self) -> bool {
        let age = self.walked.elapsed();
        let counted = self.board.counted();
        let has_changed = counted != self.counted && counted != Some(self.board.known());
        age >= RESCAN_WITH_EVENTS || (has_changed && age >= EARLY_RESCAN) || (self.is_blind() && age >= RESCAN)
    }

    fn is_blind(&self) -> bool {
        self.board.found_by() == FoundBy::Rescans
    }

    async fn step(&mut self) -> RedisResult<()> {
        let Some(walk) = &mut self.walk else { return Ok(()) };
        if let Some((kind, found)) = walk.step(&mut self.connection).await? {
            self.board.replace(kind, &found, &self.came);
        }
        if walk.is_over() {
            self.walk = None;
        }
        Ok(())
    }
}

/// Whether the server sends the events that are needed.
async fn sends_events(connection: &mut MultiplexedConnection) -> RedisResult<bool> {
    let mut ask = redis::cmd("CONFIG");
    ask.arg("GET").arg("notify-keyspace-events");
    let (_, setting): (String, String) = ask.query_async(connection).await?;
    Ok(keys::sends_all(&setting))
}

/// Now, by this machine's clock, Unix milliseconds.
pub fn local_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
