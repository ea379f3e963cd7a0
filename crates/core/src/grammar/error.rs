//! Why a request is refused.

use std::borrow::Cow;
use std::fmt;

/// The longest piece of a client's bytes that an error repeats.
const SHOWN_BYTES: usize = 64;

/// A refused request. `Display` is the text behind the error code word `ERR `.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestError {
    /// Too few arguments, or an incomplete group of them.
    Arity,
    /// One argument is not acceptable.
    Argument {
        /// The argument as the contract names it: options in capitals, positional arguments in small letters.
        name: Cow<'static, str>,
        /// What is wrong, with the bound that was broken.
        problem: Cow<'static, str>,
        /// What came, cut and escaped for display.
        got: String,
        /// 1-based place of the batch item the argument belongs to.
        item: Option<usize>,
    },
}

impl RequestError {
    /// `name: problem, got 'got'`.
    #[cold]
    pub fn argument(name: impl Into<Cow<'static, str>>, problem: impl Into<Cow<'static, str>>, got: &[u8]) -> Self {
        Self::Argument { name: name.into(), problem: problem.into(), got: printable(got), item: None }
    }

    /// An option that came without its value.
    #[cold]
    pub fn missing_value(name: impl Into<Cow<'static, str>>) -> Self {
        Self::argument(name, "needs a value", b"")
    }

    /// An option given twice.
    #[cold]
    pub fn repeated(name: impl Into<Cow<'static, str>>, got: &[u8]) -> Self {
        Self::argument(name, "given more than once", got)
    }

    /// An argument that no option answers to.
    #[cold]
    pub fn unknown_option(got: &[u8]) -> Self {
        Self::argument("option", "unknown", got)
    }

    /// Says which item of a batch (1-based) the error is in.
    #[cold]
    #[must_use]
    pub fn in_item(self, place: usize) -> Self {
        match self {
            Self::Argument { name, problem, got, .. } => Self::Argument { name, problem, got, item: Some(place) },
            Self::Arity => Self::Arity,
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arity => f.write_str("wrong number of arguments"),
            Self::Argument { name, problem, got, item } => {
                if let Some(place) = item {
                    write!(f, "item {place}: ")?;
                }
                write!(f, "{name}: {problem}, got '{got}'")
            }
        }
    }
}

impl std::error::Error for RequestError {}

/// At most 64 bytes of `bytes`, with everything that is not printable ASCII escaped, and the quote and the backslash.
fn printable(bytes: &[u8]) -> String {
    let shown = bytes.get(..SHOWN_BYTES).unwrap_or(bytes);
    let mut text = shown.escape_ascii().to_string();
    if shown.len() < bytes.len() {
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_item_argument_problem_and_value() {
        let error = RequestError::argument("price", "not a number", b"a\0b").in_item(3);
        assert_eq!(error.to_string(), "item 3: price: not a number, got 'a\\x00b'");
    }

    #[test]
    fn long_values_are_cut() {
        let error = RequestError::argument("price", "not a number", &[b'x'; 1000]);
        assert_eq!(error.to_string(), format!("price: not a number, got '{}...'", "x".repeat(64)));
    }
}
