//! Moving the buffers of a value to where the server's allocator would rather have them, in steps as long as the server
//! allows.

use std::ffi::c_ulong;
use std::marker::PhantomData;
use std::mem::{self, ManuallyDrop};
use std::ptr;

use redis_module::raw;

use super::allocator;

/// Buffers moved between two looks at the clock.
const BETWEEN_LOOKS: c_ulong = 32;

/// One step through the buffers of a value, which are visited in the same order in every step.
pub struct Defragmentation<'call> {
    context: *mut raw::RedisModuleDefragCtx,
    /// Buffers visited so far.
    visited: c_ulong,
    /// Buffers that earlier steps were done with.
    done: c_ulong,
    is_over: bool,
    call: PhantomData<&'call ()>,
}

impl Defragmentation<'_> {
    /// # Safety
    /// `context` is what the server gave to the running callback, which `'call` does not outlive.
    pub(super) unsafe fn resume(context: *mut raw::RedisModuleDefragCtx) -> Self {
        let mut done = 0;
        // SAFETY: the caller's promise. Without a cursor, the step is the only one, and the place stays 0.
        unsafe { api!(RedisModule_DefragCursorGet)(context, &raw mut done) };
        Self { context, visited: 0, done, is_over: false, call: PhantomData }
    }

    /// Puts down how far the step came; whether more is to be done.
    pub(super) fn pause(self) -> bool {
        if self.is_over {
            // SAFETY: the context is that of the running callback.
            unsafe { api!(RedisModule_DefragCursorSet)(self.context, self.done) };
        }
        self.is_over
    }

    /// Moves the buffer of a vector.
    pub fn vec<T>(&mut self, buffer: &mut Vec<T>) {
        if !self.is_due::<T>() || buffer.capacity() == 0 || size_of::<T>() == 0 {
            return;
        }
        let mut old = ManuallyDrop::new(mem::take(buffer));
        // SAFETY: the vector has a buffer, which nothing refers to any more but `old`, which is never dropped. The new
        // place holds the same bytes and is as large and aligned (`is_due`): its elements were moved in Rust's sense.
        *buffer = unsafe { Vec::from_raw_parts(self.moved(old.as_mut_ptr()), old.len(), old.capacity()) };
    }

    /// Moves a slice.
    pub fn slice<T>(&mut self, buffer: &mut Box<[T]>) {
        if !self.is_due::<T>() || size_of_val::<[T]>(buffer) == 0 {
            return;
        }
        let old = Box::into_raw(mem::take(buffer));
        // SAFETY: as in `vec`; the length stays.
        *buffer = unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(self.moved(old.cast::<T>()), old.len())) };
    }

    /// Moves what a box holds.
    pub fn boxed<T>(&mut self, held: &mut Box<T>) {
        if !self.is_due::<T>() || size_of::<T>() == 0 {
            return;
        }
        // SAFETY: the box is read and written back without anything between that could panic or look at it. As in `vec`,
        // what it holds was moved.
        unsafe {
            let old = Box::into_raw(ptr::read(held));
            ptr::write(held, Box::from_raw(self.moved(old)));
        }
    }

    /// Where the allocation at `start` is now.
    ///
    /// # Safety
    /// `start` begins an allocation of the server's, which only the caller refers to.
    pub(super) unsafe fn moved<T>(&self, start: *mut T) -> *mut T {
        // SAFETY: the caller's promise. The server copies the bytes to a new place and frees the old one, or answers null
        // and does nothing. Its functions were looked for at load, so this does not panic.
        let moved = unsafe { api!(RedisModule_DefragAlloc)(self.context, start.cast()) };
        if moved.is_null() { start } else { moved.cast() }
    }

    fn should_stop(&self) -> bool {
        // SAFETY: the context is that of the running callback.
        unsafe { api!(RedisModule_DefragShouldStop)(self.context) != 0 }
    }

    /// Whether the next buffer, of `T`s, belongs to this step and may be moved.
    pub(super) fn is_due<T>(&mut self) -> bool {
        let place = self.visited;
        self.visited += 1;
        if self.is_over || place < self.done {
            return false;
        }
        // Something is done in every step, so that each comes further.
        if place > self.done && place.is_multiple_of(BETWEEN_LOOKS) && self.should_stop() {
            self.is_over = true;
            self.done = place;
            return false;
        }
        // What is aligned further than the server's allocator does, does not begin its allocation.
        align_of::<T>() <= allocator::SERVER_ALIGN
    }
}
