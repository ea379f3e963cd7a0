//! A tick: one trade, or one price of something that is not traded.

use std::ops::RangeInclusive;

use xxhash_rust::xxh3::xxh3_64;

use crate::grammar::{Decimal, PlainBuffer};

/// Quote per base.
pub const PRICE_RANGE: RangeInclusive<Decimal> = Decimal::ten_to(-12)..=Decimal::ten_to(15);

/// Base units; 0 is a price without a trade.
pub const QTY_RANGE: RangeInclusive<Decimal> = Decimal::ZERO..=Decimal::ten_to(15);

/// Longest ID, in bytes.
pub const MAX_ID_BYTES: usize = 64;

/// Who took: the side of the taker's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The buyer took.
    Buy,
    /// The seller took.
    Sell,
    /// The feed does not tell.
    Unknown,
}

impl Side {
    /// As commands and replies spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
            Self::Unknown => "-",
        }
    }

    /// As layouts and chunks number it.
    pub const fn code(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Buy => 1,
            Self::Sell => 2,
        }
    }

    /// The inverse of [`code`](Self::code).
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Unknown),
            1 => Some(Self::Buy),
            2 => Some(Self::Sell),
            _ => None,
        }
    }
}

/// How ticks of one millisecond follow each other, and what an ID means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By arrival; an ID is a name.
    Time,
    /// By ID; the venue numbers the market's trades with consecutive integers.
    Id,
}

impl Order {
    /// As the option spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Time => "TIME",
            Self::Id => "ID",
        }
    }
}

/// Room for two numbers and the sign between them.
pub type ShortText = arrayvec::ArrayVec<u8, 41>;

/// What the venue calls a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Id<'a> {
    /// It has no name.
    None,
    /// A number, or as an aggregated trade the numbers from the first to the last.
    Numbers {
        /// The first.
        first: u64,
        /// The last, not less than the first.
        last: u64,
    },
    /// Anything else, 1 to 64 bytes.
    Text(&'a [u8]),
}

impl<'a> Id<'a> {
    /// The ID that `text` says: numbers where it is spelled as they are written, so that `5` and `5-9` are numbers and
    /// `05` is not. `None` with more than 64 bytes; without any there is no ID.
    #[inline]
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::None);
        }
        if let Some(number) = number(text) {
            return Some(Self::Numbers { first: number, last: number });
        }
        if text.len() > MAX_ID_BYTES {
            return None;
        }
        match range(text) {
            // A range of one is written as that one.
            Some((first, last)) if first < last => Some(Self::Numbers { first, last }),
            _ => Some(Self::Text(text)),
        }
    }

    /// What it means to a market of `order`: where trades are numbered, an aggregated trade `5-5` is the number 5; elsewhere
    /// it is a name as any other.
    #[inline]
    #[must_use]
    pub fn ordered_by(self, order: Order) -> Self {
        match (order, self) {
            (Order::Id, Self::Text(text)) => match range(text) {
                Some((first, last)) if first <= last => Self::Numbers { first, last },
                _ => self,
            },
            _ => self,
        }
    }

    /// As text, in `room` where it has to be written.
    pub fn text<'room>(self, room: &'room mut Vec<u8>) -> &'room [u8]
    where
        'a: 'room,
    {
        let Self::Numbers { first, last } = self else {
            return if let Self::Text(text) = self { text } else { b"" };
        };
        room.clear();
        room.extend_from_slice(itoa::Buffer::new().format(first).as_bytes());
        if last != first {
            room.push(b'-');
            room.extend_from_slice(itoa::Buffer::new().format(last).as_bytes());
        }
        room
    }

    /// As text without an allocation.
    pub fn short_text<'room>(self, room: &'room mut ShortText) -> &'room [u8]
    where
        'a: 'room,
    {
        let Self::Numbers { first, last } = self else {
            return if let Self::Text(text) = self { text } else { b"" };
        };
        room.clear();
        let mut put = |text: &[u8]| room.extend(text.iter().copied());
        put(itoa::Buffer::new().format(first).as_bytes());
        if last != first {
            put(b"-");
            put(itoa::Buffer::new().format(last).as_bytes());
        }
        room
    }

    /// What stands for it among the IDs of a tail; `None` without one. No other ID than the same number has that of a
    /// number: a tail tells its numbers apart without this, and the two ways have to agree. Others are as good as never
    /// taken for each other.
    pub fn hash(self) -> Option<u64> {
        match self {
            Self::None => None,
            // Numbers end at 2^63: with an odd factor each has a place of its own below.
            Self::Numbers { first, last } if first == last => Some(first.wrapping_mul(SPREAD) & !TEXT),
            // As it is written, which no text is that is held as one.
            Self::Numbers { .. } => Some(xxh3_64(self.short_text(&mut ShortText::new())) | TEXT),
            Self::Text(text) => Some(xxh3_64(text) | TEXT),
        }
    }
}

/// What the hashes of texts have, and no number's.
const TEXT: u64 = 1 << 63;
/// Spreads numbers over the places of a set: 2^64 over the golden ratio.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// Two numbers with a sign between them.
fn range(text: &[u8]) -> Option<(u64, u64)> {
    let mut parts = text.splitn(2, |byte| *byte == b'-');
    let (first, last) = (parts.next().and_then(number), parts.next().and_then(number));
    first.zip(last)
}

/// A number as it is written: without sign and leading zeros.
fn number(text: &[u8]) -> Option<u64> {
    let is_plain = matches!(text, [b'0'] | [b'1'..=b'9', ..]) && text.len() <= 19;
    if !is_plain {
        return None;
    }
    // Nineteen digits fit into 64 bits; ids end where clients' integers do.
    let add = |value: u64, digit: &u8| digit.is_ascii_digit().then(|| value * 10 + u64::from(digit - b'0'));
    text.iter().try_fold(0, add).filter(|value| *value <= i64::MAX as u64)
}

/// Where a tick stands among all: its time, then its number where the venue numbers trades (0 elsewhere).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Moment {
    /// Unix milliseconds.
    pub ts_ms: u64,
    /// The first number of the trade, with `ORDER ID`.
    pub id: u64,
}

/// A tick that has a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick<'a> {
    /// When it happened, Unix milliseconds.
    pub ts_ms: u64,
    /// The taker's side.
    pub side: Side,
    /// Quote per base.
    pub price: Decimal,
    /// Base units.
    pub qty: Decimal,
    /// What the venue calls it.
    pub id: Id<'a>,
}

impl Tick<'_> {
    /// Where it stands among all.
    #[inline]
    pub const fn moment(&self, order: Order) -> Moment {
        let id = match (order, self.id) {
            (Order::Id, Id::Numbers { first, .. }) => first,
            _ => 0,
        };
        Moment { ts_ms: self.ts_ms, id }
    }

    /// For how many trades it stands.
    #[inline]
    pub const fn trades(&self, order: Order) -> u64 {
        match (order, self.id) {
            (Order::Id, Id::Numbers { first, last }) => last - first + 1,
            _ => 1,
        }
    }
}

impl std::fmt::Display for Tick<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (mut price, mut qty) = (PlainBuffer::new(), PlainBuffer::new());
        write!(f, "{} {} {} {}", self.ts_ms, self.side.name(), price.decimal(self.price), qty.decimal(self.qty))
    }
}

/// A tick that owns its ID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// When it happened, Unix milliseconds.
    pub ts_ms: u64,
    /// The taker's side.
    pub side: Side,
    /// Quote per base.
    pub price: Decimal,
    /// Base units.
    pub qty: Decimal,
    numbers: Option<(u64, u64)>,
    text: Vec<u8>,
}

impl Held {
    /// A copy of `tick`.
    #[inline]
    pub fn of(tick: &Tick<'_>) -> Self {
        let (numbers, text) = match tick.id {
            Id::None => (None, Vec::new()),
            Id::Numbers { first, last } => (Some((first, last)), Vec::new()),
            Id::Text(text) => (None, text.to_vec()),
        };
        Self { ts_ms: tick.ts_ms, side: tick.side, price: tick.price, qty: tick.qty, numbers, text }
    }

    /// Takes over everything of `tick`, in the buffer it has.
    #[inline]
    pub fn become_copy_of(&mut self, tick: &Tick<'_>) {
        (self.ts_ms, self.side, self.price, self.qty) = (tick.ts_ms, tick.side, tick.price, tick.qty);
        self.text.clear();
        self.numbers = None;
        match tick.id {
            Id::None => {}
            Id::Numbers { first, last } => self.numbers = Some((first, last)),
            Id::Text(text) => self.text.extend_from_slice(text),
        }
    }

    /// What the venue calls it.
    pub fn id(&self) -> Id<'_> {
        match self.numbers {
            Some((first, last)) => Id::Numbers { first, last },
            None if self.text.is_empty() => Id::None,
            None => Id::Text(&self.text),
        }
    }

    /// The tick.
    pub fn tick(&self) -> Tick<'_> {
        Tick { ts_ms: self.ts_ms, side: self.side, price: self.price, qty: self.qty, id: self.id() }
    }

    /// The buffer of its ID.
    pub fn id_buffer(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    /// Measures its buffer.
    pub fn measure(&self, measure: &mut crate::heap::Measure<'_>) {
        crate::heap::vec(&self.text, measure);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    #[test]
    fn ids_that_are_spelled_as_numbers_are_numbers() {
        let numbers = |first, last| Id::Numbers { first, last };
        let cases: [(&[u8], Id<'_>); 9] = [
            (b"", Id::None),
            (b"0", numbers(0, 0)),
            (b"5266585715", numbers(5_266_585_715, 5_266_585_715)),
            (b"5-9", numbers(5, 9)),
            (b"9-5", Id::Text(b"9-5")),
            (b"5-5", Id::Text(b"5-5")),
            (b"007", Id::Text(b"007")),
            (b"9999999999999999999", Id::Text(b"9999999999999999999")),
            (b"20f43950-aa", Id::Text(b"20f43950-aa")),
        ];
        for (text, id) in cases {
            assert_eq!(Id::parse(text), Some(id));
            assert_eq!(id.text(&mut Vec::new()), text, "written as it was read");
        }
        for (text, by_id) in [(b"5-5", numbers(5, 5)), (b"9-5", Id::Text(b"9-5")), (b"5-9", numbers(5, 9))] {
            let id = Id::parse(text).unwrap();
            assert_eq!((id.ordered_by(Order::Id), id.ordered_by(Order::Time)), (by_id, id));
        }
        assert_eq!(Id::parse(&[b'x'; 65]), None);
        assert!(Id::parse(&[b'x'; 64]).is_some());
    }
}
