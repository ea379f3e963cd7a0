//! The clocks of the process.

/// The clock that counts the time that elapses, suspended time included where the system tells it.
#[cfg(target_os = "linux")]
const STEADY: libc::clockid_t = libc::CLOCK_BOOTTIME;
#[cfg(not(target_os = "linux"))]
const STEADY: libc::clockid_t = libc::CLOCK_MONOTONIC;

/// Microseconds by the steady clock, which nobody sets, since any time.
pub fn steady_us() -> u64 {
    read_us(STEADY)
}

/// Microseconds since the epoch by the wall clock as it stands, not as it stood when the running command began: it is to
/// be compared with the steady one.
pub fn wall_us() -> u64 {
    read_us(libc::CLOCK_REALTIME)
}

/// Microseconds of CPU that this thread has taken.
pub fn thread_cpu_us() -> u64 {
    read_us(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// What a clock says, 0 when it does not exist or stands before its epoch.
fn read_us(clock: libc::clockid_t) -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the function writes the structure it is given and nothing else.
    if unsafe { libc::clock_gettime(clock, &raw mut now) } != 0 {
        return 0;
    }
    let whole_us = u64::try_from(now.tv_sec).unwrap_or(0).saturating_mul(1_000_000);
    whole_us.saturating_add(u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000)
}
