//! What replies are made of: each kind of value, as it is written and as it is read.

use std::fmt;
use std::time::Duration;

use super::{Decode, Encode, Malformed, Sink, Source};

/// Text of anybody's: a name, a key.
#[derive(Clone, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Bytes(pub Vec<u8>);

impl Bytes {
    /// As text, with a sign in place of what is none.
    pub fn to_text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// Whether there is no byte.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl PartialEq<str> for Bytes {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Bytes {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_text())
    }
}

/// A field that a reply has only when it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asked<T>(pub Option<T>);

impl<T: Copy> Asked<Option<T>> {
    /// The value, if it was asked for and there is one.
    pub fn value(self) -> Option<T> {
        self.0.flatten()
    }
}

/// How one kind of value is written and read.
macro_rules! part {
    ($($type:ty: |$value:ident, $sink:ident| $write:expr, |$source:ident| $read:expr;)+) => {
        $(
            impl Encode for $type {
                fn encode(&self, $sink: &mut impl Sink) {
                    let $value = self;
                    $write;
                }
            }

            impl Decode for $type {
                fn decode<S: Source>($source: S) -> Result<Self, Malformed> {
                    $read
                }
            }
        )+
    };
}

part! {
    u64: |value, sink| sink.count(*value), |source| source.count();
    i64: |value, sink| sink.integer(*value), |source| source.integer();
    // What is not finite is null.
    f64: |value, sink| sink.optional_double(Some(*value)), |source| source.double();
    bool: |value, sink| sink.boolean(*value), |source| source.boolean();
    Bytes: |value, sink| sink.bytes(&value.0), |source| source.bytes().map(Self);
    // Whole milliseconds.
    Duration: |value, sink| sink.count(u64::try_from(value.as_millis()).unwrap_or(u64::MAX)),
        |source| source.count().map(Self::from_millis);
}

impl<T: Encode> Encode for Option<T> {
    fn encode(&self, sink: &mut impl Sink) {
        match self {
            Some(value) => value.encode(sink),
            None => sink.null(),
        }
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode<S: Source>(source: S) -> Result<Self, Malformed> {
        if source.is_null() { Ok(None) } else { T::decode(source).map(Some) }
    }
}

impl<T: Encode> Encode for Asked<T> {
    fn encode(&self, sink: &mut impl Sink) {
        self.0.encode(sink);
    }

    fn is_left_out(&self) -> bool {
        self.0.is_none()
    }
}

impl<T: Decode> Decode for Asked<T> {
    fn decode<S: Source>(source: S) -> Result<Self, Malformed> {
        T::decode(source).map(|value| Self(Some(value)))
    }

    fn left_out() -> Option<Self> {
        Some(Self(None))
    }
}

impl<T: Encode> Encode for [T] {
    fn encode(&self, sink: &mut impl Sink) {
        sink.array(self.len());
        self.iter().for_each(|item| item.encode(sink));
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn encode(&self, sink: &mut impl Sink) {
        self.as_slice().encode(sink);
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode<S: Source>(source: S) -> Result<Self, Malformed> {
        let in_place = |(place, item)| {
            T::decode(item).map_err(|error: Malformed| error.within(format_args!("element {}", place + 1)))
        };
        source.items()?.into_iter().enumerate().map(in_place).collect()
    }
}
