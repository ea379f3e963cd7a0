//! Standing orders on the prices of one market: stop-loss, take-profit, trailing stops and alerts, each judged at the
//! price that reaches it.
//!
//! What lives here: what is armed, what a price makes due, and what is decided until it is told. What does not: which
//! prices are accepted and how old they are (the market's business), arguments, replies, layouts, streams.
//!
//! # Words
//!
//! - **leg**: a condition of a trigger; the first that is due fires it. **due**: the price is at the leg's level or beyond.
//! - **arming**: the number of one setting of a trigger, greater than all before in its market.
//! - **source**: which price it is. **direction**: where it goes when a leg becomes due. **ladder**: all that waits for one
//!   source in one direction. **folded**: with the sign changed where the direction is upwards, so that all falls.
//! - **level**: where a leg is due. **rung**: a level and what waits there. **edges**: the two prices of a ladder that a tick
//!   is compared with.
//! - **give**: how far a trailing stop lies behind its **extreme**, the highest folded price it has seen. **group**: all that
//!   have seen the same. To **start** is to see the first one. A stop **sleeps** that starts with no price yet: those that
//!   came were stale when it was set.
//! - **slot**: where a trigger lies in memory. **node**: a trailing stop in its heap; **dead** when its trigger is gone.
//! - **owed**: decided and not told yet.
//!
//! # Invariants
//!
//! [`Triggers::check`] asserts them; tests call it after every step.
//!
//! - I1 every record is in the list by id and in that by arming; I2 ids are there once; I3 armings are there once, and none
//!   is greater than the last; I4 what expires is in the list of expiries; I5 its legs can be a trigger's; I6 those that wait
//!   are counted.
//! - L1 ladders hold the legs of the records and nothing else; L2 a stop has seen a price, waits for its start or sleeps; L3
//!   the edges are those of what is held.
//! - G1 there is one group for each extreme, and it lies there; G2 members know their group, and a heap holds one kind; G3 no
//!   node gives less than its parent; G4 a group has living members and knows its level, and its heaps have living roots; G5
//!   the heap of levels knows that of every group; G6 a living node is in a group, waits or sleeps; G7 no more is dead than alive.
//! - O1 what is owed can be told.
//!
//! What follows: a price that lies between the edges of its two ladders changes nothing, and needs no look at any trigger.

mod check;
mod fire;
mod heap;
mod judging;
mod ladder;
mod legs;
mod listing;
mod names;
mod price;
mod record;
mod rung;
mod saved;
mod setting;
mod sleeping;
mod sorted;
mod terms;
mod trails;
#[expect(clippy::module_inception, reason = "the folder is about it")]
mod triggers;

pub use fire::{Facts, Fire, HeldFire, Owed, held_fires};
pub use judging::Tick;
pub use legs::{Cause, Fixed, Give, Legs, LegsError, Side, Terms, Trail};
pub use listing::{Row, Which};
pub use price::{ONE, PRICE_RANGE, Price, Source};
pub use terms::{
    Armed, Condition, Held, Impossible, MAX_ARMING, MAX_ID_BYTES, MAX_PAYLOAD_BYTES, MAX_TICK_BYTES, Order, Prices,
    SetError, Standing, State,
};
pub use triggers::{Totals, Triggers};
