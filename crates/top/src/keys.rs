//! Which keys there are: one walk over the keys per type, and afterwards what the server's keyspace events tell. Where
//! the server is not set to send them, the walk is repeated, slowly.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt as _;
use redis::aio::MultiplexedConnection;
use redis::{Client, RedisResult};

use crate::names::Key;

/// What a key of ours is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A series of liquidations.
    Series,
    /// A market.
    Market,
    /// A rate limiter.
    Limiter,
}

impl Kind {
    /// All.
    pub const ALL: [Self; 3] = [Self::Series, Self::Market, Self::Limiter];

    /// What TYPE answers.
    pub const fn type_name(self) -> &'static str {
        match self {
            Self::Series => "liqseries",
            Self::Market => "tickstore",
            Self::Limiter => "ratelimit",
        }
    }

    /// Of TYPE's answer.
    pub fn of_type(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.type_name().as_bytes() == name)
    }
}

/// How many keys the server looks at in one step: a fraction of a millisecond.
const KEYS_A_STEP: u32 = 500;

/// A walk over all keys, one type after the other.
#[derive(Debug)]
pub struct Walk {
    left: Vec<Kind>,
    cursor: u64,
    found: BTreeSet<Key>,
}

impl Default for Walk {
    fn default() -> Self {
        Self { left: Kind::ALL.into_iter().rev().collect(), cursor: 0, found: BTreeSet::new() }
    }
}

impl Walk {
    /// One step; the keys of a type when it is through with it.
    pub async fn step(&mut self, connection: &mut MultiplexedConnection) -> RedisResult<Option<(Kind, BTreeSet<Key>)>> {
        let Some(kind) = self.left.last().copied() else { return Ok(None) };
        let mut scan = redis::cmd("SCAN");
        scan.arg(self.cursor).arg("COUNT").arg(KEYS_A_STEP).arg("TYPE").arg(kind.type_name());
        let (cursor, keys): (u64, Vec<Vec<u8>>) = scan.query_async(connection).await?;
        self.found.extend(keys.into_iter().map(Key::from));
        self.cursor = cursor;
        if cursor != 0 {
            return Ok(None);
        }
        self.left.pop();
        Ok(Some((kind, std::mem::take(&mut self.found))))
    }

    /// Whether all types are done.
    pub const fn is_over(&self) -> bool {
        self.left.is_empty()
    }
}

/// The events that tell of a key that may be new, with the class of `notify-keyspace-events` that sends them.
const BIRTHS: [&str; 4] = ["new", "rename_to", "restore", "copy_to"];
/// Those that tell of a key that is gone.
const DEATHS: [&str; 5] = ["del", "expired", "evicted", "rename_from", "move_from"];
/// The classes all of them need: events by name, new keys, commands of any type, expiry, eviction.
pub const CLASSES: &str = "Engxe";
/// More changes than that between two refreshes are not looked at one by one.
const MOST_CHANGES: usize = 5_000;

/// Whether `notify-keyspace-events` sends all that is needed.
pub fn sends_all(setting: &str) -> bool {
    CLASSES.chars().all(|class| setting.contains(class) || (setting.contains('A') && "gxe".contains(class)))
}

/// What events told since the last look.
#[derive(Debug, Default)]
pub struct Changes {
    /// Keys that may be new.
    pub born: BTreeSet<Key>,
    /// Keys that are gone.
    pub gone: BTreeSet<Key>,
    /// There were too many to remember: walk over the keys.
    pub too_many: bool,
}

impl Changes {
    fn note(&mut self, event: &str, key: Key) {
        if self.born.len() + self.gone.len() >= MOST_CHANGES {
            self.too_many = true;
        } else if DEATHS.contains(&event) {
            self.born.remove(&key);
            self.gone.insert(key);
        } else {
            // What was gone before may be of another type now: it is both.
            self.born.insert(key);
        }
    }
}

/// Hears the server's keyspace events until it is dropped.
#[derive(Debug)]
pub struct Ear {
    changes: Arc<Mutex<Changes>>,
    task: tokio::task::JoinHandle<()>,
}

impl Ear {
    /// Subscribes to what tells of births and deaths, and to nothing that is sent for every write.
    pub async fn open(client: &Client) -> RedisResult<Self> {
        let db = client.get_connection_info().redis_settings().db();
        let mut subscription = client.get_async_pubsub().await?;
        let channels: Vec<String> =
            BIRTHS.iter().chain(&DEATHS).map(|event| format!("__keyevent@{db}__:{event}")).collect();
        subscription.subscribe(channels).await?;
        let changes = Arc::new(Mutex::new(Changes::default()));
        let noted = Arc::clone(&changes);
        let task = tokio::spawn(async move {
            let mut messages = subscription.into_on_message();
            while let Some(message) = messages.next().await {
                let event = message.get_channel_name().rsplit(':').next().unwrap_or_default();
                let key = Key::from(message.get_payload_bytes());
                noted.lock().unwrap_or_else(PoisonError::into_inner).note(event, key);
            }
        });
        Ok(Self { changes, task })
    }

    /// What it has heard since it was last asked.
    pub fn heard(&self) -> Changes {
        std::mem::take(&mut *self.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the server has hung up.
    pub fn is_deaf(&self) -> bool {
        self.task.is_finished()
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn births_need_a_class_that_a_does_not_hold() {
        for (setting, sends) in
            [("", false), ("KEA", false), ("AKE", false), ("AnE", true), ("gxneE", true), ("KnA", false)]
        {
            assert_eq!(sends_all(setting), sends, "{setting}");
        }
    }

    #[test]
    fn a_flood_of_changes_is_a_reason_to_walk() {
        let mut changes = Changes::default();
        for n in 0..20_000_u32 {
            changes.note("new", Key::from(n.to_string().into_bytes()));
        }
        assert!(changes.too_many && changes.born.len() == MOST_CHANGES);
        let mut changes = Changes::default();
        for event in ["new", "del", "new"] {
            changes.note(event, Key::from(b"k".as_slice()));
        }
        assert_eq!((changes.born.len(), changes.gone.len()), (1, 1), "gone, and there again");
    }
}
