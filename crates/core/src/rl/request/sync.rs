//! `RL.SYNC key PERIOD d [SLIDING|ALIGNED] USED n [AT ts] [FORCE]`

use super::limits::{amount, period_ms, push_kind, take_kind};
use crate::grammar::{Args, RequestError, format_duration, set_once, timestamp_ms};
use crate::rl::limiter::{Kind, Used};

/// The arguments of `RL.SYNC`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sync {
    /// The limit, and what is used of it.
    pub told: Used,
    /// When that was so, Unix milliseconds; now without it.
    pub at_ms: Option<u64>,
}

impl Sync {
    /// Reads the arguments behind the key.
    pub fn parse(mut args: Args<'_>) -> Result<Self, RequestError> {
        let (mut period, mut used, mut at_ms, mut kind, mut force) = (None, None, None, None, false);
        while let Some(arg) = args.peek() {
            if args.take_keyword("PERIOD") {
                set_once(&mut period, "PERIOD", &mut args, period_ms)?;
            } else if args.take_keyword("USED") {
                set_once(&mut used, "USED", &mut args, |name, text| amount(name, text, 0))?;
            } else if args.take_keyword("AT") {
                set_once(&mut at_ms, "AT", &mut args, timestamp_ms)?;
            } else if args.take_keyword("FORCE") {
                if std::mem::replace(&mut force, true) {
                    return Err(RequestError::repeated("FORCE", arg));
                }
            } else if !take_kind(&mut kind, &mut args)? {
                return Err(RequestError::unknown_option(arg));
            }
        }
        let (Some(period_ms), Some(used)) = (period, used) else { return Err(RequestError::Arity) };
        let told = Used { kind: kind.unwrap_or(Kind::Gcra), period_ms, used, force };
        Ok(Self { told, at_ms })
    }

    /// The inverse of [`Sync::parse`].
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        let mut out = vec![b"PERIOD".to_vec(), format_duration(self.told.period_ms).into_bytes()];
        push_kind(&mut out, self.told.kind);
        out.extend([b"USED".to_vec(), self.told.used.to_string().into_bytes()]);
        if let Some(at_ms) = self.at_ms {
            out.extend([b"AT".to_vec(), at_ms.to_string().into_bytes()]);
        }
        if self.told.force {
            out.push(b"FORCE".to_vec());
        }
        out
    }
}
