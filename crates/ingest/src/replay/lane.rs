//! One connection's share of a replay: the keys that fall to it, delivered in order, tried until it works.
//!
//! A batch is numbered by the record it ends with, so numbers mean the same at every reading of the recording. What was
//! delivered before an interruption is found out by the server's answers: until a key takes something new, its events go
//! one record to a batch, whose repetition the server recognises wherever the last run ended and however it batched.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use fnv::FnvBuildHasher;
use liq_core::settings::ClockMode;
use tokio::sync::mpsc;

use super::report::Progress;
use crate::config::{Config, ConfigError};
use crate::item::{Home, Item};
use crate::sink::backoff::Backoff;
use crate::sink::counts::Counts;
use crate::sink::courier::{self, Courier, DeliveryError, Receipt, Shipment};
use crate::sink::packed::Packed;

/// An item and the record it came from.
pub type Numbered = (u64, Item);

/// A piece of a recording.
pub struct Chunk {
    /// Who sends: stands for the recording.
    pub producer: Arc<str>,
    /// Items in the order of the recording.
    pub items: Vec<Numbered>,
}

/// Why a replay cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum LaneError {
    /// The server refuses for good.
    #[error("{key}: refused by the server: {text}")]
    Refused {
        /// The key.
        key: String,
        /// The server's words.
        text: String,
    },
    /// The connection is refused for good.
    #[error("redis: {0}")]
    Connection(#[from] redis::RedisError),
    /// The settings do not do.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The server may have lost what it had counted.
    #[error("{0}")]
    Lost(String),
}

/// What is known of a key.
struct Known {
    key: Arc<str>,
    /// Whose events were delivered last, and whether any of them was new to the server.
    producer: Arc<str>,
    is_new: bool,
}

/// One connection's share of the keys.
pub struct Lane {
    courier: Courier,
    config: Arc<Config>,
    clock: ClockMode,
    known: HashMap<Home, Known, FnvBuildHasher>,
    progress: Arc<Progress>,
    backoff: Backoff,
}

/// The items of a chunk that go to one key.
struct Group {
    home: Home,
    members: Vec<usize>,
}

impl Lane {
    /// A lane that creates missing keys with this clock.
    pub fn new(config: Arc<Config>, clock: ClockMode, progress: Arc<Progress>) -> Result<Self, ConfigError> {
        let courier = Courier::new(&config.redis)?;
        let backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
        Ok(Self { courier, config, clock, known: HashMap::default(), progress, backoff })
    }

    /// Delivers chunk after chunk until there is none.
    pub async fn run(mut self, mut chunks: mpsc::Receiver<Chunk>) -> Result<(), LaneError> {
        while let Some(chunk) = chunks.recv().await {
            let groups = self.group(&chunk);
            self.ensure(&groups).await?;
            let shipments = groups.iter().map(|group| self.shipment(&chunk, group)).collect();
            self.deliver(&groups, shipments).await?;
        }
        Ok(())
    }

    fn group(&mut self, chunk: &Chunk) -> Vec<Group> {
        let mut places: HashMap<Home, usize, FnvBuildHasher> = HashMap::default();
        let mut groups: Vec<Group> = Vec::new();
        for (member, (_, item)) in chunk.items.iter().enumerate() {
            let place = *places.entry(Home::of(item, &self.config)).or_insert_with_key(|home| {
                groups.push(Group { home: home.clone(), members: Vec::new() });
                groups.len() - 1
            });
            if let Some(group) = groups.get_mut(place) {
                group.members.push(member);
            }
        }
        for group in &groups {
            let producer = &chunk.producer;
            let known = self.known.entry(group.home.clone()).or_insert_with_key(|home| Known {
                key: home.key(&self.config),
                producer: Arc::clone(producer),
                is_new: false,
            });
            if known.producer != *producer {
                known.producer = Arc::clone(producer);
                known.is_new = false;
            }
        }
        groups
    }

    /// Tries until every key of the chunk is there.
    async fn ensure(&mut self, groups: &[Group]) -> Result<(), LaneError> {
        let keys: Vec<Arc<str>> =
            groups.iter().filter_map(|group| Some(Arc::clone(&self.known.get(&group.home)?.key))).collect();
        let homes: Vec<&Home> = groups.iter().map(|group| &group.home).collect();
        let (config, clock) = (Arc::clone(&self.config), self.clock);
        loop {
            if !self.connect().await? {
                continue;
            }
            match self.courier.ensure(&keys, &homes, &config, clock).await {
                Ok(refusals) => {
                    let refused = keys.iter().zip(refusals).find_map(|(key, refusal)| Some((key, refusal?)));
                    match refused {
                        None => return Ok(()),
                        Some((_, refusal)) if refusal.passes => self.pause(&refusal.text).await,
                        Some((key, refusal)) => {
                            return Err(LaneError::Refused { key: key.to_string(), text: refusal.text });
                        }
                    }
                }
                Err(DeliveryError::Redis(error)) => self.endure(error).await?,
                Err(DeliveryError::Config(error)) => return Err(error.into()),
            }
        }
    }

    fn shipment(&self, chunk: &Chunk, group: &Group) -> Shipment {
        let (key, is_new) = match self.known.get(&group.home) {
            Some(known) => (Arc::clone(&known.key), known.is_new),
            None => (Arc::from(""), false),
        };
        let numbered = |member: &usize| chunk.items.get(*member);
        let mut batches = Vec::new();
        let same_record = |a: &usize, b: &usize| numbered(a).map(|(seq, _)| seq) == numbered(b).map(|(seq, _)| seq);
        let most = if is_new { self.config.batch } else { 1 };
        for members in whole_records(&group.members, most, same_record) {
            batches.extend(Packed::runs(members.iter().filter_map(numbered).map(|(seq, item)| (*seq, item))));
        }
        Shipment { key, producer: Arc::clone(&chunk.producer), batches }
    }

    /// Tries until every shipment was counted.
    async fn deliver(&mut self, groups: &[Group], shipments: Vec<Shipment>) -> Result<(), LaneError> {
        let mut open: Vec<(usize, Shipment)> = shipments.into_iter().enumerate().collect();
        while !open.is_empty() {
            // Shipments are lent to the courier and those that failed are taken back.
            if !self.connect().await? {
                continue;
            }
            let (places, lent): (Vec<usize>, Vec<Shipment>) = open.drain(..).unzip();
            match self.courier.deliver(&lent).await {
                Ok(receipts) => {
                    if let Some(key) = self.courier.revived().first() {
                        return Err(LaneError::Lost(format!("{key} was deleted meanwhile")));
                    }
                    let mut passing = None;
                    for ((place, shipment), receipt) in places.into_iter().zip(lent).zip(receipts) {
                        match receipt {
                            Receipt::Delivered(counts) => self.note(groups.get(place), &shipment, &counts),
                            Receipt::Refused(refusal) if refusal.passes => {
                                passing = Some(refusal.text);
                                open.push((place, shipment));
                            }
                            Receipt::Refused(refusal) => {
                                return Err(LaneError::Refused { key: shipment.key.to_string(), text: refusal.text });
                            }
                        }
                    }
                    match passing {
                        Some(text) => self.pause(&text).await,
                        None => self.backoff.reset(),
                    }
                }
                Err(error) => {
                    open = places.into_iter().zip(lent).collect();
                    self.endure(error).await?;
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, group: Option<&Group>, shipment: &Shipment, counts: &[Counts]) {
        let mut is_new = false;
        for (batch, counts) in shipment.batches.iter().zip(counts) {
            is_new |= counts.get("duplicate") < batch.events as u64;
            self.progress.delivered(batch.events as u64, counts);
        }
        if is_new && let Some(known) = group.and_then(|group| self.known.get_mut(&group.home)) {
            known.is_new = true;
        }
    }

    /// Connects where no connection stands; false when it failed and something passed meanwhile.
    async fn connect(&mut self) -> Result<bool, LaneError> {
        match self.courier.connect().await {
            Ok(false) => Ok(true),
            Ok(true) => Err(LaneError::Lost("the server was restarted, or another one took its place".to_owned())),
            Err(error) => self.endure(error).await.map(|()| false),
        }
    }

    /// Waits, unless the error will not pass.
    async fn endure(&mut self, error: redis::RedisError) -> Result<(), LaneError> {
        if !courier::passes(&error) {
            return Err(error.into());
        }
        self.pause(&error.to_string()).await;
        Ok(())
    }

    async fn pause(&mut self, why: &str) {
        let wait = self.backoff.next_wait();
        self.progress.interrupted(&format!("{}: {why}", self.config.redis.url), self.backoff.failures());
        tokio::time::sleep(wait).await;
    }
}

/// Pieces of `members` of at least `most`, but for the last, each of whole records: those of one record share a number, and
/// the server takes a second batch of it for the first one again.
fn whole_records(members: &[usize], most: usize, is_same: impl Fn(&usize, &usize) -> bool) -> Vec<&[usize]> {
    let (mut pieces, mut from, mut to) = (Vec::new(), 0, 0);
    for record in members.chunk_by(is_same) {
        to += record.len();
        if to - from >= most {
            pieces.extend(members.get(from..to));
            from = to;
        }
    }
    pieces.extend(members.get(from..).filter(|rest| !rest.is_empty()));
    pieces
}
