//! What can go wrong between a program and Redis, and with the names it uses.

use std::sync::Arc;

/// Why Redis did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The link is down and the command was not sent; the last failure says why.
    #[error("redis is away: {0}")]
    Away(Arc<str>),
    /// No answer within the link's time limit. The command may have been carried out.
    #[error("no answer from redis within {0} ms")]
    TimedOut(u64),
    /// The connection failed. The command may have been carried out.
    #[error("the connection to redis failed: {0}")]
    Lost(Arc<str>),
    /// The server answered with an error, such as `READONLY …`, `OOM …` or `LOADING …`, and changed nothing.
    #[error("redis refused: {0}")]
    Refused(Arc<str>),
    /// The server answered something this command never answers.
    #[error("an unexpected answer of redis: {0}")]
    Unexpected(Arc<str>),
    /// An id or a name that no key can have.
    #[error(transparent)]
    Name(#[from] BadName),
    /// A value that serde cannot write.
    #[error("the value cannot be written: {0}")]
    Encode(Arc<str>),
    /// An argument outside its range; nothing was sent.
    #[error("{0}")]
    Argument(Arc<str>),
    /// What opens a link is no address.
    #[error("{name}: {problem}")]
    Configuration {
        /// The parameter or environment variable.
        name: &'static str,
        /// What is wrong with it.
        problem: Arc<str>,
    },
}

impl Error {
    /// Whether the server itself said no: asking again at once is of no use.
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    /// Whether Redis could not be reached or did not answer; a command other than a read may have been carried out
    /// unless this is [`Error::Away`].
    pub const fn is_outage(&self) -> bool {
        matches!(self, Self::Away(_) | Self::TimedOut(_) | Self::Lost(_))
    }

    pub(crate) fn unexpected(what: impl std::fmt::Debug) -> Self {
        Self::Unexpected(format!("{what:?}").into())
    }
}

impl From<redis::RedisError> for Error {
    fn from(error: redis::RedisError) -> Self {
        match error.code() {
            Some(code) => {
                let detail = error.detail().unwrap_or_default();
                Self::Refused(format!("{code} {detail}").trim_end().into())
            }
            None if error.kind() == redis::ErrorKind::Parse => Self::Unexpected(error.to_string().into()),
            None => Self::Lost(error.to_string().into()),
        }
    }
}

impl From<redis::ServerError> for Error {
    fn from(error: redis::ServerError) -> Self {
        redis::RedisError::from(error).into()
    }
}

/// An id that no key of a [`Space`](crate::Space) can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("id: {problem}, got '{got}'")]
pub struct BadName {
    pub(crate) problem: &'static str,
    pub(crate) got: String,
}
