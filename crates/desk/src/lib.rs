//! What the services of a trading desk share through plain Redis, and the part of it that is hard to get right under
//! failure: a [cache] in which one process loads and nothing old survives an invalidation, a [queue] whose jobs are
//! not lost, [sessions] that end everywhere at once.
//!
//! Works on Redis from 7.0 and Valkey from 8.0, managed ones too; the redis-liq module is not needed.
//!
//! Everything stands on a [`Link`], which never lets a program wait for a server that is known to be away, and a
//! [`Space`], which gives keys their names.

mod environment;
mod error;
mod health;
#[cfg(any(feature = "cache", feature = "queue"))]
mod limit;
mod link;
mod script;
mod space;
#[cfg(any(feature = "cache", feature = "sessions"))]
mod words;

#[cfg(feature = "cache")]
pub mod cache;
#[cfg(feature = "queue")]
pub mod queue;
#[cfg(feature = "sessions")]
pub mod sessions;

#[cfg(feature = "cache")]
pub use cache::Cache;
pub use error::{BadName, Error};
pub use health::{Health, LinkTotals};
#[cfg(any(feature = "cache", feature = "queue"))]
pub use limit::Limit;
pub use link::Link;
#[cfg(feature = "queue")]
pub use queue::Queue;
#[cfg(feature = "sessions")]
pub use sessions::Sessions;
pub use space::{Key, LONGEST_ID, Space};
