//! Asking a venue over HTTP, through its proxy where it has one.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::config::VenueConfig;

const TIMEOUT: Duration = Duration::from_secs(15);
/// The longest that a venue is left alone; Binance bans for up to three days.
const LONGEST_WAIT: Duration = Duration::from_secs(3 * 86_400);
/// How often a venue is asked for the same that wants to be left alone each time.
const MOST_QUESTIONS: usize = 4;
/// The largest answer that is read.
const LARGEST_ANSWER: u64 = 32 << 20;

/// Why an answer could not be had.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// The request failed.
    #[error("{0}")]
    Http(#[from] Box<ureq::Error>),
    /// The venue refuses.
    #[error("http status: {0}")]
    Status(u16),
    /// The venue refuses, and wants to be left alone for so long.
    #[error("http status: {0}, to be asked again in {1:?}")]
    Busy(u16, Duration),
    /// The answer is of another shape.
    #[error("unexpected answer: {0}")]
    Shape(&'static str),
    /// Every part of it failed.
    #[error("{0}")]
    Parts(String),
}

impl RestError {
    /// How long the venue wants to be left alone; nothing where it says nothing about it.
    pub const fn wait(&self) -> Duration {
        match self {
            Self::Busy(_, wait) => *wait,
            _ => Duration::ZERO,
        }
    }
}

/// How long `Retry-After` asks one to wait, in seconds or until a date (RFC 9110, 10.2.3); never longer than the longest
/// ban of a venue.
pub fn wait_of(retry_after: &str, now: SystemTime) -> Option<Duration> {
    let text = retry_after.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default(),
    };
    Some(wait.min(LONGEST_WAIT))
}

/// Asks on a thread that may block, and again after as long as the venue wants to be left alone.
pub async fn asked<T: Send + 'static>(
    question: impl Fn() -> Result<T, RestError> + Clone + Send + 'static,
) -> Result<T, String> {
    for _ in 1..MOST_QUESTIONS {
        match tokio::task::spawn_blocking(question.clone()).await.map_err(|error| error.to_string())? {
            Err(RestError::Busy(status, wait)) => {
                tracing::info!(status, ?wait, "the venue wants to be left alone");
                tokio::time::sleep(wait).await;
            }
            answer => return answer.map_err(|error| error.to_string()),
        }
    }
    let last = tokio::task::spawn_blocking(question).await.map_err(|error| error.to_string())?;
    last.map_err(|error| error.to_string())
}

/// A venue's REST interface.
pub struct Rest {
    agent: ureq::Agent,
    base: String,
}

impl Rest {
    /// As the venue is configured, else at `default`.
    pub fn new(config: &VenueConfig, default: &str) -> Result<Self, RestError> {
        let mut settings = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).http_status_as_error(false);
        if let Some(proxy) = &config.proxy {
            settings = settings.proxy(Some(ureq::Proxy::new(proxy.reveal()).map_err(Box::new)?));
        }
        let base = config.rest_url.as_deref().unwrap_or(default).trim_end_matches('/').to_owned();
        Ok(Self { agent: settings.build().into(), base })
    }

    /// Gets a JSON value; `path` begins with a slash. Blocks until the venue has answered.
    pub fn get(&self, path: &str) -> Result<Value, RestError> {
        self.get_timed(path).map(|(value, _)| value)
    }

    /// Gets a JSON value and the venue's time as the answer's header tells it, Unix milliseconds.
    pub fn get_timed(&self, path: &str) -> Result<(Value, Option<u64>), RestError> {
        let mut response = self.agent.get(format!("{}{path}", self.base)).call().map_err(Box::new)?;
        let status = response.status();
        if status.is_client_error() || status.is_server_error() {
            let after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
            let wait = after.and_then(|after| wait_of(after, SystemTime::now()));
            return Err(wait.map_or(RestError::Status(status.as_u16()), |wait| RestError::Busy(status.as_u16(), wait)));
        }
        let date = response.headers().get("date").and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
        let since_epoch = date.and_then(|date| date.duration_since(SystemTime::UNIX_EPOCH).ok());
        let told_ms = since_epoch.map(|since| since.as_secs() * 1_000);
        let bytes = response.body_mut().with_config().limit(LARGEST_ANSWER).read_to_vec().map_err(Box::new)?;
        Ok((serde_json::from_slice(&bytes).map_err(|_| RestError::Shape("not JSON"))?, told_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (text, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:51:37 GMT", Some(120)),
            ("Sunday, 06-Nov-94 08:51:37 GMT", Some(120)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("Sat, 06 Nov 2094 08:00:00 GMT", Some(3 * 86_400)),
            ("18446744073709551615", Some(3 * 86_400)),
            ("18446744073709551616", None),
            ("soon", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(wait_of(text, now), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
