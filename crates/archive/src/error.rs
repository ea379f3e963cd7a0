//! What stops an archiver, or makes it wait.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder cannot be used.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A file is no archive, or a broken one.
    #[error("{path}: {problem}")]
    Content {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Another archiver writes to this folder.
    #[error("{0}: another liq-archive is at work here")]
    Locked(PathBuf),
    /// Redis erred or is away.
    #[error("redis: {0}")]
    Redis(#[from] redis::RedisError),
    /// Redis answered something that this command never answers.
    #[error("an unexpected answer of redis to {0}")]
    Unexpected(&'static str),
    /// What was asked for makes no sense.
    #[error("{0}")]
    Argument(String),
}

impl Error {
    /// Whether other streams would fail likewise: Redis is away or not ready, the disk is full.
    pub fn is_of_all_streams(&self) -> bool {
        match self {
            // What has a code is an answer; without one the connection is of no more use.
            Self::Redis(error) => error
                .code()
                .is_none_or(|code| ["LOADING", "MASTERDOWN", "CLUSTERDOWN", "BUSY", "NOAUTH"].contains(&code)),
            Self::File { error, .. } => matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded),
            _ => false,
        }
    }

    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |error| Self::File { path: path.to_owned(), error }
    }

    pub(crate) fn content(path: &Path) -> impl Fn(parquet::errors::ParquetError) -> Self + '_ {
        move |error| match error {
            // A full disk comes back wrapped.
            parquet::errors::ParquetError::External(source) => match source.downcast::<std::io::Error>() {
                Ok(error) => Self::File { path: path.to_owned(), error: *error },
                Err(source) => Self::Content { path: path.to_owned(), problem: source.to_string() },
            },
            other => Self::Content { path: path.to_owned(), problem: other.to_string() },
        }
    }
}
