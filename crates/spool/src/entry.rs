//! What is spooled, and what goes out of the spool.

use std::borrow::Cow;
use std::sync::Arc;

/// Stands before a body before which others may be missing; MessagePack's "true", where else an array begins.
const FOLLOWS_GAP: u8 = 0xc3;

/// What is kept beside a key, in the words of whoever spools.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels {
    /// What the events are about.
    pub symbol: Arc<str>,
    /// Whose they are, where keys differ by it; else empty.
    pub exchange: Arc<str>,
    /// Of a market: whose it is.
    pub venue: Option<Cow<'static, str>>,
    /// Of a market: whether its trades are numbered.
    pub is_numbered: bool,
}

impl Labels {
    /// Whether it is a market whose trades are not numbered, so that a gap has to be told.
    pub const fn is_unnumbered(&self) -> bool {
        self.venue.is_some() && !self.is_numbered
    }
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its key in Redis.
    pub key: Arc<str>,
    /// What is kept beside the key.
    pub labels: Labels,
    /// When it came, Unix microseconds.
    pub at_us: i64,
    /// As it travels: one event in MessagePack.
    pub body: Vec<u8>,
    /// What makes it larger than another where there is not room for both.
    pub size: f64,
    /// From which size on it is kept longest while its series' threshold is not known; never where there is none.
    pub floor: Option<f64>,
}

impl Entry {
    /// Says that others may be missing before it.
    pub fn follow_gap(&mut self) {
        if let Some(marked) = behind_gap(&self.body) {
            self.body = marked;
        }
    }
}

/// A series with events on the shelf.
#[derive(Debug, Clone)]
pub struct Series {
    /// Its row.
    pub id: i64,
    /// Its key in Redis.
    pub key: Arc<str>,
    /// What is kept beside the key.
    pub labels: Labels,
    /// Events of at least this size are kept longest.
    pub threshold: Option<f64>,
}

/// What goes to one key at once.
#[derive(Debug)]
pub struct Consignment {
    /// Whose events.
    pub series: Series,
    /// Who sends.
    pub producer: Arc<str>,
    /// The batches.
    pub batches: Vec<Batch>,
    /// The rows of the events, in order.
    pub rows: Vec<i64>,
    /// When they came, Unix microseconds.
    pub arrived_us: Vec<i64>,
}

/// Events that travel under one number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Grows from batch to batch of one producer.
    pub seq: u64,
    /// Whether others may be missing before the first.
    pub follows_gap: bool,
    /// The events as they travel, in order.
    pub bodies: Vec<Vec<u8>>,
}

/// Tells whether a body holds an event.
pub type Sound = fn(&Labels, &[u8]) -> bool;

/// Whether a body says that others may be missing before it.
pub(crate) fn follows_gap(body: &[u8]) -> bool {
    body.first() == Some(&FOLLOWS_GAP)
}

/// The body without that.
pub(crate) fn plain(body: &[u8]) -> &[u8] {
    body.strip_prefix(&[FOLLOWS_GAP]).unwrap_or(body)
}

/// The body of an event before which others may be missing; nothing where it says so already.
pub(crate) fn behind_gap(body: &[u8]) -> Option<Vec<u8>> {
    (!follows_gap(body)).then(|| [&[FOLLOWS_GAP], body].concat())
}
