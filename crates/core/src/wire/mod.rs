//! How replies and layouts are written: typed replies into a [`Sink`], layouts as bytes.
//!
//! Doubles in replies are in shortest round-trip form and always finite. Decoding treats bytes as hostile: it believes no
//! length before the bytes are there.

mod bytes;
mod double;
mod sink;

pub use bytes::{DecodeError, Reader, put_bytes, put_double, put_varint};
pub use double::DoubleBuffer;
pub use sink::{Encode, Sink};
