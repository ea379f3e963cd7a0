//! What the keys under a prefix must be like: the policies, the table that finds the one that rules a name, and the
//! judgement of one key. What does not live here: walking over keys, and the clock.
//!
//! Invariants, which [`Table::check`] asserts:
//! 1. A table holds at most [`MAX_POLICIES`] policies, in ascending order of their prefixes, each prefix once.
//! 2. A policy has a rule, its TTL is not above its MAXTTL, TTL NONE stands without MAXTTL, and APPLY with one of both.
//! 3. A table's text is read back as the same table.
//! 4. `shorter` of a policy is the longest other prefix that its own begins with.
//! 5. `heads` are the heads of the prefixes, in ascending order as these are.

mod judgement;
#[allow(clippy::module_inception, reason = "the file holds the type the folder is named for")]
mod policy;
mod prefix;
mod rule;
mod table;
mod type_name;

pub use judgement::{Due, Observed};
pub use policy::{MAX_DURATION_MS, Policy, Ttl};
pub use prefix::{MAX_PREFIX_BYTES, Prefix};
pub use rule::{Broken, Rule};
pub use table::{MAX_POLICIES, Table};
pub use type_name::TypeName;
