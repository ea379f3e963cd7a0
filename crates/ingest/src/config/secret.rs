//! Addresses that may hold a password, which nothing prints.

use std::fmt;

/// A URL whose password is hidden from `Debug` and `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(String);

impl SecretUrl {
    /// The URL with its password, for the one who connects.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretUrl {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("", &self.0));
        // The host begins behind the last @ of the authority; a password may hold one too. Parameters may hold secrets.
        let rest = rest.split_once('?').map_or(rest, |(address, _)| address);
        let shown = match rest.rsplit_once('@') {
            Some((user, host)) => {
                let user = user.split_once(':').map_or("", |(user, _)| user);
                format!("{user}:***@{host}")
            }
            None => rest.to_owned(),
        };
        write!(f, "{scheme}{}{shown}", if scheme.is_empty() { "" } else { "://" })
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown() {
        let cases = [
            ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
            ("redis://:hunter2@host", "redis://:***@host"),
            ("rediss://bot:hunter2@host:6380/1", "rediss://bot:***@host:6380/1"),
            ("redis://bot:hunt@er2@host", "redis://bot:***@host"),
            ("redis://hunter2@host", "redis://:***@host"),
            ("unix:///run/redis.sock?pass=hunter2", "unix:///run/redis.sock"),
        ];
        for (url, shown) in cases {
            let url = SecretUrl::from(url.to_owned());
            assert_eq!((url.to_string(), format!("{url:?}")), (shown.to_owned(), shown.to_owned()));
        }
    }
}
