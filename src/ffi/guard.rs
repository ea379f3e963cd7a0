//! The one place where panics stop: every entry from the server runs inside [`guard`].

use std::any::Any;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::atomic::{AtomicU64, Ordering};

use super::context::{self, Level};

static PANICS: AtomicU64 = AtomicU64::new(0);

/// How many panics were caught since the module was loaded.
pub fn panics_caught() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

/// Runs `entry`; a panic inside is counted and turned into `fallback`. The hook has already logged it.
#[inline]
pub fn guard<R>(fallback: impl FnOnce() -> R, entry: impl FnOnce() -> R) -> R {
    match panic::catch_unwind(AssertUnwindSafe(entry)) {
        Ok(result) => result,
        Err(payload) => {
            caught(payload);
            fallback()
        }
    }
}

#[cold]
fn caught(payload: Box<dyn Any + Send>) {
    PANICS.fetch_add(1, Ordering::Relaxed);
    drop(payload);
}

/// Logs panics in one line, without a backtrace: unwinding the stack for printing frees memory of the C library, which
/// ends servers that load modules with their own symbols first (RTLD_DEEPBIND, Valkey 8.1 and newer).
pub fn install_panic_hook() {
    panic::set_hook(Box::new(|info: &PanicHookInfo<'_>| {
        let place = info.location().map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
        let what = info.payload_as_str().unwrap_or("no message");
        context::log_anywhere(Level::Warning, &format!("panic caught{place}: {what}"));
    }));
}
