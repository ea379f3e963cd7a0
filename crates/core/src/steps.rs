//! Counts steps of work, in builds that check themselves: what a command's page says of its cost is held by tests that
//! count, since a clock tells more of the machine than of the code. In other builds there is nothing to it.

use std::cell::Cell;

thread_local! {
    static TAKEN: Cell<u64> = const { Cell::new(0) };
}

/// Notes that `steps` events, panes or words were looked at or moved one by one.
#[inline]
pub(crate) fn note(steps: usize) {
    if cfg!(debug_assertions) {
        TAKEN.set(TAKEN.get().wrapping_add(steps as u64));
    }
}

/// The steps that this thread has taken so far; 0 in builds that do not count.
pub fn taken() -> u64 {
    TAKEN.get()
}
