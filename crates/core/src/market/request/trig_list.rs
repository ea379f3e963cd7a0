//! `TRIG.LIST key [ID id | PREFIX p] [AFTER arming] [COUNT 100]`

use super::trig_del::prefix;
use super::trig_set::trigger_id;
use crate::grammar::{Args, MAX_INTEGER, RequestError, integer, push_option, set_once};
use crate::market::triggers::Which;

/// How many triggers are listed unless it is said.
pub const DEFAULT_TRIGGERS: u64 = 100;

/// Most triggers listed at once.
pub const MAX_LISTED: u64 = 1000;

/// The arguments of `TRIG.LIST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListTriggers<'a> {
    /// Which are asked for.
    pub which: Which<'a>,
    /// Only later armings.
    pub after: Option<u64>,
    /// At most so many.
    pub count: Option<u64>,
}

impl<'a> ListTriggers<'a> {
    /// Reads the arguments behind the key.
    pub fn parse(mut args: Args<'a>) -> Result<Self, RequestError> {
        let mut request = Self { which: Which::All, after: None, count: None };
        while let Some(arg) = args.peek() {
            if args.take_keyword("AFTER") {
                set_once(&mut request.after, "AFTER", &mut args, |name, text| {
                    integer(name, text, 0..=MAX_INTEGER.cast_signed()).map(i64::cast_unsigned)
                })?;
            } else if args.take_keyword("COUNT") {
                set_once(&mut request.count, "COUNT", &mut args, |name, text| {
                    integer(name, text, 1..=MAX_LISTED.cast_signed()).map(i64::cast_unsigned)
                })?;
            } else {
                let which = if args.take_keyword("ID") {
                    Which::Id(trigger_id("ID", args.value_of("ID")?)?)
                } else if args.take_keyword("PREFIX") {
                    Which::Prefix(prefix(args.value_of("PREFIX")?)?)
                } else {
                    return Err(RequestError::unknown_option(arg));
                };
                if std::mem::replace(&mut request.which, which) != Which::All {
                    return Err(RequestError::argument(
                        "ID",
                        "ID and PREFIX do not go together, and each is given once",
                        arg,
                    ));
                }
            }
        }
        Ok(request)
    }

    /// The inverse of [`ListTriggers::parse`].
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        let mut out = match self.which {
            Which::All => Vec::new(),
            Which::Id(id) => vec![b"ID".to_vec(), id.to_vec()],
            Which::Prefix(prefix) => vec![b"PREFIX".to_vec(), prefix.to_vec()],
        };
        push_option(&mut out, "AFTER", self.after);
        push_option(&mut out, "COUNT", self.count);
        out
    }
}
