//! Feeds exchange liquidations into redis-liq.

fn main() {}
