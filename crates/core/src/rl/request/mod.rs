//! The arguments of the rate limits' commands: `RL.*` and `CL.THROTTLE`.

mod ban;
mod check;
mod create;
mod limits;
mod peek;
mod sync;
mod throttle;

pub use ban::Ban;
pub use check::Check;
pub use create::Create;
pub use limits::Rules;
pub use peek::Peek;
pub use sync::Sync;
pub use throttle::Throttle;
