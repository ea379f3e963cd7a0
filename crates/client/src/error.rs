//! What can go wrong, told apart by type: refusals of the module, and everything redis-rs reports.

use redis::{ErrorKind, RedisError, RetryMethod, ServerErrorKind};

/// The result of a command.
pub type Result<T> = std::result::Result<T, Error>;

/// A failed command.
///
/// The module's refusals are told apart by what they say; connection trouble, redirections and everything else that is
/// not the module's own is [`Error::Redis`]. A refused command changed nothing on the server.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// One argument is not acceptable: `ERR item 3: price: not a number, got 'x'`.
    #[error("{}{argument}: {problem}, got '{got}'", item.map(|place| format!("item {place}: ")).unwrap_or_default())]
    Refused {
        /// The argument, as the command's documentation names it.
        argument: String,
        /// What is wrong with it.
        problem: String,
        /// What the server received, cut at 64 bytes and escaped.
        got: String,
        /// 1-based place of the batch item the argument belongs to.
        item: Option<usize>,
    },
    /// The key holds another type.
    #[error("the key holds a value of another type")]
    WrongType,
    /// `LIQ.INFO`, `LIQ.ALTER`, `LIQ.DIGEST`, `LIQ.RESET` or `RL.INFO` of a key that does not exist.
    #[error("no such key")]
    NoSuchKey,
    /// `LIQ.CREATE` of a key that exists.
    #[error("key already exists")]
    KeyExists,
    /// `RL.CHECK` or `RL.PEEK` of a key without stored limits, and none were given.
    #[error("{0}")]
    NoLimits(String),
    /// The server is out of memory, and the command would have created a key.
    #[error("out of memory: {0}")]
    OutOfMemory(String),
    /// The module had an internal fault; it was contained, and the server logged it.
    #[error("{0}")]
    Internal(String),
    /// The server does not know the command: the module is not loaded there, or is older than this client.
    #[error("the server does not know this command; is the redis-liq module loaded? ({0})")]
    NotLoaded(String),
    /// The user may not run the command, or not on this key.
    #[error("no permission: {0}")]
    NoPermission(String),
    /// An event that the module would refuse, found before it was sent.
    #[error("{0}")]
    InvalidEvent(#[from] crate::InvalidEvent),
    /// The spool of a `SpooledBatcher` cannot be read just now; what lies in it waits until it can.
    #[cfg(feature = "spool")]
    #[error("{0}")]
    Spool(String),
    /// Anything else: the connection, the cluster, a reply that is not understood.
    #[error(transparent)]
    Redis(RedisError),
}

impl Error {
    /// Whether the same command may succeed when it is sent again later: the connection broke, the server is loading,
    /// a failover is going on, memory is short.
    ///
    /// An adding command that failed this way may have been carried out already. Send it again only as a batch with
    /// [`BatchOptions::producer`](crate::BatchOptions::producer), which the server counts once.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::OutOfMemory(_) => true,
            Self::Redis(error) => {
                error.is_io_error()
                    || matches!(error.code(), Some("BUSY" | "NOREPLICAS" | "MISCONF" | "UNKILLABLE"))
                    || !matches!(error.retry_method(), RetryMethod::NoRetry)
            }
            _ => false,
        }
    }
}

impl Error {
    /// The refusal that the server would answer with.
    pub(crate) fn refused(error: liq_core::grammar::RequestError) -> Self {
        let text = error.to_string();
        refusal(&text).unwrap_or(Self::Internal(text))
    }
}

impl From<RedisError> for Error {
    fn from(error: RedisError) -> Self {
        let detail = error.detail().unwrap_or_default();
        match (error.kind(), error.code()) {
            (ErrorKind::Server(ServerErrorKind::ResponseError), _) => {
                refusal(detail).unwrap_or_else(|| Self::Redis(error))
            }
            (_, Some("WRONGTYPE")) => Self::WrongType,
            (_, Some("OOM")) => Self::OutOfMemory(detail.to_owned()),
            (_, Some("NOPERM")) => Self::NoPermission(detail.to_owned()),
            _ => Self::Redis(error),
        }
    }
}

impl From<redis::ParsingError> for Error {
    fn from(error: redis::ParsingError) -> Self {
        Self::Redis(error.into())
    }
}

/// The meaning of the text behind `ERR `, when it is one of the module's.
fn refusal(text: &str) -> Option<Error> {
    match text {
        "no such key" => return Some(Error::NoSuchKey),
        "key already exists" => return Some(Error::KeyExists),
        _ => {}
    }
    if text.starts_with("unknown command") {
        return Some(Error::NotLoaded(text.to_owned()));
    }
    if text.starts_with("internal error") {
        return Some(Error::Internal(text.to_owned()));
    }
    if text.starts_with("no limits") {
        return Some(Error::NoLimits(text.to_owned()));
    }
    refused_argument(text)
}

/// Takes `item 3: price: not a number, got 'x'` apart.
fn refused_argument(text: &str) -> Option<Error> {
    let (item, rest) = match text.strip_prefix("item ").and_then(|rest| rest.split_once(": ")) {
        Some((place, rest)) => (Some(place.parse().ok()?), rest),
        None => (None, text),
    };
    let (argument, rest) = rest.split_once(": ")?;
    // The value may hold anything, the text `, got '` included; the problem does not.
    let (problem, got) = rest.split_once(", got '")?;
    let got = got.strip_suffix('\'')?;
    Some(Error::Refused { argument: argument.to_owned(), problem: problem.to_owned(), got: got.to_owned(), item })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    fn error_of(line: &str) -> Error {
        let value = redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap();
        value.extract_error().unwrap_err().into()
    }

    fn refused(argument: &str, problem: &str, got: &str, item: Option<usize>) -> Error {
        Error::Refused { argument: argument.into(), problem: problem.into(), got: got.into(), item }
    }

    #[test]
    fn the_modules_refusals_are_told_apart() {
        let cases = [
            ("ERR price: not a number, got 'x'", refused("price", "not a number", "x", None)),
            (
                "ERR item 3: price: must be 1e-12 to 1e15, got '0'",
                refused("price", "must be 1e-12 to 1e15", "0", Some(3)),
            ),
            (
                "ERR SIDE: neither buy nor sell, got 'a, got 'b''",
                refused("SIDE", "neither buy nor sell", "a, got 'b'", None),
            ),
            ("ERR no such key", Error::NoSuchKey),
            ("ERR key already exists", Error::KeyExists),
            (
                "ERR no limits: give LIMIT, or RL.CREATE first",
                Error::NoLimits("no limits: give LIMIT, or RL.CREATE first".into()),
            ),
            ("ERR unknown command 'LIQ.ADD'", Error::NotLoaded("unknown command 'LIQ.ADD'".into())),
            ("ERR internal error in LIQ.ADD", Error::Internal("internal error in LIQ.ADD".into())),
            ("WRONGTYPE Operation against a key", Error::WrongType),
            ("OOM command not allowed", Error::OutOfMemory("command not allowed".into())),
            ("NOPERM this user has no permissions", Error::NoPermission("this user has no permissions".into())),
        ];
        for (line, expected) in cases {
            assert_eq!(error_of(line), expected, "{line}");
        }
    }

    #[test]
    fn what_is_not_the_modules_stays_an_error_of_redis() {
        for line in ["ERR wrong number of arguments for 'liq.add' command", "LOADING wait", "MOVED 1 localhost:1"] {
            assert!(matches!(error_of(line), Error::Redis(_)), "{line}");
        }
    }

    #[test]
    fn only_what_may_pass_later_is_transient() {
        let cases = [
            ("LOADING wait", true),
            ("CLUSTERDOWN gone", true),
            ("TRYAGAIN soon", true),
            ("OOM full", true),
            ("READONLY replica", true),
            ("BUSY script", true),
            ("ERR price: not a number, got 'x'", false),
            ("WRONGTYPE no", false),
            ("NOPERM no", false),
        ];
        for (line, transient) in cases {
            assert_eq!(error_of(line).is_transient(), transient, "{line}");
        }
        let broken = RedisError::from(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
        assert!(Error::from(broken).is_transient());
    }

    #[test]
    fn an_error_reads_as_the_server_wrote_it() {
        assert_eq!(error_of("ERR item 3: price: too small, got '0'").to_string(), "item 3: price: too small, got '0'");
    }
}
