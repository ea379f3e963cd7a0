//! Why a command is refused, and the reply each refusal becomes.

use std::borrow::Cow;

use liq_core::grammar::RequestError;
use liq_core::liq::reading::ReadError;
use liq_core::liq::series::{AlterError, OptionsError};

use crate::ffi::{CommandInfo, Context, Refuse};

/// A command that did nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The arguments are not acceptable.
    Request(RequestError),
    /// The key holds another type.
    WrongType,
    /// The key is missing, and the command cannot do without.
    NoSuchKey,
    /// The key is there, and the command wants to make it.
    KeyExists,
    /// The key would have to be made while the server is above its `maxmemory`.
    OutOfMemory,
    /// A client sent what only replication and the append-only file may carry.
    InternalCommand,
    /// The caller's access rules forbid it.
    NoPermission(Cow<'static, str>),
    /// A panic was caught.
    Internal,
    /// Anything else, in words behind `ERR `.
    Because(Cow<'static, str>),
}

impl From<RequestError> for Refusal {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        Self::because(error)
    }
}

impl From<liq_core::market::reading::ReadError> for Refusal {
    fn from(error: liq_core::market::reading::ReadError) -> Self {
        Self::because(error)
    }
}

impl From<liq_core::market::store::OptionsError> for Refusal {
    fn from(error: liq_core::market::store::OptionsError) -> Self {
        Self::because(error)
    }
}

impl From<AlterError> for Refusal {
    fn from(error: AlterError) -> Self {
        Self::because(error)
    }
}

impl From<OptionsError> for Refusal {
    fn from(error: OptionsError) -> Self {
        Self::because(error)
    }
}

impl Refusal {
    /// A refusal in the words of `problem`.
    pub fn because(problem: impl ToString) -> Self {
        Self::Because(problem.to_string().into())
    }

    fn message(&self, command: &CommandInfo) -> Cow<'static, str> {
        let command = || command.name.to_string_lossy();
        match self {
            Self::Request(error) => format!("ERR {error}").into(),
            Self::WrongType => "WRONGTYPE Operation against a key holding the wrong kind of value".into(),
            Self::NoSuchKey => "ERR no such key".into(),
            Self::KeyExists => "ERR key already exists".into(),
            Self::OutOfMemory => "OOM command not allowed when used memory > 'maxmemory'.".into(),
            Self::InternalCommand => format!("ERR {} is for replication only", command()).into(),
            Self::NoPermission(what) => format!("NOPERM {what}").into(),
            Self::Internal => format!("ERR internal error in {}; the server's log has the details", command()).into(),
            Self::Because(problem) => format!("ERR {problem}").into(),
        }
    }
}

impl Refuse for Refusal {
    fn internal_command() -> Self {
        Self::InternalCommand
    }

    fn internal_error() -> Self {
        Self::Internal
    }

    fn answer(&self, context: &Context<'_>, command: &CommandInfo) {
        match self {
            Self::Request(RequestError::Arity) => context.reply_wrong_arity(),
            refusal => context.reply_error(&refusal.message(command)),
        }
    }
}
