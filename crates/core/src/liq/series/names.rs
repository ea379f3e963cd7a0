//! The exchanges of a series by number.

use super::heap::{self, Measure};
use crate::relocation::Mover;

/// Names that a series tells apart; events of further exchanges are recorded as `other`.
pub const MAX_EXCHANGES: usize = 64;
/// Number of the events whose exchange has no number of its own.
pub const OTHER_EXCHANGE: u8 = MAX_EXCHANGES as u8 + 1;
/// What they are told as.
const OTHER_NAME: &[u8] = b"other";

/// Exchanges in the order in which they were first seen; numbers begin at 1.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exchanges {
    names: Vec<Box<[u8]>>,
    overflowed: bool,
}

impl Exchanges {
    /// Exchanges as they were saved.
    pub const fn loaded(names: Vec<Box<[u8]>>, overflowed: bool) -> Self {
        Self { names, overflowed }
    }

    /// The number of `name`: 0 for none; `None` when it has none yet.
    pub fn number(&self, name: Option<&[u8]>) -> Option<u8> {
        let Some(name) = name else { return Some(0) };
        let place = self.names.iter().position(|known| **known == *name);
        match place {
            Some(place) => Some(place as u8 + 1),
            None if name == OTHER_NAME && self.overflowed => Some(OTHER_EXCHANGE),
            None => None,
        }
    }

    /// The number that an event of `name` would be recorded under; `None` when the name would be new.
    pub fn find(&self, name: Option<&[u8]>) -> Option<u8> {
        self.number(name).or_else(|| (self.names.len() == MAX_EXCHANGES).then_some(OTHER_EXCHANGE))
    }

    /// The number of `name`, given to it now if need be.
    pub fn admit(&mut self, name: Option<&[u8]>) -> u8 {
        if let Some(number) = self.number(name) {
            return number;
        }
        if self.names.len() == MAX_EXCHANGES {
            self.overflowed = true;
            return OTHER_EXCHANGE;
        }
        self.names.push(name.unwrap_or_default().into());
        self.names.len() as u8
    }

    /// The number that events are told under, given the one they were recorded under: those of a venue that is really
    /// called `other` and those of venues without a number are told together.
    pub fn told_under(&self) -> impl Fn(u8) -> u8 + use<> {
        let other = self.number(Some(OTHER_NAME)).unwrap_or(OTHER_EXCHANGE);
        move |number| if number == OTHER_EXCHANGE { other } else { number }
    }

    /// The name of a number; `None` for 0.
    pub fn name(&self, number: u8) -> Option<&[u8]> {
        if number == OTHER_EXCHANGE {
            return Some(OTHER_NAME);
        }
        self.names.get(usize::from(number).checked_sub(1)?).map(|name| &**name)
    }

    /// The names told apart.
    pub fn names(&self) -> &[Box<[u8]>] {
        &self.names
    }

    /// Whether there were more names than are told apart.
    pub const fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        heap::vec(&self.names, measure);
        self.names.iter().for_each(|name| measure(name.as_ptr(), name.len()));
    }

    /// Moves every buffer.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        mover.vec(&mut self.names);
        self.names.iter_mut().for_each(|name| mover.slice(name));
    }
}
