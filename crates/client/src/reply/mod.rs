//! Typed replies: the structs the module itself writes, read from RESP2 and RESP3 alike.
//!
//! `None` stands for the module's null: there is nothing to say, as for the VWAP of an empty window.

mod digest;

use std::ops::{Deref, DerefMut};

use liq_core::wire::Decode;
use redis::{FromRedisValue, ParsingError, Value};

use crate::decode::Delivered;

pub use digest::{Centroid, Digest};
pub use liq_core::keys::reply::{
    AuditState, AuditStatus, Counts, KeyDetail, KeyReport, KeyRow, KeyShape, LargeKey, Named, PolicyInfo,
};
pub use liq_core::keys::request::Order as ReportOrder;
pub use liq_core::liq::reply::{
    AddReply, BatchReply, BucketStats, ExchangeStats, HistogramRow, MemoryInfo, SeriesInfo, Stats, StatsBuckets,
    StatsByExchange, StoredEvent, Vwap,
};
pub use liq_core::liq::series::Status;
pub use liq_core::rl::limiter::Kind as LimitKind;
pub use liq_core::rl::reply::{BlockedBy, LimitInfo, RateInfo, RateReply, Retry};
pub use liq_core::wire::{Asked, Bytes};

/// A reply of the module, as redis-rs delivers it: what commands return, and what pipelines are asked for.
///
/// It is the reply: its fields and methods are at hand, and [`into_inner`](Self::into_inner) is the reply itself.
///
/// ```
/// use redis_liq::{Reply, Stats};
///
/// fn print(stats: &Reply<Stats>) {
///     println!("{} events, {:?} of them large", stats.count, stats.p80);
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reply<T>(T);

impl<T> Reply<T> {
    /// The reply itself.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Reply<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Reply<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Decode> FromRedisValue for Reply<T> {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let named = |error| {
            let name = std::any::type_name::<T>().rsplit("::").next().unwrap_or_default();
            ParsingError::from(format!("{name}: {error}"))
        };
        T::decode(Delivered::of(value)).map(Self).map_err(named)
    }
}
