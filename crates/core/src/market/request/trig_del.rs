//! `TRIG.DEL key id [id …] | PREFIX p`

use super::trig_set::trigger_id;
use crate::grammar::{Args, RequestError};
use crate::market::triggers::MAX_ID_BYTES;

/// The arguments of `TRIG.DEL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeleteTriggers<'a> {
    /// Those of these ids.
    Ids(Vec<&'a [u8]>),
    /// Those whose id begins so.
    Prefix(&'a [u8]),
}

impl<'a> DeleteTriggers<'a> {
    /// Reads the arguments behind the key. `PREFIX` and one argument behind it are a prefix; anywhere else it is an id.
    pub fn parse(mut args: Args<'a>) -> Result<Self, RequestError> {
        if args.len() == 2 && args.take_keyword("PREFIX") {
            return prefix(args.required()?).map(Self::Prefix);
        }
        let mut ids = vec![trigger_id("id", args.required()?)?];
        while let Some(id) = args.next() {
            ids.push(trigger_id("id", id)?);
        }
        Ok(Self::Ids(ids))
    }

    /// The inverse of [`DeleteTriggers::parse`].
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        match self {
            Self::Ids(ids) => ids.iter().map(|id| id.to_vec()).collect(),
            Self::Prefix(prefix) => vec![b"PREFIX".to_vec(), prefix.to_vec()],
        }
    }
}

/// The begin of ids; the empty one is that of all.
pub(super) fn prefix(text: &[u8]) -> Result<&[u8], RequestError> {
    if text.len() <= MAX_ID_BYTES {
        Ok(text)
    } else {
        Err(RequestError::argument("PREFIX", format!("longer than {MAX_ID_BYTES} bytes"), text))
    }
}
