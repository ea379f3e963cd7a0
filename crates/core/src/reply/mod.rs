//! Typed replies: the server encodes them into a [`Sink`], the client decodes them.
//!
//! Doubles are written in shortest round-trip form and are always finite; absent values are `None`, never NaN.

mod add;
mod distribution;
mod double;
mod info;
pub mod rl;
mod sink;
mod stats;
mod vwap;

pub use add::BatchReply;
pub use distribution::{DigestReply, HistRow, RangeRow};
pub use double::DoubleBuffer;
pub use info::InfoReply;
pub use sink::{Encode, Sink};
pub use stats::{BucketStats, StatsMap, StatsReply, VenueStats};
pub use vwap::VwapReply;
