//! What groups of keys are called.

use crate::keys::policy::Prefix;

/// Longer names of keys are cut here, and end with `…`.
pub const MAX_NAME_BYTES: usize = 128;

/// `name`, cut to [`MAX_NAME_BYTES`].
pub fn cut(name: &[u8]) -> Vec<u8> {
    match name.get(..MAX_NAME_BYTES) {
        Some(head) if head.len() < name.len() => [head, "…".as_bytes()].concat(),
        _ => name.to_vec(),
    }
}

/// Which keys a group holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// Those that the policy of this prefix rules.
    Policy(Prefix),
    /// Those without policy in this namespace, whose delimiter is its end; cut like a name.
    Namespace(Vec<u8>),
    /// Those without policy and without namespace.
    Bare,
    /// Those of the namespaces that came when there were groups enough.
    Other,
}

impl Label {
    /// The name in a report.
    pub fn name(&self) -> &[u8] {
        match self {
            Self::Policy(prefix) => prefix.as_bytes(),
            Self::Namespace(name) => name,
            Self::Bare => b"(none)",
            Self::Other => b"(other)",
        }
    }
}
