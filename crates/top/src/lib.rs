//! `liq-top`: what a server with redis-liq holds and how it fares, from one model with several faces.
//!
//! `watch` reads the server and keeps the `board`; what the board knows is published as a `model::View`; the faces only
//! show it. No face asks the server anything itself, and nothing here writes to it.
#![forbid(unsafe_code)]

pub mod board;
pub mod cli;
pub mod cluster;
pub mod figures;
pub mod keys;
pub mod lines;
pub mod model;
pub mod names;
pub mod once;
pub mod picture;
pub mod source;
pub mod tables;
pub mod terminal;
pub mod trouble;
pub mod watch;
pub mod web;
