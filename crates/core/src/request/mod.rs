//! One struct per command, with `parse` and its inverse `to_args`; server, replication, client and fuzzer share them.
//!
//! Arguments are bytes: nothing here panics on them, nothing believes them before it checked them, and a refusal
//! names the argument. The command name and the key are not part of a request; `parse` starts behind the key.

mod add;
mod args;
mod digest;
mod error;
mod hist;
mod madd;
mod maddpack;
mod number;
mod options;
mod pctl;
mod percentile;
mod range;
mod rank;
mod scope;
mod stats;
mod vwap;

pub mod rl;

pub use add::{Add, EventId, NewEvent};
pub use args::Args;
pub use digest::Digest;
pub use error::RequestError;
pub use hist::Hist;
pub use madd::{BatchId, MAX_PRODUCER_BYTES, Madd};
pub use maddpack::{MaddPack, decode_events, encode_events};
pub use number::{MAX_INTEGER, MAX_TIMESTAMP_MS};
pub use number::{duration_ms, integer, real, timestamp_ms};
pub use number::{format_duration, format_real};
pub use options::{DEFAULT_MAXLEN, MAX_STREAM_BYTES, OptionsPatch, SignalStream, SignalsPatch, clock_mode};
pub use options::{
    IDLE_RANGE_MS, MAXLEN_RANGE, MIN_EVENTS_RANGE, MIN_SIZE_RANGE, OFFSET_RANGE, PRECISION_RANGE, RETENTION_RANGE_MS,
    TAIL_RANGE,
};
pub use pctl::Pctl;
pub use percentile::percentile;
pub use range::{DEFAULT_COUNT, Range};
pub use rank::Rank;
pub use scope::Scope;
pub use stats::{Breakdown, Stats};
pub use vwap::{Vwap, VwapStart};
