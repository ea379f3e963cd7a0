//! How replies and layouts are written and read: typed replies into a [`Sink`] and out of a [`Source`], layouts as bytes.
//!
//! Doubles in replies are in shortest round-trip form and always finite. Decoding treats bytes as hostile: it believes no
//! length before the bytes are there.

mod bytes;
mod double;
mod map_reply;
mod part;
mod sink;
mod source;

pub use bytes::{DecodeError, Reader, put_bytes, put_double, put_varint, put_varint128, unzigzag, zigzag};
pub use double::DoubleBuffer;
pub(crate) use map_reply::map_reply;
pub use part::{Asked, Bytes};
pub use sink::{Encode, Sink};
pub use source::{Decode, Fields, Malformed, Source};
