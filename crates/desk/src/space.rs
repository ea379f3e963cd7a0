//! Names of keys: a space for each kind of thing, so that policies, audits and clean-ups can speak of it by prefix.

use crate::BadName;

/// The longest id, in bytes.
pub const LONGEST_ID: usize = 200;

/// The name all keys of one kind begin with, such as `market:ticker`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Space {
    name: &'static str,
}

/// The name of one key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key(String);

impl Space {
    /// A space of 1 to 60 letters, digits, `:`, `.`, `_` and `-`, which is a legal prefix of a `KEYS.POLICY` too.
    ///
    /// In a constant a wrong name does not compile:
    /// ```compile_fail
    /// const TICKERS: redis_liq_desk::Space = redis_liq_desk::Space::new("market ticker");
    /// ```
    ///
    /// # Panics
    /// Outside of a constant, with a wrong name.
    pub const fn new(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        assert!(!bytes.is_empty() && bytes.len() <= 60, "a space has a name of 1 to 60 bytes");
        let mut rest = bytes;
        while let [byte, others @ ..] = rest {
            let legal = byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'.' | b'_' | b'-');
            assert!(legal, "the name of a space holds letters, digits, ':', '.', '_' and '-' only");
            rest = others;
        }
        Self { name }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// What its keys begin with: the name and a colon.
    pub fn prefix(self) -> String {
        format!("{}:", self.name)
    }

    /// The key of `id`: 1 to 200 bytes without blanks, braces and control characters.
    ///
    /// # Errors
    /// [`BadName`] says what the id may not hold.
    pub fn key(self, id: &str) -> Result<Key, BadName> {
        check_id(id)?;
        Ok(Key(format!("{}:{id}", self.name)))
    }
}

/// Refuses what would tear a name apart in a policy, a log line or the slots of a cluster.
pub(crate) fn check_id(id: &str) -> Result<(), BadName> {
    let refuse = |problem| Err(BadName { problem, got: id.chars().take(80).collect() });
    if id.is_empty() {
        return refuse("must not be empty");
    }
    if id.len() > LONGEST_ID {
        return refuse("must have at most 200 bytes");
    }
    if id.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
        return refuse("must hold no blanks and control characters");
    }
    if id.contains(['{', '}']) {
        return refuse("must hold no braces");
    }
    Ok(())
}

impl Key {
    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Key {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_tear_names_apart_are_refused() {
        const TICKERS: Space = Space::new("market:ticker");
        assert_eq!(TICKERS.key("BTCUSDT").map(|key| key.0), Ok("market:ticker:BTCUSDT".to_owned()));
        let long = "x".repeat(201);
        for id in ["", "a b", "a\tb", "{a}", "a}", "a\u{0}", "a\u{2003}b", long.as_str()] {
            assert!(TICKERS.key(id).is_err(), "{id:?}");
        }
        let problem = TICKERS.key("a b").map_err(|bad| bad.to_string());
        assert_eq!(problem, Err("id: must hold no blanks and control characters, got 'a b'".into()));
    }
}
