//! Typed replies: the server encodes them into a [`Sink`](crate::wire::Sink), the client decodes them.
//!
//! Doubles are written in shortest round-trip form and are always finite; absent values are `None`, never NaN.

mod add;
mod distribution;
mod info;
mod stats;
mod vwap;

pub use add::BatchReply;
pub use distribution::{DigestReply, HistRow, RangeRow};
pub use info::InfoReply;
pub use stats::{BucketStats, StatsMap, StatsReply, VenueStats};
pub use vwap::VwapReply;
