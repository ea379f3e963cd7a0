//! Reading and writing the scalars that layouts are made of: little-endian, integers as LEB128.

use std::fmt;

/// Why bytes are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeError {
    /// They end too early.
    Truncated,
    /// They go on behind the end.
    Trailing,
    /// The layout is not known: it is newer than this module, or no layout at all.
    UnknownLayout(u32),
    /// A value cannot be what it stands for.
    Invalid(&'static str),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the bytes end too early"),
            Self::Trailing => f.write_str("there are bytes behind the end"),
            Self::UnknownLayout(layout) => write!(f, "layout {layout} is not known to this version"),
            Self::Invalid(what) => write!(f, "invalid {what}"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// Appends scalars.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends an integer of 128 bits.
pub fn put_varint128(out: &mut Vec<u8>, mut value: u128) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A signed integer as an unsigned one that is small where it is.
pub const fn zigzag(value: i128) -> u128 {
    ((value << 1) ^ (value >> 127)).cast_unsigned()
}

/// The inverse of [`zigzag`].
pub const fn unzigzag(value: u128) -> i128 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

/// Appends a double.
pub fn put_double(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends a length and that many bytes.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Takes scalars from the front.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Begins at the front of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Refuses bytes behind the end.
    pub const fn finish(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::Trailing) }
    }

    /// How many bytes are left.
    pub const fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next `len` bytes.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next byte.
    pub fn byte(&mut self) -> Result<u8, DecodeError> {
        self.take(1)?.first().copied().ok_or(DecodeError::Truncated)
    }

    /// The next byte as a truth.
    pub fn flag(&mut self, what: &'static str) -> Result<bool, DecodeError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::Invalid(what)),
        }
    }

    fn fixed<const WIDTH: usize>(&mut self) -> Result<[u8; WIDTH], DecodeError> {
        self.take(WIDTH)?.try_into().map_err(|_| DecodeError::Truncated)
    }

    /// The next 64 bits.
    pub fn word(&mut self) -> Result<u64, DecodeError> {
        Ok(u64::from_le_bytes(self.fixed()?))
    }

    /// The next double, finite and within `range`.
    pub fn double(&mut self, what: &'static str, range: &std::ops::RangeInclusive<f64>) -> Result<f64, DecodeError> {
        let value = f64::from_le_bytes(self.fixed()?);
        if range.contains(&value) { Ok(value) } else { Err(DecodeError::Invalid(what)) }
    }

    /// The next integer, at most `max`, in its shortest form.
    pub fn varint(&mut self, what: &'static str, max: u64) -> Result<u64, DecodeError> {
        let mut value = 0_u64;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 || byte == 0 && shift > 0 {
                return Err(DecodeError::Invalid(what));
            }
            value |= bits << shift;
            if byte < 0x80 {
                return if value <= max { Ok(value) } else { Err(DecodeError::Invalid(what)) };
            }
        }
        Err(DecodeError::Invalid(what))
    }

    /// The next integer of 128 bits, at most `max`, in its shortest form.
    pub fn varint128(&mut self, what: &'static str, max: u128) -> Result<u128, DecodeError> {
        let mut value = 0_u128;
        for shift in (0..133).step_by(7) {
            let byte = self.byte()?;
            let bits = u128::from(byte & 0x7f);
            if shift == 126 && bits > 3 || byte == 0 && shift > 0 {
                return Err(DecodeError::Invalid(what));
            }
            value |= bits << shift;
            if byte < 0x80 {
                return if value <= max { Ok(value) } else { Err(DecodeError::Invalid(what)) };
            }
        }
        Err(DecodeError::Invalid(what))
    }

    /// The next length, at most `max`, of things that take at least `least` bytes each: no more than can be there.
    pub fn length(&mut self, what: &'static str, max: usize, least: usize) -> Result<usize, DecodeError> {
        let length = self.varint(what, max as u64)? as usize;
        if length.saturating_mul(least) > self.rest.len() { Err(DecodeError::Truncated) } else { Ok(length) }
    }

    /// The next length and that many bytes, at most `max`.
    pub fn bytes(&mut self, what: &'static str, max: usize) -> Result<&'a [u8], DecodeError> {
        let len = self.length(what, max, 1)?;
        self.take(len)
    }
}
