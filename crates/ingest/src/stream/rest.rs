//! Asking a venue over HTTP, through its proxy where it has one.

use std::time::Duration;

use serde_json::Value;

use crate::config::VenueConfig;

const TIMEOUT: Duration = Duration::from_secs(15);
/// The largest answer that is read.
const LARGEST_ANSWER: u64 = 32 << 20;

/// Why an answer could not be had.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// The request failed.
    #[error("{0}")]
    Http(#[from] Box<ureq::Error>),
    /// The answer is of another shape.
    #[error("unexpected answer: {0}")]
    Shape(&'static str),
}

/// A venue's REST interface.
pub struct Rest {
    agent: ureq::Agent,
    base: String,
}

impl Rest {
    /// As the venue is configured, else at `default`.
    pub fn new(config: &VenueConfig, default: &str) -> Result<Self, RestError> {
        let mut settings = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT));
        if let Some(proxy) = &config.proxy {
            settings = settings.proxy(Some(ureq::Proxy::new(proxy.reveal()).map_err(Box::new)?));
        }
        let base = config.rest_url.as_deref().unwrap_or(default).trim_end_matches('/').to_owned();
        Ok(Self { agent: settings.build().into(), base })
    }

    /// Gets a JSON value; `path` begins with a slash. Blocks until the venue has answered.
    pub fn get(&self, path: &str) -> Result<Value, RestError> {
        let mut response = self.agent.get(format!("{}{path}", self.base)).call().map_err(Box::new)?;
        let bytes = response.body_mut().with_config().limit(LARGEST_ANSWER).read_to_vec().map_err(Box::new)?;
        serde_json::from_slice(&bytes).map_err(|_| RestError::Shape("not JSON"))
    }
}
