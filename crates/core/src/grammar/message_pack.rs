//! Walking through MessagePack that clients send: scalars and arrays, nothing nested is believed before it is there.

use std::borrow::Cow;

use rmp::Marker;

use super::{RequestError, format_real, format_single};

/// One scalar of a payload.
#[derive(Debug, Clone, Copy)]
pub enum Scalar<'a> {
    /// Nothing.
    Nil,
    /// An integer below 2^63.
    Integer(i64),
    /// An integer of 2^63 or more.
    Huge(u64),
    /// A float of 64 bits.
    Float(f64),
    /// A float of 32 bits: its shortest decimal is another than that of the same number in 64.
    Single(f32),
    /// A string or binary.
    Bytes(&'a [u8]),
}

impl Scalar<'_> {
    /// The refusal of this value, shown as one would write it.
    #[cold]
    pub fn refused(self, name: &'static str, problem: impl Into<Cow<'static, str>>) -> RequestError {
        let text = match self {
            Self::Nil => "nil".to_owned(),
            Self::Integer(number) => number.to_string(),
            Self::Huge(number) => number.to_string(),
            Self::Float(number) => format_real(number),
            Self::Single(number) => format_single(number),
            Self::Bytes(text) => return RequestError::argument(name, problem, text),
        };
        RequestError::argument(name, problem, text.as_bytes())
    }
}

/// Walks through MessagePack without copying or trusting it.
#[derive(Debug, Clone)]
pub struct PackReader<'a> {
    rest: &'a [u8],
}

impl<'a> PackReader<'a> {
    /// Begins at the front of `payload`.
    pub const fn new(payload: &'a [u8]) -> Self {
        Self { rest: payload }
    }

    /// What was not read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Goes on at `rest`, the end of what was not read.
    pub const fn go_on_at(&mut self, rest: &'a [u8]) {
        self.rest = rest;
    }

    /// The next scalar.
    #[inline]
    pub fn scalar(&mut self, name: &'static str) -> Result<Scalar<'a>, RequestError> {
        let before = self.rest;
        self.read_scalar().ok_or_else(|| {
            let got = before.get(..before.len().min(16)).unwrap_or_default();
            RequestError::argument(name, "truncated, or of a MessagePack type that has no place here", got)
        })
    }

    #[inline]
    fn read_scalar(&mut self) -> Option<Scalar<'a>> {
        // What most are: small integers and short strings.
        let (head, rest) = self.rest.split_first()?;
        let scalar = match head {
            0..0x80 => Scalar::Integer((*head).into()),
            0xa0..0xc0 => {
                let (text, behind) = rest.split_at_checked(usize::from(head & 0x1f))?;
                self.rest = behind;
                return Some(Scalar::Bytes(text));
            }
            _ => return self.read_other(),
        };
        self.rest = rest;
        Some(scalar)
    }

    fn read_other(&mut self) -> Option<Scalar<'a>> {
        Some(match self.marker()? {
            Marker::Null => Scalar::Nil,
            Marker::FixPos(value) => Scalar::Integer(value.into()),
            Marker::FixNeg(value) => Scalar::Integer(value.into()),
            Marker::U8 => Scalar::Integer(u8::from_be_bytes(self.fixed()?).into()),
            Marker::U16 => Scalar::Integer(u16::from_be_bytes(self.fixed()?).into()),
            Marker::U32 => Scalar::Integer(u32::from_be_bytes(self.fixed()?).into()),
            Marker::U64 => {
                let number = u64::from_be_bytes(self.fixed()?);
                i64::try_from(number).map_or(Scalar::Huge(number), Scalar::Integer)
            }
            Marker::I8 => Scalar::Integer(i8::from_be_bytes(self.fixed()?).into()),
            Marker::I16 => Scalar::Integer(i16::from_be_bytes(self.fixed()?).into()),
            Marker::I32 => Scalar::Integer(i32::from_be_bytes(self.fixed()?).into()),
            Marker::I64 => Scalar::Integer(i64::from_be_bytes(self.fixed()?)),
            Marker::F32 => Scalar::Single(f32::from_be_bytes(self.fixed()?)),
            Marker::F64 => Scalar::Float(f64::from_be_bytes(self.fixed()?)),
            Marker::FixStr(len) => Scalar::Bytes(self.take(len.into())?),
            Marker::Str8 | Marker::Bin8 => self.sized::<1>()?,
            Marker::Str16 | Marker::Bin16 => self.sized::<2>()?,
            Marker::Str32 | Marker::Bin32 => self.sized::<4>()?,
            _ => return None,
        })
    }

    /// Bytes behind a big-endian length of `WIDTH` bytes.
    fn sized<const WIDTH: usize>(&mut self) -> Option<Scalar<'a>> {
        let width: [u8; WIDTH] = self.fixed()?;
        let len = width.iter().fold(0_usize, |len, byte| len << 8 | usize::from(*byte));
        Some(Scalar::Bytes(self.take(len)?))
    }

    /// The length of the array that begins here, which may be more than is there; `None` where none begins.
    pub fn array_len(&mut self) -> Option<usize> {
        match self.marker()? {
            Marker::FixArray(len) => Some(len.into()),
            Marker::Array16 => Some(u16::from_be_bytes(self.fixed()?).into()),
            Marker::Array32 => Some(u32::from_be_bytes(self.fixed()?) as usize),
            _ => None,
        }
    }

    fn marker(&mut self) -> Option<Marker> {
        self.take(1)?.first().copied().map(Marker::from_u8)
    }

    fn fixed<const WIDTH: usize>(&mut self) -> Option<[u8; WIDTH]> {
        self.take(WIDTH)?.try_into().ok()
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }
}
