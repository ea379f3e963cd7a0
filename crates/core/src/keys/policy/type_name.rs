//! The name of a key's type, as the server's TYPE answers it.

use std::fmt;

use crate::grammar::RequestError;

/// The longest name: that of a module's type.
const LONGEST: usize = 9;

/// The types that every server has.
const BUILT_IN: [&str; 6] = ["string", "list", "set", "zset", "hash", "stream"];

/// A type's name, at most nine bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeName {
    bytes: [u8; LONGEST],
    len: u8,
}

impl TypeName {
    /// The name `text`; what is longer than any type's name is cut.
    pub fn new(text: &[u8]) -> Self {
        let mut bytes = [0; LONGEST];
        let len = bytes.iter_mut().zip(text).map(|(place, byte)| *place = *byte).count();
        Self { bytes, len: len as u8 }
    }

    /// A name in a policy: a type of the server's, or one that a module could have, which are of nine letters, digits,
    /// `-` and `_`.
    pub(super) fn parse(text: &[u8]) -> Result<Self, RequestError> {
        let lower = text.to_ascii_lowercase();
        if let Some(name) = BUILT_IN.iter().find(|name| name.as_bytes() == lower) {
            return Ok(Self::new(name.as_bytes()));
        }
        let is_modules = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if text.len() == LONGEST && text.iter().all(is_modules) {
            return Ok(Self::new(text));
        }
        Err(RequestError::argument("TYPE", "no type, neither of the server's nor of a module's nine letters", text))
    }

    /// The name as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Whether keys of the type hold elements that the server counts.
    pub fn has_items(&self) -> bool {
        matches!(self.as_bytes(), b"list" | b"set" | b"zset" | b"hash" | b"stream")
    }
}

impl fmt::Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.as_bytes()))
    }
}

impl fmt::Debug for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
