//! Replies in both protocols: what the core encodes, as the server sends it.
//!
//! RESP2 has no maps, doubles or booleans: the server flattens maps and sends booleans as 0 and 1 by itself, and doubles
//! are written here as text, since servers differ in how many digits they print.

use liq_core::wire::{DoubleBuffer, Encode, Sink};

use crate::ffi::Context;

/// Sends `reply` to the client.
pub fn send(context: &Context<'_>, reply: &(impl Encode + ?Sized)) {
    reply.encode(&mut Reply(context));
}

/// A reply being written to the client of `Context`.
pub struct Reply<'ctx>(pub &'ctx Context<'ctx>);

impl Sink for Reply<'_> {
    fn map(&mut self, len: usize) {
        self.0.reply_map(len);
    }

    fn array(&mut self, len: usize) {
        self.0.reply_array(len);
    }

    fn bytes(&mut self, value: &[u8]) {
        self.0.reply_bytes(value);
    }

    fn integer(&mut self, value: i64) {
        self.0.reply_integer(value);
    }

    fn double(&mut self, value: f64) {
        if self.0.speaks_resp3() {
            self.0.reply_double(value);
        } else {
            self.0.reply_bytes(DoubleBuffer::new().format(value).as_bytes());
        }
    }

    fn boolean(&mut self, value: bool) {
        self.0.reply_boolean(value);
    }

    fn null(&mut self) {
        self.0.reply_null();
    }
}
