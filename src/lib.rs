//! The redis-liq module.
