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

/// The bits of eight bytes that say that another follows.
const GOES_ON: u64 = 0x8080_8080_8080_8080;

/// Appends scalars.
#[inline]
pub fn put_varint(out: &mut Vec<u8>, value: u64) {
    if value < 0x80 { out.push(value as u8) } else { put_more(out, value) }
}

fn put_more(out: &mut Vec<u8>, value: u64) {
    let group = |shift: u32| (value >> shift) as u8 | 0x80;
    match value {
        0..0x4000 => out.extend_from_slice(&[group(0), (value >> 7) as u8]),
        0x4000..0x20_0000 => out.extend_from_slice(&[group(0), group(7), (value >> 14) as u8]),
        0x20_0000..0x0100_0000_0000_0000 => put_short(out, value),
        _ => put_long(out, value.into()),
    }
}

/// Appends an integer of 128 bits.
#[inline]
pub fn put_varint128(out: &mut Vec<u8>, value: u128) {
    match u64::try_from(value) {
        Ok(value) => put_varint(out, value),
        Err(_) => put_long(out, value),
    }
}

/// An integer of up to eight bytes: its groups of seven bits move apart in the lanes of one word.
#[inline]
fn put_short(out: &mut Vec<u8>, value: u64) {
    let fours = (value & 0x0fff_ffff) | (value & 0x00ff_ffff_f000_0000) << 4;
    let pairs = (fours & 0x0000_3fff_0000_3fff) | (fours & 0x0fff_c000_0fff_c000) << 2;
    let bytes = (pairs & 0x007f_007f_007f_007f) | (pairs & 0x3f80_3f80_3f80_3f80) << 1;
    let last = (63 - (value | 1).leading_zeros()) / 7;
    let more = GOES_ON & !(u64::MAX << (8 * last));
    let len = out.len() + last as usize + 1;
    // Eight bytes are copied at once, which takes no call.
    out.extend_from_slice(&(bytes | more).to_le_bytes());
    out.truncate(len);
}

#[cold]
fn put_long(out: &mut Vec<u8>, mut value: u128) {
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
    #[inline]
    pub fn varint(&mut self, what: &'static str, max: u64) -> Result<u64, DecodeError> {
        match self.short() {
            Some(value) if value <= max => Ok(value),
            Some(_) => Err(DecodeError::Invalid(what)),
            None => self.long(what, max),
        }
    }

    /// The next integer where it has at most eight bytes, as many are left, and it is in its shortest form: nearly every one.
    #[inline]
    fn short(&mut self) -> Option<u64> {
        let (first, rest) = self.rest.split_first()?;
        if *first < 0x80 {
            self.rest = rest;
            return Some((*first).into());
        }
        self.wide()
    }

    /// All bytes at once: the sevens of bits close up in pairs, fours and eights.
    #[inline(never)]
    fn wide(&mut self) -> Option<u64> {
        let word = u64::from_le_bytes(*self.rest.first_chunk()?);
        let ends = !word & GOES_ON;
        let len = ends.trailing_zeros() / 8 + 1;
        // Up to the bit that ends it; all where nothing does.
        let bits = word & (ends ^ ends.wrapping_sub(1)) & !GOES_ON;
        let bits = bits & 0x007f_007f_007f_007f | (bits & 0x7f00_7f00_7f00_7f00) >> 1;
        let bits = bits & 0x0000_3fff_0000_3fff | (bits & 0x3fff_0000_3fff_0000) >> 2;
        let bits = bits & 0x0000_0000_0fff_ffff | (bits & 0x0fff_ffff_0000_0000) >> 4;
        // What ends in a byte of nothing is not in its shortest form.
        if bits >> (7 * (len - 1)) == 0 {
            return None;
        }
        self.rest = self.rest.get(len as usize..)?;
        Some(bits)
    }

    fn long(&mut self, what: &'static str, max: u64) -> Result<u64, DecodeError> {
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
    #[inline]
    pub fn varint128(&mut self, what: &'static str, max: u128) -> Result<u128, DecodeError> {
        match self.short() {
            Some(value) if u128::from(value) <= max => Ok(value.into()),
            Some(_) => Err(DecodeError::Invalid(what)),
            None => self.long128(what, max),
        }
    }

    fn long128(&mut self, what: &'static str, max: u128) -> Result<u128, DecodeError> {
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

    /// Goes past the next integers, so many, without looking at them.
    pub fn pass_varints(&mut self, mut count: usize) -> Option<()> {
        // Eight bytes at a time while the last does not end there: the product adds up how many do.
        while let Some((eight, behind)) = self.rest.split_first_chunk() {
            let ends = (!u64::from_le_bytes(*eight) & GOES_ON) >> 7;
            let ended = (ends.wrapping_mul(0x0101_0101_0101_0101) >> 56) as usize;
            if ended >= count {
                break;
            }
            count -= ended;
            self.rest = behind;
        }
        while count > 0 {
            count -= usize::from(self.byte().ok()? < 0x80);
        }
        Some(())
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    /// As it is defined: seven bits a byte, the lowest first.
    fn slow(mut value: u128) -> Vec<u8> {
        let mut out = Vec::new();
        while value >= 0x80 {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
        out
    }

    /// An integer of any length, whatever stands behind it, by both readers.
    fn reads(value: u128, behind: &[u8]) {
        let mut bytes = Vec::new();
        put_varint128(&mut bytes, value);
        assert_eq!(bytes, slow(value), "{value}");
        let len = bytes.len();
        bytes.extend_from_slice(behind);
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.varint128("", u128::MAX), Ok(value));
        assert_eq!(reader.left(), behind.len());
        let mut reader = Reader::new(&bytes);
        assert_eq!((reader.pass_varints(1), reader.left()), (Some(()), behind.len()));
        assert!(value == 0 || Reader::new(&bytes).varint128("", value - 1).is_err());
        let short = Reader::new(&bytes).varint("", u64::MAX);
        assert_eq!(short.ok().map(u128::from), u64::try_from(value).ok().map(u128::from));
        assert!(Reader::new(bytes.get(..len - 1).unwrap()).varint128("", u128::MAX).is_err(), "cut short");
    }

    #[test]
    fn integers_of_every_length_read_back_whatever_is_behind_them() {
        for behind in [&[][..], &[0], &[0xff; 3], &[0x80; 20], &[0; 20], &[1; 20]] {
            for bits in 0..128 {
                let power = 1_u128 << bits;
                [power - 1, power, power + 1, power | power >> 1].iter().for_each(|value| reads(*value, behind));
            }
            reads(u128::MAX, behind);
        }
    }

    #[test]
    fn integers_that_are_passed_end_where_they_do_when_they_are_read() {
        let values: Vec<u128> = (0..128).step_by(5).map(|bits| 1 << bits).chain([0; 30]).chain([u128::MAX]).collect();
        let mut bytes = Vec::new();
        values.iter().for_each(|value| put_varint128(&mut bytes, *value));
        for first in 0..values.len() {
            for count in 0..=values.len() - first {
                let mut reader = Reader::new(&bytes);
                assert!((0..first).all(|_| reader.varint128("", u128::MAX).is_ok()));
                let mut read = reader.clone();
                assert!((0..count).all(|_| read.varint128("", u128::MAX).is_ok()));
                assert_eq!((reader.pass_varints(count), reader.left()), (Some(()), read.left()), "{first} {count}");
            }
        }
        assert_eq!(Reader::new(&bytes).pass_varints(values.len() + 1), None);
    }

    #[test]
    fn what_is_not_in_its_shortest_form_is_refused() {
        for len in 1..=12_usize {
            for behind in 0..10 {
                let bytes = [vec![0x81; len], vec![0], vec![7; behind]].concat();
                assert!(Reader::new(&bytes).varint("", u64::MAX).is_err(), "{len}");
                assert!(Reader::new(&bytes).varint128("", u128::MAX).is_err(), "{len}");
            }
        }
    }
}
