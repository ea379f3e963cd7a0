//! What operators are given: configuration files and how they are run, images, packages, and the recipes of
//! docs/operations.md, each as it stands there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod eviction;
mod images;
mod packages;
mod page;
mod recipes;
mod running;
mod sizes;
