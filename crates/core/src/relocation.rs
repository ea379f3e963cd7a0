//! Buffers that may be moved: a server that defragments its memory moves what lies in sparse pages.
//!
//! Whoever moves knows the allocator; here is only which buffers there are. They are visited in the same order every
//! time, as long as nothing is changed in between, so that a visit can be broken off and taken up again.

use std::collections::VecDeque;

/// Moves the memory of a buffer to where the allocator would rather have it, and changes nothing else.
pub trait Mover {
    /// The buffer of a vector.
    fn vec<T>(&mut self, buffer: &mut Vec<T>);

    /// A slice of its own.
    fn slice<T>(&mut self, buffer: &mut Box<[T]>);

    /// What a box holds.
    fn boxed<T>(&mut self, held: &mut Box<T>);

    /// The buffer of a deque, whose elements come to lie in one piece.
    fn deque<T>(&mut self, buffer: &mut VecDeque<T>) {
        let mut elements = Vec::from(std::mem::take(buffer));
        self.vec(&mut elements);
        *buffer = elements.into();
    }
}
