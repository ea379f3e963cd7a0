//! One struct per command, with `parse` and its inverse `to_args`; server, replication, client and fuzzer share them.
//!
//! The command name and the key are not part of a request; `parse` starts behind the key.

mod add;
mod create;
mod digest;
mod hist;
mod madd;
mod maddpack;
mod options;
mod pctl;
mod range;
mod rank;
mod scope;
mod stats;
mod vwap;

pub use add::{Add, EventId, NewEvent};
pub use create::Create;
pub use digest::Digest;
pub use hist::Hist;
pub use madd::Madd;
pub use maddpack::{MaddPack, decode_events, encode_events};
pub use pctl::Pctl;
pub use range::{DEFAULT_COUNT, Range};
pub use rank::Rank;
pub use scope::Scope;
pub use stats::{Breakdown, Stats};
pub use vwap::{Vwap, VwapStart};
