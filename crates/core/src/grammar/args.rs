//! Walking through a command's arguments.

use super::RequestError;

/// The arguments behind the key, read front to back.
#[derive(Debug, Clone)]
pub struct Args<'a> {
    rest: &'a [&'a [u8]],
}

impl<'a> Args<'a> {
    /// Starts at the first of `all`.
    pub const fn new(all: &'a [&'a [u8]]) -> Self {
        Self { rest: all }
    }

    /// How many arguments are left.
    pub const fn len(&self) -> usize {
        self.rest.len()
    }

    /// Whether all were read.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next argument, if any.
    #[allow(clippy::should_implement_trait, reason = "a cursor that is also peeked and asked for its length")]
    pub fn next(&mut self) -> Option<&'a [u8]> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// The next argument without taking it.
    pub fn peek(&self) -> Option<&'a [u8]> {
        self.rest.first().copied()
    }

    /// The next argument; without one the arity is wrong.
    pub fn required(&mut self) -> Result<&'a [u8], RequestError> {
        self.next().ok_or(RequestError::Arity)
    }

    /// The value behind the option `name`, which was just taken.
    pub fn value_of(&mut self, name: &'static str) -> Result<&'a [u8], RequestError> {
        self.next().ok_or_else(|| RequestError::missing_value(name))
    }

    /// Takes the next argument when it is the keyword `name`, in any case.
    pub fn take_keyword(&mut self, name: &str) -> bool {
        let found = self.peek().is_some_and(|arg| arg.eq_ignore_ascii_case(name.as_bytes()));
        if found {
            self.next();
        }
        found
    }

    /// All that is left, leaving nothing.
    pub fn take_rest(&mut self) -> &'a [&'a [u8]] {
        std::mem::take(&mut self.rest)
    }
}
