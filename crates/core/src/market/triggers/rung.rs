//! A level and what waits there.

use super::price::Price;

/// A folded level and the trigger, or the group, that waits at it; in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rung {
    pub level: Price,
    pub slot: u32,
}
