//! Rate limits: the commands `RL.*` and `CL.THROTTLE`.
//!
//! `limiter` is the domain and knows nothing of the others: `request` is what may be asked, `reply` what is answered,
//! `format` is how a limiter is saved.

pub mod format;
pub mod limiter;
pub mod reply;
pub mod request;
