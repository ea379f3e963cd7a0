//! Typed client for the [redis-liq] module, over [redis-rs](redis).
//!
//! The module keeps series of liquidations inside Redis or Valkey and answers at once what a trader asks of them:
//! sliding percentiles, ranks, VWAP, statistics, signals; and it limits requests as exchanges count them. This crate
//! adds its commands to every redis-rs connection and pipeline, with typed options, replies and errors.
//!
//! ```no_run
//! use redis_liq::{Event, LiqCommands, SeriesOptions, Side, Timestamp, redis};
//!
//! # fn main() -> Result<(), redis_liq::Error> {
//! let mut con = redis::Client::open("redis://127.0.0.1/")?.get_connection()?;
//! con.liq_create("liq:{BTCUSDT}", &SeriesOptions::new().percentile(90.0).min_size(1_000.0))?;
//!
//! // A long of 12,500 USD was liquidated at 99,850.5.
//! let judged = con.liq_add("liq:{BTCUSDT}", &Event::new(Timestamp::Server, Side::Sell, 99_850.5, 12_500.0))?;
//! println!("{:?}: larger than {:?} % of the last day", judged.status, judged.rank);
//! if let Some(side) = judged.signal {
//!     println!("{side:?}: {:?} % from the VWAP of {:?}", judged.deviation, judged.vwap);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Where to begin
//!
//! | to | use |
//! |---|---|
//! | send commands | [`LiqCommands`], [`AsyncLiqCommands`], [`LiqPipeline`]; as bare [`redis::Cmd`] from [`command`] |
//! | choose what a series keeps and judges | [`SeriesOptions`] |
//! | choose what a read is about | [`Scope`], [`VwapQuery`], [`StatsQuery`], [`RangeQuery`], [`DigestQuery`] |
//! | deliver a feed exactly once, in batches | [`Batcher`]; whoever is killed meanwhile, `SpooledBatcher` (feature `spool`) |
//! | ask many symbols or a whole cluster at once | [`market`] |
//! | say what keys must be like, and find those that are not | [`KeyCommands`], [`KeyPolicy`] |
//! | watch a market's prices at the tick | [`LiqCommands::trig_set`] with a [`Trigger`] |
//! | stay within an exchange's limits | [`Limit`], [`LiqCommands::rl_check`], [`Usage`] |
//!
//! # Connections
//!
//! Whatever redis-rs connects to works: a server, a cluster (feature `cluster`, or redis-rs' own features), TLS, ACL
//! users, connection managers and pools; enable what you need on your own `redis` dependency of the same version, which
//! is also at [`redis`]. RESP3 (`?protocol=resp3`) and RESP2 give the same values. Keys should name their symbol in
//! braces, `liq:{BTCUSDT}`: that chooses the cluster's slot, in which the stream of signals must be too, and the symbol
//! named in signals.
//!
//! # Retries
//!
//! A lost connection leaves open whether an adding command was carried out. A batch with
//! [`BatchOptions::producer`] may be sent again as often as it takes: it counts once. The [`Batcher`] does that.
//! [`Error::is_transient`] tells what is worth sending again.
//!
//! # Features
//!
//! - `async` (default): [`AsyncLiqCommands`], [`Batcher`], [`market::AsyncMarket`], on tokio.
//! - `cluster`: connections to clusters, [`LiqPipeline`] for their pipelines, and `ReplicaReads`; includes `async`.
//! - `spool`: `SpooledBatcher`, whose events lie on disk until the server has counted them; includes `async` and SQLite.
//! - `rust_decimal`: [`ticks::Decimal`] and [`ticks::Exact`] to and from the decimals of that crate.
//!
//! [redis-liq]: https://github.com/redis-liq/redis-liq
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod batch;
#[cfg(feature = "async")]
mod batcher;
pub mod command;
mod commands;
mod decode;
mod error;
mod event;
pub mod keys;
mod limit;
pub mod market;
mod options;
mod query;
#[cfg(feature = "cluster")]
mod replica_reads;
mod reply;
#[cfg(feature = "spool")]
mod spooled;
pub mod ticks;
mod trigger;

pub use batch::BatchOptions;
#[cfg(feature = "async")]
pub use batcher::{Batcher, BatcherBuilder, BatcherTotals, FailedBatch, NotAdded};
#[cfg(feature = "async")]
pub use commands::{AsyncLiqCommands, LiqFuture};
pub use commands::{LiqCommands, LiqPipeline};
pub use error::{Error, Result};
pub use event::{Event, InvalidEvent, Timestamp};
#[cfg(feature = "async")]
pub use keys::AsyncKeyCommands;
pub use keys::{KeyCommands, KeyPolicy};
pub use limit::{Limit, Usage};
pub use liq_core::liq::series::Side;
pub use liq_core::settings::ClockMode;
pub use options::SeriesOptions;
pub use query::{DigestQuery, RangeQuery, Scope, StatsQuery, VwapQuery};
pub use redis;
#[cfg(feature = "cluster")]
pub use replica_reads::ReplicaReads;
pub use reply::*;
#[cfg(feature = "spool")]
pub use spooled::{SpoolError, SpooledBatcher, SpooledBuilder, SpooledTotals};
pub use trigger::Trigger;

/// The examples of the README are compiled with those of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
