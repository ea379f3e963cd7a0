//! The replies of the commands `KEYS.*`.

mod counts;
mod policy;
mod report;
mod status;

pub use counts::{Counts, Named};
pub use policy::{PolicyInfo, PolicyTally};
pub use report::{KeyDetail, KeyReport, KeyRow, KeyShape, LargeKey};
pub use status::{AuditState, AuditStatus};
