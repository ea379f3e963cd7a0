//! Feeds exchange liquidations, live or recorded, into redis-liq: exactly once, whatever breaks in between.

pub mod contract;
pub mod event;
pub mod replay;
pub mod symbol;
pub mod venue;
