//! Typed client for the redis-liq module.
#![forbid(unsafe_code)]

mod batch;
#[cfg(feature = "async")]
mod batcher;
pub mod command;
mod commands;
mod decode;
mod error;
mod event;
mod limit;
pub mod market;
mod options;
mod query;
mod reply;

pub use batch::BatchOptions;
#[cfg(feature = "async")]
pub use batcher::{Batcher, BatcherBuilder, BatcherTotals, FailedBatch, NotAdded};
#[cfg(feature = "async")]
pub use commands::{AsyncLiqCommands, LiqFuture};
pub use commands::{LiqCommands, LiqPipeline};
pub use error::{Error, Result};
pub use event::{Event, InvalidEvent, Timestamp};
pub use limit::{Limit, Usage};
pub use liq_core::series::{ClockMode, Side};
pub use options::SeriesOptions;
pub use query::{DigestQuery, RangeQuery, Scope, StatsQuery, VwapQuery};
pub use redis;
pub use reply::*;
