//! Where replies are read from, and what can be read there: the counterpart of [`Sink`](super::Sink).

use std::fmt;

/// Why a reply is not what it should be, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed(String);

impl Malformed {
    /// For this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    /// The same, in this part of the reply.
    #[must_use]
    pub fn within(self, part: impl fmt::Display) -> Self {
        Self(format!("{part}: {}", self.0))
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Malformed {}

/// A value of a reply as it came, by either protocol.
pub trait Source: Sized {
    /// The entries of a map.
    type Fields: Fields<Value = Self>;

    /// Whether it is nothing at all.
    fn is_null(&self) -> bool;
    /// The entries of a map, or of an array of names and values in turn.
    fn fields(self) -> Result<Self::Fields, Malformed>;
    /// The elements of an array.
    fn items(self) -> Result<Vec<Self>, Malformed>;
    /// Bytes.
    fn bytes(self) -> Result<Vec<u8>, Malformed>;
    /// A signed integer.
    fn integer(self) -> Result<i64, Malformed>;
    /// A finite double.
    fn double(self) -> Result<f64, Malformed>;
    /// A boolean.
    fn boolean(self) -> Result<bool, Malformed>;

    /// The elements of an array of exactly `N`.
    fn tuple<const N: usize>(self) -> Result<[Self; N], Malformed> {
        let items = self.items()?;
        let count = items.len();
        items.try_into().map_err(|_| Malformed::new(format!("expected an array of {N}, got {count} elements")))
    }

    /// A count, a timestamp or a length in milliseconds or bytes: an integer of at least 0.
    fn count(self) -> Result<u64, Malformed> {
        let number = self.integer()?;
        u64::try_from(number).map_err(|_| Malformed::new(format!("expected a count, got {number}")))
    }

    /// One of a few words.
    fn word<T>(self, wanted: &str, meaning: impl FnOnce(&[u8]) -> Option<T>) -> Result<T, Malformed> {
        let text = self.bytes()?;
        let unknown = || Malformed::new(format!("expected {wanted}, got '{}'", String::from_utf8_lossy(&text)));
        meaning(&text).ok_or_else(unknown)
    }
}

/// The entries of a map, taken one by one. Those nobody takes are of a newer module.
pub trait Fields {
    /// What they hold.
    type Value: Source;

    /// The value of a field, if the reply has it.
    fn take(&mut self, name: &str) -> Option<Self::Value>;
    /// All that is left, with the names, for maps keyed by data.
    fn into_named(self) -> Vec<(Self::Value, Self::Value)>;

    /// The decoded value of a field; an error names the field.
    fn read<T: Decode>(&mut self, name: &str) -> Result<T, Malformed> {
        match self.take(name) {
            Some(value) => T::decode(value).map_err(|error| error.within(format_args!("field '{name}'"))),
            None => T::left_out().ok_or_else(|| Malformed::new(format!("the reply has no field '{name}'"))),
        }
    }
}

/// A reply that can be read.
pub trait Decode: Sized {
    /// Reads the whole reply.
    fn decode<S: Source>(source: S) -> Result<Self, Malformed>;

    /// What a field is that the reply lacks, where it may.
    fn left_out() -> Option<Self> {
        None
    }
}
