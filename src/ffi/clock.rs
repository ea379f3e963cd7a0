//! The clocks of the process.

use std::time::UNIX_EPOCH;

/// The clock that counts the time that elapses, suspended time included where the system tells it.
#[cfg(target_os = "linux")]
const STEADY: libc::clockid_t = libc::CLOCK_BOOTTIME;
#[cfg(not(target_os = "linux"))]
const STEADY: libc::clockid_t = libc::CLOCK_MONOTONIC;

/// Microseconds by the steady clock, which nobody sets, since any time.
pub fn steady_us() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the function writes the structure it is given and nothing else.
    let failed = unsafe { libc::clock_gettime(STEADY, &raw mut now) } != 0;
    let part = |value: i64| u64::try_from(value).unwrap_or(0);
    if failed { 0 } else { part(now.tv_sec).saturating_mul(1_000_000).saturating_add(part(now.tv_nsec) / 1_000) }
}

/// Microseconds since the epoch by the wall clock as it stands, not as it stood when the running command began: it is to
/// be compared with the steady one.
pub fn wall_us() -> u64 {
    UNIX_EPOCH.elapsed().map_or(0, |now| u64::try_from(now.as_micros()).unwrap_or(u64::MAX))
}
