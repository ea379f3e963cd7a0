//! From events to Redis: batches under numbers, so that every event counts once, and the spool for when Redis is away.

pub mod backoff;
pub mod counts;
pub mod courier;
pub mod live;
pub mod spool;
mod thresholds;
