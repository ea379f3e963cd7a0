//! Typed replies: the server writes them into a [`Sink`](crate::wire::Sink), the client reads the same structs out of a
//! [`Source`](crate::wire::Source).
//!
//! Doubles are written in shortest round-trip form and are always finite; absent values are `None`, never NaN.

mod add;
mod distribution;
mod info;
mod memory;
mod stats;
mod vwap;
mod words;

pub use add::{AddReply, BatchReply};
pub use distribution::{DigestReply, HistogramRow, StoredEvent};
pub use info::SeriesInfo;
pub use memory::MemoryInfo;
pub use stats::{BucketStats, ExchangeStats, Stats, StatsBuckets, StatsByExchange, StatsReply};
pub use vwap::Vwap;
