//! Typed client for the redis-liq module.
