//! Rate limits as exchanges count them: up to eight limits per key, taken from together or not at all.
//!
//! What lives here: the three ways to count (smooth, sliding, aligned), and the limiter that joins them. What does
//! not: arguments, replies, disk layouts. All arithmetic is in integers; time is in microseconds, and passes for a key
//! as it elapses (`moment`).

mod aligned;
mod expiry;
mod gcra;
mod limit;
#[allow(clippy::module_inception, reason = "the file holds the type the folder is named for")]
mod limiter;
mod limits;
mod moment;
mod rule;
mod sliding;
mod stamp;
mod standing;
mod throttle;
mod verdict;

pub use aligned::Aligned;
pub use expiry::Change;
pub use gcra::Gcra;
pub use limit::Limit;
pub use limiter::{InvalidState, Limiter, NoLimits, NoSuchLimit, Outcome, Used};
pub use moment::{LATEST_US, Moment, Now, US_PER_MS, us_from_ms};
pub use rule::{Kind, MAX_AMOUNT, MAX_LIMITS, MAX_PERIOD_MS, Rule, RuleError};
pub use sliding::{MOST_USES, Sliding, Use};
pub use standing::Standing;
pub use throttle::Throttled;
pub use verdict::{BANNED, Verdict, Wait};
