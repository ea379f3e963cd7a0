//! The prefix of key names that a policy rules.

use std::fmt;

use crate::grammar::RequestError;

/// The longest prefix.
pub const MAX_PREFIX_BYTES: usize = 64;

/// How the empty prefix may be written where words are parted by blanks; shown in the first way, as not every server
/// escapes double quotes when it rewrites its configuration (Valkey 8.1 does not, and then refuses to start).
const EMPTY: [&[u8]; 2] = [b"''", b"\"\""];

/// 0 to 64 printable ASCII bytes without blank, quotes, backslash and `;`, so that a policy can be written as one line of
/// words, and within quotes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Prefix(Box<[u8]>);

impl Prefix {
    /// The prefix `text`.
    pub fn new(text: &[u8]) -> Result<Self, RequestError> {
        let refuse = |problem: &'static str| Err(RequestError::argument("prefix", problem, text));
        if text.len() > MAX_PREFIX_BYTES {
            return refuse("longer than 64 bytes");
        }
        let is_fit = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\' | b';');
        if !text.iter().all(is_fit) {
            return refuse("only printable ASCII without blanks, quotes, backslash and ';'");
        }
        Ok(Self(text.into()))
    }

    /// The prefix as a word of a text, in which the empty one is `''` or `""`.
    pub(super) fn from_word(word: &[u8]) -> Result<Self, RequestError> {
        Self::new(if EMPTY.contains(&word) { b"" } else { word })
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Prefix {
    /// As a word of a text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.0.is_empty() { EMPTY[0] } else { &self.0 };
        f.write_str(&String::from_utf8_lossy(word))
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
