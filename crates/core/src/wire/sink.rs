//! Where replies are written, and what can be written there.

/// Where a reply is written: RESP2 or RESP3 on the server, a tree of values in tests.
///
/// Aggregates announce their length first; a map of n is followed by n names and n values, in turn.
pub trait Sink {
    /// A map of `len` entries (flattened to an array of 2 × len in RESP2).
    fn map(&mut self, len: usize);
    /// An array of `len` elements.
    fn array(&mut self, len: usize);
    /// Bytes (a bulk string).
    fn bytes(&mut self, value: &[u8]);
    /// A signed integer.
    fn integer(&mut self, value: i64);
    /// A finite double (a bulk string in shortest form in RESP2).
    fn double(&mut self, value: f64);
    /// A boolean (0 or 1 in RESP2).
    fn boolean(&mut self, value: bool);
    /// Nothing (nil in RESP2).
    fn null(&mut self);

    /// Text (a bulk string).
    fn text(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    /// An unsigned integer; what does not fit a signed one is shown as the largest.
    fn count(&mut self, value: u64) {
        self.integer(i64::try_from(value).unwrap_or(i64::MAX));
    }

    /// A count or null.
    fn optional_count(&mut self, value: Option<u64>) {
        match value {
            Some(value) => self.count(value),
            None => self.null(),
        }
    }

    /// A double or null; a value that is not finite is null.
    fn optional_double(&mut self, value: Option<f64>) {
        match value {
            Some(value) if value.is_finite() => self.double(value),
            _ => self.null(),
        }
    }
}

/// A reply that can be written.
pub trait Encode {
    /// Writes the whole reply.
    fn encode(&self, sink: &mut impl Sink);

    /// Whether a map goes without it: it was not asked for.
    fn is_left_out(&self) -> bool {
        false
    }
}
