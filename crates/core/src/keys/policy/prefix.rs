//! The prefix of key names that a policy rules.

use std::fmt;

use crate::grammar::RequestError;

/// The longest prefix.
pub const MAX_PREFIX_BYTES: usize = 64;

/// How the empty prefix is written where words are parted by blanks.
const EMPTY: &[u8] = b"\"\"";

/// 0 to 64 printable ASCII bytes without blank, quotes and `;`, so that a policy can be written as one line of words.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Prefix(Box<[u8]>);

impl Prefix {
    /// The prefix `text`.
    pub fn new(text: &[u8]) -> Result<Self, RequestError> {
        let refuse = |problem: &'static str| Err(RequestError::argument("prefix", problem, text));
        if text.len() > MAX_PREFIX_BYTES {
            return refuse("longer than 64 bytes");
        }
        let is_fit = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b';');
        if !text.iter().all(is_fit) {
            return refuse("only printable ASCII without blanks, quotes and ';'");
        }
        Ok(Self(text.into()))
    }

    /// The prefix as a word of a text, in which the empty one is `""`.
    pub(super) fn from_word(word: &[u8]) -> Result<Self, RequestError> {
        Self::new(if word == EMPTY { b"" } else { word })
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Prefix {
    /// As a word of a text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(if self.0.is_empty() { EMPTY } else { &self.0 }))
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
