//! The link that environment variables describe.

use std::time::Duration;

use redis::IntoConnectionInfo;

use crate::link::{ATTEMPTS, TIME_LIMIT};
use crate::{Error, Link};

impl Link {
    /// The link that the environment describes: `REDIS_URL` (default `redis://127.0.0.1:6379/`), `REDIS_PASSWORD`,
    /// `REDIS_DB`, `REDIS_TIMEOUT` (milliseconds for a command, 1 to 60,000) and `REDIS_RETRY_ATTEMPTS` (failures in a
    /// row until the link is down, 1 to 1,000).
    ///
    /// # Errors
    /// [`Error::Configuration`] names the variable that is wrong.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let wrong = |name| move |problem: String| Error::Configuration { name, problem: problem.into() };
        let number = |name: &'static str, default: u64, range: std::ops::RangeInclusive<u64>| match variable(name) {
            None => Ok(default),
            Some(text) => match text.trim().parse::<u64>() {
                Ok(number) if range.contains(&number) => Ok(number),
                _ => Err(wrong(name)(format!("must be {} to {}, got '{text}'", range.start(), range.end()))),
            },
        };
        let url = variable("REDIS_URL").unwrap_or_else(|| "redis://127.0.0.1:6379/".into());
        let info = url.as_str().into_connection_info().map_err(|error| wrong("REDIS_URL")(error.to_string()))?;
        let mut settings = info.redis_settings().clone();
        if let Some(password) = variable("REDIS_PASSWORD").filter(|password| !password.is_empty()) {
            settings = settings.set_password(password);
        }
        if variable("REDIS_DB").is_some() {
            settings = settings.set_db(number("REDIS_DB", 0, 0..=1_000_000)? as i64);
        }
        let limit = number("REDIS_TIMEOUT", TIME_LIMIT.as_millis() as u64, 1..=60_000)?;
        let attempts = number("REDIS_RETRY_ATTEMPTS", u64::from(ATTEMPTS), 1..=1_000)?;
        let client = redis::Client::open(info.set_redis_settings(settings));
        let client = client.map_err(|error| wrong("REDIS_URL")(error.to_string()))?;
        Ok(Self::to_client(client, Duration::from_millis(limit), attempts as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(variables: &[(&str, &str)]) -> String {
        let variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned());
        Link::from_variables(variable).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_wrong_variable_is_named() {
        assert_eq!(problem(&[]), "");
        assert_eq!(problem(&[("REDIS_URL", "redis://desk:6380/2"), ("REDIS_TIMEOUT", "1000"), ("REDIS_DB", "3")]), "");
        assert!(problem(&[("REDIS_URL", "desk:6380")]).starts_with("REDIS_URL: "));
        assert_eq!(problem(&[("REDIS_TIMEOUT", "0")]), "REDIS_TIMEOUT: must be 1 to 60000, got '0'");
        assert_eq!(problem(&[("REDIS_DB", "x")]), "REDIS_DB: must be 0 to 1000000, got 'x'");
        assert_eq!(problem(&[("REDIS_RETRY_ATTEMPTS", "-1")]), "REDIS_RETRY_ATTEMPTS: must be 1 to 1000, got '-1'");
    }
}
