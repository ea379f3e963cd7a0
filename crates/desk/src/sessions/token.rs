//! What a client shows to be known again. Redis holds only its SHA-256: a dump opens no session.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::Error;

/// 128 random bits as 32 hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    pub(super) fn random() -> Result<Self, Error> {
        let mut bits = [0; 16];
        getrandom::fill(&mut bits).map_err(|error| Error::Unexpected(format!("no randomness: {error}").into()))?;
        Ok(Self(hex(&bits)))
    }

    /// What a client sent, when it can be a token at all.
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == 32 && text.bytes().all(is_hex)).then(|| Self(text.to_owned()))
    }

    /// For the client, and for nobody else: no log, no key.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn hash(&self) -> String {
        hex(&Sha256::digest(self.0.as_bytes()))
    }
}

/// Who has it is in.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may stop")]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_random_and_shown_to_nobody() {
        let token = Token::random().unwrap();
        assert_eq!(Token::parse(token.as_str()), Some(token.clone()));
        assert_ne!(token, Token::random().unwrap());
        assert_eq!(format!("{token:?}"), "Token(…)");
        assert!(token.hash().len() == 64 && !token.hash().contains(token.as_str()));
        for text in ["", "x", &"g".repeat(32), &"A".repeat(32), &"a".repeat(33), "a b"] {
            assert_eq!(Token::parse(text), None);
        }
    }
}
