//! The arguments of the commands `KEYS.*`.

mod audit;
mod policy;

pub use audit::{AuditRequest, MAX_BUDGET_PCT, Order};
pub use policy::PolicyRequest;
