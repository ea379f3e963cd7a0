//! A replay from beginning to end: a thread that reads, and lanes that deliver.

use std::hash::{Hash, Hasher};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use liq_core::settings::ClockMode;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::lane::{Chunk, Lane, LaneError, Numbered};
use super::ledger::Refusal;
use super::names::{self, Name};
use super::pace::{Pace, Speed};
use super::records::{self, Record};
use super::report::{LINE_EVERY, Progress, Tally};
use super::source::{Format, STANDARD_INPUT, Source};
use crate::config::{Config, ConfigError};
use crate::contract::Contracts;
use crate::rejects::RejectsFile;
use crate::stream::instruments::Instruments;
use crate::venue::{Decoder, Venue};

/// Events of one lane that are read before they are handed over.
const CHUNK_EVENTS: usize = 4096;
/// Chunks that wait for a lane: with the one under way, what a replay holds in memory.
const CHUNKS_WAITING: usize = 2;

/// What to replay and how.
#[derive(Debug, Clone)]
pub struct Replay {
    /// The recordings, in this order; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// How fast.
    pub speed: Speed,
    /// What the recordings hold, where their first line does not tell.
    pub format: Option<Format>,
    /// Whose frames an NDJSON recording holds, where their shape does not tell.
    pub venue: Option<Venue>,
    /// The instrument that the recordings are about, where neither rows nor name tell.
    pub instrument: Option<String>,
    /// Stands for the recording in the place of its content: needed for standard input to be resumed.
    pub producer: Option<String>,
    /// Where rejects are kept.
    pub rejects: PathBuf,
}

/// Why a replay ended early.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A recording cannot be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// The recording.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It cannot be delivered.
    #[error(transparent)]
    Lane(#[from] LaneError),
    /// Its events would be lost, or count twice.
    #[error("{path}: {source}")]
    Refused {
        /// The recording.
        path: String,
        /// Why.
        source: Refusal,
    },
    /// The settings do not do.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A fault of this program.
    #[error("a part of the program ended unexpectedly: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// Replays everything; answers what was read and what the server said.
///
/// A server that may have lost what it had counted is told all of it again, from the beginning: what it has it
/// recognises.
pub async fn run(replay: Replay, config: Arc<Config>, progress: Arc<Progress>) -> Result<Tally, ReplayError> {
    let can_begin_again = replay.files.iter().all(|path| path.as_path() != Path::new(STANDARD_INPUT));
    let mut pace = Pace::new(replay.speed);
    let (entered, config_of_ledger) = (replay.clone(), Arc::clone(&config));
    let names = tokio::task::spawn_blocking(move || names::name_all(&entered, &config_of_ledger)).await??;
    let names = Arc::new(names);
    loop {
        match attempt(&names, &replay, &config, &progress, &mut pace).await {
            Ok(tally) => return Ok(tally),
            Err(ReplayError::Lane(LaneError::Lost(why))) if can_begin_again => progress.begins_again(&why),
            Err(error) => return Err(error),
        }
    }
}

async fn attempt(
    names: &Arc<Vec<Name>>,
    replay: &Replay,
    config: &Arc<Config>,
    progress: &Arc<Progress>,
    pace: &mut Pace,
) -> Result<Tally, ReplayError> {
    let mut lanes = JoinSet::new();
    let mut doors = Vec::with_capacity(config.redis.pool_size);
    for _ in 0..config.redis.pool_size {
        let (door, chunks) = mpsc::channel(CHUNKS_WAITING);
        let lane = Lane::new(Arc::clone(config), ClockMode::Event, Arc::clone(progress))?;
        lanes.spawn(lane.run(chunks));
        doors.push(door);
    }
    let (names, progress) = (Arc::clone(names), Arc::clone(progress));
    let reader = Reader { replay: replay.clone(), config: Arc::clone(config), progress, names };
    let mut reading_pace = pace.clone();
    let reading = tokio::task::spawn_blocking(move || (reader.read_all(doors, &mut reading_pace), reading_pace));
    // A lane that fails closes its door, on which the reader stops.
    let mut outcome = Ok(());
    while let Some(lane) = lanes.join_next().await {
        let lane = lane?;
        outcome = outcome.and(lane);
    }
    let (tally, reached) = reading.await?;
    *pace = reached;
    outcome?;
    tally
}

struct Reader {
    names: Arc<Vec<Name>>,
    replay: Replay,
    config: Arc<Config>,
    progress: Arc<Progress>,
}

impl Reader {
    fn read_all(self, doors: Vec<mpsc::Sender<Chunk>>, pace: &mut Pace) -> Result<Tally, ReplayError> {
        let mut contracts = Contracts::default();
        Instruments::open(&self.config.state_dir).add_to(&mut contracts);
        contracts.extend(&self.config.contracts());
        let mut decoder = Decoder::new(contracts).reading_trades().joining_dated(self.config.joins_dated);
        let mut rejects = RejectsFile::new(self.replay.rejects.clone());
        let mut sum = Tally::default();
        for (path, name) in self.replay.files.iter().zip(self.names.iter()) {
            let unreadable = |source| ReplayError::Unreadable { path: path.display().to_string(), source };
            let source = Source::open(path, self.replay.format.clone()).map_err(unreadable)?;
            let source = source.about(self.replay.instrument.clone());
            let name = match path.as_path() == Path::new(STANDARD_INPUT) {
                true => names::name_standard_input(&self.replay, name, &source, &self.config)?,
                false => name.clone(),
            };
            let tally = self.read(source, name, &mut decoder, &mut rejects, pace, &doors).map_err(unreadable)?;
            sum.add(&tally);
        }
        Ok(sum)
    }

    fn read(
        &self,
        source: Source,
        name: Name,
        decoder: &mut Decoder,
        rejects: &mut RejectsFile,
        pace: &mut Pace,
        doors: &[mpsc::Sender<Chunk>],
    ) -> std::io::Result<Tally> {
        let (title, stored_bytes) = (source.title.clone(), source.stored_bytes);
        let read_bytes = Arc::clone(&source.read_bytes);
        let mut gates = Gates::new(name, doors);
        let mut tally = Tally::default();
        self.progress.begin(&title, stored_bytes);
        records::read(source, self.replay.venue, decoder, |record| {
            tally.records += u64::from(!record.is_end);
            tally.control += u64::from(record.is_control);
            for reject in &record.batch.rejects {
                tally.reject(*reject);
                rejects.keep(&title, *reject, || record.text());
            }
            let tell = || self.progress.at(&title, read_bytes.load(Ordering::Relaxed), stored_bytes);
            if tally.records.is_multiple_of(1024) {
                tell();
            }
            tally.events += (record.batch.events.len() + record.batch.market.len()) as u64;
            gates.pass(record, pace, tell)
        })?;
        gates.flush();
        tally.estimates = decoder.take_estimates();
        Ok(tally)
    }
}

/// All of a symbol goes through one lane, and so in order.
fn lane_of(symbol: &str, lanes: usize) -> usize {
    let mut hasher = fnv::FnvHasher::default();
    symbol.hash(&mut hasher);
    (hasher.finish() % lanes.max(1) as u64) as usize
}

/// Sorts items by lane and hands them over.
struct Gates<'a> {
    name: Name,
    doors: &'a [mpsc::Sender<Chunk>],
    waiting: Vec<Vec<Numbered>>,
    is_closed: bool,
}

impl<'a> Gates<'a> {
    fn new(name: Name, doors: &'a [mpsc::Sender<Chunk>]) -> Self {
        let waiting = doors.iter().map(|_| Vec::with_capacity(CHUNK_EVENTS)).collect();
        Self { name, doors, waiting, is_closed: false }
    }

    /// `tell` says how far the reading is, now and then while an event's moment is waited for.
    fn pass(&mut self, record: Record<'_>, pace: &mut Pace, tell: impl Fn()) -> ControlFlow<()> {
        let first = record.batch.events.first().map(|event| event.ts_ms);
        let first = first.or_else(|| record.batch.market.first().map(|item| item.told.ts_ms()));
        if let Some(first_ms) = first
            && pace.wait(first_ms, Instant::now()).is_some()
        {
            self.flush();
            // Asked again and again: handing over may have taken its time, and a calm hour is no reason to say nothing.
            while let Some(wait) = pace.wait(first_ms, Instant::now()) {
                std::thread::sleep(wait.min(LINE_EVERY));
                tell();
            }
        }
        for item in record.batch.take_items() {
            let lane = lane_of(item.symbol(), self.doors.len());
            if let Some(waiting) = self.waiting.get_mut(lane) {
                waiting.push((self.name.number_of(record.number), item));
            }
        }
        // Only between records: the events of one record share a number, and so a batch.
        for lane in 0..self.waiting.len() {
            if self.waiting.get(lane).is_some_and(|waiting| waiting.len() >= CHUNK_EVENTS) {
                self.hand_over(lane);
            }
        }
        if self.is_closed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn flush(&mut self) {
        for lane in 0..self.doors.len() {
            self.hand_over(lane);
        }
    }

    fn hand_over(&mut self, lane: usize) {
        let (Some(waiting), Some(door)) = (self.waiting.get_mut(lane), self.doors.get(lane)) else { return };
        if waiting.is_empty() {
            return;
        }
        let items = std::mem::replace(waiting, Vec::with_capacity(CHUNK_EVENTS));
        let chunk = Chunk { producer: Arc::clone(&self.name.producer), items };
        self.is_closed |= door.blocking_send(chunk).is_err();
    }
}
