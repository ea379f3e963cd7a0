//! What is asked for when a trigger is set, and what is told of one that is armed.

use std::fmt;

use super::legs::{Legs, LegsError, Terms};
use super::price::{Price, Source};

/// Longest id of a trigger, in bytes; the shortest has one.
pub const MAX_ID_BYTES: usize = 64;

/// Longest payload, in bytes.
pub const MAX_PAYLOAD_BYTES: usize = 1024;

/// Longest ID of a trade, in bytes, as a fire remembers it.
pub const MAX_TICK_BYTES: usize = 64;

/// The greatest number an arming has; no clock comes near.
pub const MAX_ARMING: u64 = 1 << 62;

/// A trigger to be set.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// Its id, 1 … 64 bytes; what is armed under it is replaced.
    pub id: &'a [u8],
    /// Its legs.
    pub terms: &'a Terms,
    /// When it goes by itself, Unix milliseconds.
    pub expires_ms: Option<u64>,
    /// What comes back with the fire, at most 1024 bytes.
    pub payload: Option<&'a [u8]>,
    /// Whether the id must be there or not.
    pub condition: Option<Condition>,
}

/// What must be so for a trigger to be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// NX: none is armed under the id.
    New,
    /// XX: one is.
    Known,
}

/// A price that the market holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held<'a> {
    /// The price.
    pub price: Price,
    /// When it was, Unix milliseconds.
    pub ts_ms: u64,
    /// The ID of the trade; empty without one.
    pub tick: &'a [u8],
    /// Whether it is young enough to judge by.
    pub is_fresh: bool,
}

/// The prices that a market holds, by source.
pub type Prices<'a> = [Option<Held<'a>>; Source::ALL.len()];

/// What became of a trigger that was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Where it stands.
    pub state: State,
    /// Its arming.
    pub arming: u64,
    /// The source of its nearest leg.
    pub by: Source,
    /// What its trailing leg has seen, kept, told or fresh.
    pub extreme: Option<Price>,
}

/// Where a trigger stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// A leg can become due.
    Armed,
    /// Its only leg trails, and tracks nothing yet.
    Waiting,
    /// It was due at once.
    Fired,
    /// It has fired and is not told yet.
    Pending,
}

impl State {
    /// All.
    pub const ALL: [Self; 4] = [Self::Armed, Self::Waiting, Self::Fired, Self::Pending];

    /// Its name in replies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Armed => "armed",
            Self::Waiting => "waiting",
            Self::Fired => "fired",
            Self::Pending => "pending",
        }
    }
}

/// Why a trigger cannot be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetError {
    /// The id is empty or too long.
    Id,
    /// The payload is too long.
    Payload,
    /// It would be one more than may be armed and pending.
    TooMany(usize),
    /// It would have expired before.
    Expired,
    /// The clock stands where no arming is left.
    NoArming,
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id => write!(f, "id: must have 1 to {MAX_ID_BYTES} bytes"),
            Self::Payload => write!(f, "PAYLOAD: longer than {MAX_PAYLOAD_BYTES} bytes"),
            Self::TooMany(most) => write!(f, "the market holds {most} triggers, the most that liq.max-triggers allows"),
            Self::Expired => f.write_str("EXPIRES: is past"),
            Self::NoArming => f.write_str("the market's clock is too far ahead"),
        }
    }
}

impl std::error::Error for SetError {}

/// An armed trigger, as it is listed, saved and told to replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Armed<'a> {
    /// Its id.
    pub id: &'a [u8],
    /// Which arming of the market it is: greater than all before.
    pub arming: u64,
    /// When it was armed, Unix milliseconds.
    pub armed_at_ms: u64,
    /// When it goes by itself, Unix milliseconds.
    pub expires_ms: Option<u64>,
    /// What comes back with the fire.
    pub payload: Option<&'a [u8]>,
    /// Its legs, the trailing one with what it has seen.
    pub terms: Terms,
}

impl<'a> Armed<'a> {
    /// Its legs.
    pub const fn legs(&self) -> &Legs {
        self.terms.legs()
    }

    /// Whether such a trigger can be armed behind arming `last`.
    pub(crate) const fn is_possible(&self, last: u64) -> bool {
        let payload = match self.payload {
            Some(payload) => payload.len(),
            None => 0,
        };
        let id_fits = !self.id.is_empty() && self.id.len() <= MAX_ID_BYTES;
        id_fits
            && payload <= MAX_PAYLOAD_BYTES
            && self.arming > last
            && self.arming <= MAX_ARMING
            && !matches!(self.expires_ms, Some(u64::MAX))
    }
}

/// A state or decision that no commands lead to, by what is wrong in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Impossible(pub &'static str);

impl fmt::Display for Impossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid {}", self.0)
    }
}

impl std::error::Error for Impossible {}

impl From<LegsError> for Impossible {
    fn from(_: LegsError) -> Self {
        Self("legs of a trigger")
    }
}
