//! The words and numbers of replies: exact decimals, sides, statuses, states, intervals.

use std::fmt;

use crate::grammar::{Decimal, PlainBuffer};
use crate::market::candle::{Interval, Zone};
use crate::market::store::{State, Status};
use crate::market::tape::{Order, Side};
use crate::market::triggers::{self as trigger, Cause, Source as PriceSource};
use crate::wire::{Decode, Encode, Malformed, Sink, Source};

/// An exact sum of decimals: units · 10^-scale, with more digits than one decimal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exact {
    /// The digits as an integer.
    pub units: u128,
    /// How many of them are behind the point.
    pub scale: u8,
}

impl Exact {
    /// The nearest double.
    pub fn to_f64(self) -> f64 {
        self.units as f64 / crate::grammar::power_of_ten(self.scale) as f64
    }
}

#[cfg(feature = "rust_decimal")]
impl TryFrom<Exact> for rust_decimal::Decimal {
    type Error = rust_decimal::Error;

    /// The same number.
    ///
    /// # Errors
    /// That of the crate `rust_decimal` where it has no room: it holds at most 28 digits behind the point, and 96 bits.
    fn try_from(sum: Exact) -> Result<Self, Self::Error> {
        let (mut units, mut scale) = (sum.units, sum.scale);
        while scale > 0 && units.is_multiple_of(10) {
            (units, scale) = (units / 10, scale - 1);
        }
        let units = i128::try_from(units).map_err(|_| Self::Error::ExceedsMaximumPossibleValue)?;
        Self::try_from_i128_with_scale(units, scale.into())
    }
}

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PlainBuffer::new().units(self.units, self.scale))
    }
}

impl Encode for Exact {
    fn encode(&self, sink: &mut impl Sink) {
        sink.bytes(PlainBuffer::new().units_bytes(self.units, self.scale));
    }
}

impl Decode for Exact {
    fn decode<S: Source>(source: S) -> Result<Self, Malformed> {
        let text = source.bytes()?;
        let malformed = || Malformed::new(format!("expected a decimal, got '{}'", String::from_utf8_lossy(&text)));
        let point = text.iter().position(|byte| *byte == b'.');
        let scale = point.map_or(0, |point| text.len() - point - 1);
        let mut units = 0_u128;
        for digit in text.iter().filter(|byte| **byte != b'.') {
            let value = digit.is_ascii_digit().then(|| u128::from(digit - b'0')).ok_or_else(malformed)?;
            units = units.checked_mul(10).and_then(|units| units.checked_add(value)).ok_or_else(malformed)?;
        }
        if text.is_empty() || scale > 18 { Err(malformed()) } else { Ok(Self { units, scale: scale as u8 }) }
    }
}

impl Encode for Decimal {
    fn encode(&self, sink: &mut impl Sink) {
        sink.bytes(PlainBuffer::new().decimal_bytes(*self));
    }
}

impl Decode for Decimal {
    fn decode<S: Source>(source: S) -> Result<Self, Malformed> {
        let text = source.bytes()?;
        let malformed = |_| Malformed::new(format!("expected a decimal, got '{}'", String::from_utf8_lossy(&text)));
        Self::parse(&text).map_err(malformed)
    }
}

/// How a word is written and read.
macro_rules! word {
    ($($type:ty: $wanted:literal, $all:expr;)+) => {
        $(
            impl Encode for $type {
                fn encode(&self, sink: &mut impl Sink) {
                    sink.text(self.name());
                }
            }

            impl Decode for $type {
                fn decode<S: Source>(source: S) -> Result<Self, Malformed> {
                    source.word($wanted, |word| $all.into_iter().find(|one| one.name().as_bytes() == word))
                }
            }
        )+
    };
}

word! {
    Side: "a side", [Side::Buy, Side::Sell, Side::Unknown];
    Status: "a status", Status::ALL;
    State: "a state", [State::Open, State::Closed, State::Partial, State::Filled, State::Missing];
    Order: "an order", [Order::Time, Order::Id];
    Cause: "a cause", Cause::ALL;
    PriceSource: "a source of prices", PriceSource::ALL;
    trigger::Side: "a side", [trigger::Side::Long, trigger::Side::Short];
    trigger::State: "a state", trigger::State::ALL;
}

impl Encode for Interval {
    fn encode(&self, sink: &mut impl Sink) {
        sink.text(&self.to_string());
    }
}

impl Decode for Interval {
    fn decode<S: Source>(source: S) -> Result<Self, Malformed> {
        Self::parse("interval", &source.bytes()?).map_err(|error| Malformed::new(error.to_string()))
    }
}

impl Encode for Zone {
    fn encode(&self, sink: &mut impl Sink) {
        sink.text(&self.to_string());
    }
}

impl Decode for Zone {
    fn decode<S: Source>(source: S) -> Result<Self, Malformed> {
        Self::parse("tz", &source.bytes()?).map_err(|error| Malformed::new(error.to_string()))
    }
}
