//! The core's buffers, shown to the server's defragmentation.

use liq_core::relocation::Mover;

use crate::ffi::Defragmentation;

/// A step of defragmentation as the core knows it.
pub struct Step<'step, 'call>(pub &'step mut Defragmentation<'call>);

impl Mover for Step<'_, '_> {
    fn vec<T>(&mut self, buffer: &mut Vec<T>) {
        self.0.vec(buffer);
    }

    fn slice<T>(&mut self, buffer: &mut Box<[T]>) {
        self.0.slice(buffer);
    }

    fn boxed<T>(&mut self, held: &mut Box<T>) {
        self.0.boxed(held);
    }
}
