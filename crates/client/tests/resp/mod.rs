//! Writes a reply as the server would, in RESP2 and in RESP3, and reads both back through redis-rs.

use liq_core::wire::{Decode, DoubleBuffer, Sink};
use redis::{FromRedisValue as _, ParsingError, Value};
use redis_liq::Reply;

/// The wire form of one protocol.
pub struct Wire {
    resp3: bool,
    bytes: Vec<u8>,
}

impl Wire {
    fn header(&mut self, kind: char, value: impl std::fmt::Display) {
        self.bytes.extend(format!("{kind}{value}\r\n").bytes());
    }
}

impl Sink for Wire {
    fn map(&mut self, len: usize) {
        if self.resp3 { self.header('%', len) } else { self.header('*', 2 * len) }
    }

    fn array(&mut self, len: usize) {
        self.header('*', len);
    }

    fn bytes(&mut self, value: &[u8]) {
        self.header('$', value.len());
        self.bytes.extend(value);
        self.bytes.extend(b"\r\n");
    }

    fn integer(&mut self, value: i64) {
        self.header(':', value);
    }

    fn double(&mut self, value: f64) {
        let mut buffer = DoubleBuffer::new();
        let text = buffer.format(value);
        if self.resp3 { self.header(',', text) } else { self.bytes(text.as_bytes()) }
    }

    fn boolean(&mut self, value: bool) {
        if self.resp3 {
            self.header('#', if value { 't' } else { 'f' });
        } else {
            self.integer(value.into());
        }
    }

    fn null(&mut self) {
        if self.resp3 { self.header('_', "") } else { self.header('$', -1) }
    }
}

fn decode<T: Decode>(resp3: bool, write: &dyn Fn(&mut Wire)) -> Result<T, ParsingError> {
    let mut wire = Wire { resp3, bytes: Vec::new() };
    write(&mut wire);
    let value: Value = redis::parse_redis_value(&wire.bytes).expect("a well-formed reply");
    Reply::from_redis_value(value).map(Reply::into_inner)
}

/// What redis-rs makes of the reply in RESP3.
pub fn value(write: impl Fn(&mut Wire)) -> Value {
    let mut wire = Wire { resp3: true, bytes: Vec::new() };
    write(&mut wire);
    redis::parse_redis_value(&wire.bytes).expect("a well-formed reply")
}

/// The reply, which must be the same from both protocols.
pub fn read<T: Decode + PartialEq + std::fmt::Debug>(write: impl Fn(&mut Wire)) -> T {
    let from_resp2 = decode(false, &write).expect("RESP2 is understood");
    let from_resp3 = decode(true, &write).expect("RESP3 is understood");
    assert_eq!(from_resp2, from_resp3, "RESP2 and RESP3 say the same");
    from_resp2
}

/// The error, which must come from both protocols.
pub fn refuse<T: Decode + std::fmt::Debug>(write: impl Fn(&mut Wire)) -> String {
    decode::<T>(false, &write).expect_err("RESP2 is refused");
    decode::<T>(true, &write).expect_err("RESP3 is refused").to_string()
}

/// Writes one field of a map.
pub fn field(wire: &mut Wire, name: &str, value: impl FnOnce(&mut Wire)) {
    wire.text(name);
    value(wire);
}
