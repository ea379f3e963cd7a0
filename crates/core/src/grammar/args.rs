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
    #[inline]
    pub fn take_keyword(&mut self, name: &str) -> bool {
        let found = self.peek().is_some_and(|arg| is_keyword(arg, name.as_bytes()));
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

/// Whether `arg` is `name`, which is of letters, in any case: no branch per letter.
#[inline]
fn is_keyword(arg: &[u8], name: &[u8]) -> bool {
    /// What tells small letters from capitals.
    const CASE: u8 = 0x20;
    debug_assert!(name.iter().all(u8::is_ascii_alphabetic));
    arg.len() == name.len() && arg.iter().zip(name).fold(0, |other, (a, b)| other | ((a ^ b) & !CASE)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyword_is_taken_in_any_case_and_nothing_else_is() {
        for word in ["LIMIT", "limit", "LiMiT"] {
            assert!(Args::new(&[word.as_bytes()]).take_keyword("LIMIT"), "{word}");
        }
        for place in 0..5 {
            for byte in 0..=255_u8 {
                let mut word = *b"LIMIT";
                if let Some(letter) = word.get_mut(place) {
                    *letter = byte;
                }
                let same = word.eq_ignore_ascii_case(b"LIMIT");
                assert_eq!(Args::new(&[&word]).take_keyword("LIMIT"), same, "{word:?}");
            }
        }
        assert!(!Args::new(&[b"LIMITS"]).take_keyword("LIMIT") && !Args::new(&[]).take_keyword("LIMIT"));
    }
}
