//! What can stand between this program and the server, said so that a person knows what to do.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::names::sentence;

/// Why the server cannot be shown.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Trouble {
    /// The address is none.
    #[error("--redis-url (or REDIS_URL): the address is none: {0}; it looks like redis://localhost:6379/0")]
    Address(String),
    /// Nobody answers, or no longer.
    #[error("{address} does not answer: {why}")]
    Unreachable {
        /// Where, without name and password.
        address: String,
        /// What the system says.
        why: String,
    },
    /// The server loads its data, waits for its primary, or is busy with a script.
    #[error("{address} is not ready: {why}")]
    NotReady {
        /// Where.
        address: String,
        /// What the server says.
        why: String,
    },
    /// The server refuses name or password.
    #[error("{address} refuses the login: {why}")]
    Login {
        /// Where.
        address: String,
        /// What the server says.
        why: String,
    },
    /// The server has no module.
    #[error("{address} has no module redis-liq: load it with `loadmodule libliq.so`")]
    NoModule {
        /// Where.
        address: String,
    },
    /// The module lacks a command.
    #[error("the module of {address} is of another version: it has no {command}, which this liq-top reads")]
    Version {
        /// Where.
        address: String,
        /// What is missing.
        command: String,
    },
    /// The user may not do what everything stands on.
    #[error("the user of {address} may not: {why}; docs/liq-top.md has the rule of a user who may")]
    Permission {
        /// Where.
        address: String,
        /// What the server says.
        why: String,
    },
    /// The server has no such series, or several.
    #[error("{address} has {}", which(.symbol, .keys))]
    Symbol {
        /// Where.
        address: String,
        /// What was asked for, safe to show.
        symbol: String,
        /// The keys that it could mean, safe to show.
        keys: Vec<String>,
    },
    /// Something was answered that nobody expected.
    #[error("{address}: {why}")]
    Other {
        /// Where.
        address: String,
        /// What.
        why: String,
    },
}

impl Trouble {
    /// What an error of the connection means.
    pub fn of(address: &str, error: &RedisError) -> Self {
        let (address, why) = (address.to_owned(), describe(error));
        match error.kind() {
            ErrorKind::AuthenticationFailed => Self::Login { address, why },
            ErrorKind::Server(ServerErrorKind::NoPerm) => Self::Permission { address, why },
            ErrorKind::Server(ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown) => {
                Self::NotReady { address, why }
            }
            _ if error.code() == Some("BUSY") => Self::NotReady { address, why },
            _ if matches!(error.code(), Some("NOAUTH" | "WRONGPASS")) => Self::Login { address, why },
            ErrorKind::Server(_) | ErrorKind::Extension => Self::Other { address, why },
            ErrorKind::MasterNameNotFoundBySentinel => {
                Self::Other { address, why: "the sentinels know no such name".into() }
            }
            _ => Self::Unreachable { address, why },
        }
    }
}

fn which(symbol: &str, keys: &[String]) -> String {
    match keys {
        [] => format!("no series of '{symbol}'"),
        _ => format!("several series of '{symbol}', name one by its key: {}", keys.join(", ")),
    }
}

/// What a server's refusal says, in one safe line.
pub fn describe(error: &RedisError) -> String {
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => sentence(&format!("{code} {detail}")),
        _ => sentence(&error.to_string()),
    }
}

/// Whether the server does not know the command.
pub fn is_unknown_command(error: &RedisError) -> bool {
    error.detail().is_some_and(|detail| detail.starts_with("unknown command"))
}
