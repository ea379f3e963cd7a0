//! What the tests of every crate stand on: private servers with the module or plain, replicas, Sentinels and clusters of
//! them, signals, a relay that fails as networks and servers do, and processes of a test's own. No expectations live here.
//!
//! `LIQ_TEST_SERVER` (a command line) chooses the server, `LIQ_MODULE` the module's file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken assumption must stop the test that stands on it"
)]

pub mod child;
pub mod client;
pub mod cluster;
mod disk;
mod log;
pub mod module;
mod options;
mod port;
pub mod program;
pub mod proxy;
pub mod reply;
pub mod sentinel;
pub mod server;
pub mod signal;

pub use child::Child;
pub use client::Client;
pub use cluster::Cluster;
pub use disk::UnreadableLog;
pub use options::Options;
pub use port::free_port;
pub use proxy::{Fault, Proxy};
pub use reply::Reply;
pub use server::{Server, wait_until};
