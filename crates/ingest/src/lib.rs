//! Feeds exchange liquidations and trades, live or recorded, into redis-liq: exactly once, whatever breaks in between.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests"))]

pub mod check;
pub mod cli;
pub mod config;
pub mod contract;
pub mod event;
pub mod http;
pub mod item;
pub mod market;
pub mod metrics;
pub mod rejects;
pub mod replay;
pub mod sample;
pub mod server;
pub mod sink;
pub mod stream;
pub mod symbol;
pub mod venue;

/// Chooses the cryptography of TLS, for it is not to hang on what else is built along. Once is enough; again is nothing.
pub fn choose_crypto() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
