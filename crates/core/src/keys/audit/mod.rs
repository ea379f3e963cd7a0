//! What a walk over the keyspace has seen, summed up by group of keys: a policy's keys, or those of one namespace.
//!
//! The walk hands over one key after the other ([`Audit::see`]); what comes out is read from the groups ([`Group`]). What
//! does not live here: the walk, the clock, memory of keys (the walk measures it where the audit asks for it), replies.
//!
//! Invariants, which [`Audit::check`] asserts:
//! 1. A key counts in exactly one group of its database: the counts of all groups add up to the keys seen.
//! 2. A database has at most [`Settings::max_groups`] groups named by namespace.
//! 3. What a group keeps has a bound: eight largest keys, four examples a rule, names cut at 128 bytes.

#[allow(clippy::module_inception, reason = "the file holds the type the folder is named for")]
mod audit;
mod estimate;
mod group;
mod label;
mod span;

pub use audit::{Audit, Seen, Settings, Verdict};
pub use estimate::{ALL_FROM, Estimate};
pub use group::{EXAMPLES, Group, LARGEST, Large};
pub use label::{Label, MAX_NAME_BYTES, cut};
pub use span::{SPANS, Span};
