//! Typed replies, one file per family of commands; every one is [`redis::FromRedisValue`], from RESP2 and RESP3 alike.
//!
//! `None` stands for the module's null: there is nothing to say, as for the VWAP of an empty window.

mod add;
mod digest;
mod info;
mod range;
mod rate;
mod stats;
mod vwap;

pub use add::{AddReply, BatchReply, Status};
pub use digest::{Centroid, Digest};
pub use info::{SeriesInfo, SeriesTotals};
pub use range::{HistogramRow, StoredEvent};
pub use rate::{BlockedBy, LimitInfo, RateInfo, RateReply, Retry};
pub use stats::{BucketStats, ExchangeStats, Stats, StatsBuckets, StatsByExchange};
pub use vwap::Vwap;

/// Makes a reply read by its function `read(Value)` available to redis-rs.
macro_rules! from_redis_value {
    ($($reply:ty),+ $(,)?) => {
        $(impl redis::FromRedisValue for $reply {
            fn from_redis_value(value: redis::Value) -> Result<Self, redis::ParsingError> {
                let named = |error| {
                    redis::ParsingError::from(format!("{}: {error}", stringify!($reply)))
                };
                <$reply>::read(value).map_err(named)
            }
        })+
    };
}
use from_redis_value;
