//! Telling how much memory buffers take, without touching them.

use std::collections::VecDeque;

/// Called with a buffer's start, null where it is not known, and its capacity in bytes.
pub type Measure<'a> = dyn FnMut(*const u8, usize) + 'a;

/// Measures the buffer of a vector; one without room has none.
pub fn vec<T>(buffer: &Vec<T>, measure: &mut Measure<'_>) {
    if buffer.capacity() > 0 {
        measure(buffer.as_ptr().cast(), buffer.capacity() * size_of::<T>());
    }
}

/// Measures the buffer of a deque, whose start is not known from outside.
pub fn deque<T>(buffer: &VecDeque<T>, measure: &mut Measure<'_>) {
    if buffer.capacity() > 0 {
        measure(std::ptr::null(), buffer.capacity() * size_of::<T>());
    }
}

/// Measures the memory behind a box, given what it holds.
pub fn boxed<T>(held: &T, measure: &mut Measure<'_>) {
    measure(std::ptr::from_ref(held).cast(), size_of::<T>());
}

/// Measures the buffer of a slice of its own; an empty one has none, and its start is no address.
pub fn slice<T>(buffer: &[T], measure: &mut Measure<'_>) {
    if !buffer.is_empty() {
        measure(buffer.as_ptr().cast(), size_of_val(buffer));
    }
}
