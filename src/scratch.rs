//! Buffers that outlive the command that filled them, so that the next one need not allocate.

use std::sync::{Mutex, PoisonError};

/// What a large command leaves behind is not worth keeping.
const KEPT_BYTES: usize = 64 * 1024;

/// One buffer, lent to one command at a time; a second borrower gets a new one.
pub struct Scratch(Mutex<Vec<u8>>);

impl Scratch {
    /// An empty buffer.
    pub const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Lends the buffer, empty.
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes the buffer back.
    pub fn give_back(&self, mut buffer: Vec<u8>) {
        if buffer.capacity() <= KEPT_BYTES {
            buffer.clear();
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = buffer;
        }
    }
}
