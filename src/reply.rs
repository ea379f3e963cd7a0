//! Replies in both protocols: what the core encodes, as the server sends it.
//!
//! RESP2 has no maps, doubles or booleans: maps are flattened, booleans are 0 and 1, and doubles are written here as
//! text, since servers differ in how many digits they print.
//!
//! A call into the server costs about 300 instructions, and a map of twenty fields would take forty. So from the first
//! word on (a word is sent as a simple string, whose text the server copies as it is) the rest of the reply is written
//! here and handed over as one piece: docs/decisions/0005-one-piece-replies.md.

use std::ffi::CStr;

use liq_core::reply::{DoubleBuffer, Encode, Sink};

use crate::ffi::Context;
use crate::scratch::Scratch;

/// Pieces are kept from one reply to the next so that replying need not allocate.
static PIECES: Scratch = Scratch::new();

/// Sends `reply` to the client.
pub fn send(context: &Context<'_>, reply: &(impl Encode + ?Sized)) {
    let mut writer = Reply { context, resp3: context.speaks_resp3(), piece: PIECES.take() };
    reply.encode(&mut writer);
    writer.hand_over();
    PIECES.give_back(writer.piece);
}

/// A reply being written to the client of `context`.
struct Reply<'ctx> {
    context: &'ctx Context<'ctx>,
    resp3: bool,
    /// What follows the first word, in the protocol's form; empty before it.
    piece: Vec<u8>,
}

/// The end of a line of the protocol.
const LINE_END: &[u8] = b"\r\n";

impl Reply<'_> {
    /// Sends the piece. The server puts the mark of a simple string before it and ends its last line.
    fn hand_over(&mut self) {
        if self.piece.is_empty() {
            return;
        }
        self.piece.truncate(self.piece.len() - LINE_END.len());
        self.piece.push(0);
        if let Ok(piece) = CStr::from_bytes_until_nul(&self.piece) {
            self.context.reply_status(piece);
        }
        self.piece.clear();
    }

    /// Whether a piece was begun; before it, every element is a call of its own.
    const fn in_piece(&self) -> bool {
        !self.piece.is_empty()
    }

    /// A line: its mark, a number, its end.
    fn line(&mut self, mark: u8, number: impl itoa::Integer) {
        self.piece.push(mark);
        self.piece.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        self.piece.extend_from_slice(LINE_END);
    }

    fn bulk(&mut self, bytes: &[u8]) {
        self.line(b'$', bytes.len());
        self.piece.extend_from_slice(bytes);
        self.piece.extend_from_slice(LINE_END);
    }
}

impl Sink for Reply<'_> {
    fn map(&mut self, len: usize) {
        match (self.in_piece(), self.resp3) {
            (false, _) => self.context.reply_map(len),
            (true, true) => self.line(b'%', len),
            (true, false) => self.line(b'*', 2 * len),
        }
    }

    fn array(&mut self, len: usize) {
        if self.in_piece() { self.line(b'*', len) } else { self.context.reply_array(len) }
    }

    fn word(&mut self, value: &'static str) {
        if self.in_piece() {
            self.piece.push(b'+');
        }
        self.piece.extend_from_slice(value.as_bytes());
        self.piece.extend_from_slice(LINE_END);
    }

    fn bytes(&mut self, value: &[u8]) {
        // A piece ends at the first zero byte, so it cannot hold one.
        if self.in_piece() && !value.contains(&0) {
            return self.bulk(value);
        }
        self.hand_over();
        self.context.reply_bytes(value);
    }

    fn integer(&mut self, value: i64) {
        if self.in_piece() { self.line(b':', value) } else { self.context.reply_integer(value) }
    }

    fn double(&mut self, value: f64) {
        let mut buffer = DoubleBuffer::new();
        match (self.in_piece(), self.resp3) {
            (false, true) => self.context.reply_double(value),
            (false, false) => self.context.reply_bytes(buffer.format(value).as_bytes()),
            (true, false) => self.bulk(buffer.format(value).as_bytes()),
            (true, true) => {
                self.piece.push(b',');
                self.piece.extend_from_slice(buffer.format(value).as_bytes());
                self.piece.extend_from_slice(LINE_END);
            }
        }
    }

    fn boolean(&mut self, value: bool) {
        match (self.in_piece(), self.resp3) {
            (false, _) => self.context.reply_boolean(value),
            (true, true) => self.piece.extend_from_slice(if value { b"#t\r\n" } else { b"#f\r\n" }),
            (true, false) => self.line(b':', u8::from(value)),
        }
    }

    fn null(&mut self) {
        match (self.in_piece(), self.resp3) {
            (false, _) => self.context.reply_null(),
            (true, true) => self.piece.extend_from_slice(b"_\r\n"),
            (true, false) => self.piece.extend_from_slice(b"$-1\r\n"),
        }
    }
}
