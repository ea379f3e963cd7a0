//! One policy: what keys under its prefix must be like.

use std::fmt;

use super::{Prefix, Rule, TypeName};
use crate::grammar::{
    Args, MAX_INTEGER, RequestError, bytes, duration_ms, format_bytes, format_duration, integer, set_once,
};

/// The longest duration of a rule: 3660 days.
pub const MAX_DURATION_MS: u64 = 3660 * 86_400_000;

/// Most types of one policy: more than there are.
const MAX_TYPES: usize = 32;

/// Whether keys must have an expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ttl {
    /// They must have none.
    Never,
    /// They must have one; this long, ms, is given to those without, where the policy is applied.
    After(u64),
}

/// What keys under a prefix must be like. Every policy keeps invariant 2 of the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    prefix: Prefix,
    pub(super) ttl: Option<Ttl>,
    pub(super) max_ttl_ms: Option<u64>,
    pub(super) types: Vec<TypeName>,
    pub(super) max_bytes: Option<u64>,
    pub(super) max_items: Option<u64>,
    pub(super) idle_ms: Option<u64>,
    apply: bool,
}

impl Policy {
    /// Reads the rules behind `prefix`: `[TTL d|NONE] [MAXTTL d] [TYPE t,t] [MAXBYTES n] [MAXITEMS n] [IDLE d] [APPLY]`, at
    /// least one of them, in any order.
    pub fn parse(prefix: Prefix, mut args: Args<'_>) -> Result<Self, RequestError> {
        let (mut ttl, mut max_ttl_ms, mut types) = (None, None, None);
        let (mut max_bytes, mut max_items, mut idle_ms, mut apply) = (None, None, None, false);
        while let Some(word) = args.peek() {
            if args.take_keyword("TTL") {
                set_once(&mut ttl, "TTL", &mut args, read_ttl)?;
            } else if args.take_keyword("MAXTTL") {
                set_once(&mut max_ttl_ms, "MAXTTL", &mut args, duration)?;
            } else if args.take_keyword("TYPE") {
                set_once(&mut types, "TYPE", &mut args, |_, text| read_types(text))?;
            } else if args.take_keyword("MAXBYTES") {
                set_once(&mut max_bytes, "MAXBYTES", &mut args, bytes)?;
            } else if args.take_keyword("MAXITEMS") {
                set_once(&mut max_items, "MAXITEMS", &mut args, |name, text| {
                    integer(name, text, 1..=MAX_INTEGER.cast_signed()).map(i64::cast_unsigned)
                })?;
            } else if args.take_keyword("IDLE") {
                set_once(&mut idle_ms, "IDLE", &mut args, duration)?;
            } else if args.take_keyword("APPLY") {
                if apply {
                    return Err(RequestError::repeated("APPLY", word));
                }
                apply = true;
            } else {
                return Err(RequestError::argument("rule", "unknown", word));
            }
        }
        let types = types.unwrap_or_default();
        let policy = Self { prefix, ttl, max_ttl_ms, types, max_bytes, max_items, idle_ms, apply };
        policy.refuse_contradictions()?;
        Ok(policy)
    }

    fn refuse_contradictions(&self) -> Result<(), RequestError> {
        let shown = |ms: u64| format_duration(ms).into_bytes();
        match (self.ttl, self.max_ttl_ms) {
            (Some(Ttl::Never), Some(max_ms)) => {
                return Err(RequestError::argument("MAXTTL", "has no meaning beside TTL NONE", &shown(max_ms)));
            }
            (Some(Ttl::After(ms)), Some(max_ms)) if ms > max_ms => {
                let problem = format!("must not be above MAXTTL {}", format_duration(max_ms));
                return Err(RequestError::argument("TTL", problem, &shown(ms)));
            }
            _ => {}
        }
        if self.apply && !matches!(self.ttl, Some(Ttl::After(_))) && self.max_ttl_ms.is_none() {
            return Err(RequestError::argument("APPLY", "needs a TTL or MAXTTL to apply", b"APPLY"));
        }
        if Rule::ALL.into_iter().all(|rule| self.value_of(rule).is_none()) {
            return Err(RequestError::argument("rule", "a policy needs at least one", b""));
        }
        Ok(())
    }

    /// The prefix of the names it rules.
    pub fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// Whether the server changes expiries so that they keep TTL and MAXTTL.
    pub const fn is_applied(&self) -> bool {
        self.apply
    }

    /// The value of a rule as it is written; `None` without the rule.
    pub fn value_of(&self, rule: Rule) -> Option<String> {
        match rule {
            Rule::Ttl => self.ttl.map(|ttl| match ttl {
                Ttl::Never => "NONE".to_owned(),
                Ttl::After(ms) => format_duration(ms),
            }),
            Rule::MaxTtl => self.max_ttl_ms.map(format_duration),
            Rule::Type => {
                let names: Vec<String> = self.types.iter().map(TypeName::to_string).collect();
                (!names.is_empty()).then(|| names.join(","))
            }
            Rule::MaxBytes => self.max_bytes.map(format_bytes),
            Rule::MaxItems => self.max_items.map(|items| items.to_string()),
            Rule::Idle => self.idle_ms.map(format_duration),
        }
    }

    /// How long a key may be neither read nor written, ms.
    pub const fn idle_ms(&self) -> Option<u64> {
        self.idle_ms
    }

    /// How much memory a key may take.
    pub const fn max_bytes(&self) -> Option<u64> {
        self.max_bytes
    }

    /// The rules as words, in the order of [`Rule::ALL`], `APPLY` last.
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        let rules = Rule::ALL.into_iter().filter_map(|rule| Some([rule.name().to_owned(), self.value_of(rule)?]));
        let words = rules.flatten().chain(self.apply.then(|| "APPLY".to_owned()));
        words.map(String::into_bytes).collect()
    }

    /// The rules as text: `TTL 30s MAXTTL 3h APPLY`.
    pub fn rules(&self) -> String {
        String::from_utf8_lossy(&self.to_args().join(&b' ')).into_owned()
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.prefix, self.rules())
    }
}

fn duration(name: &'static str, text: &[u8]) -> Result<u64, RequestError> {
    duration_ms(name, text, 1..=MAX_DURATION_MS)
}

fn read_ttl(name: &'static str, text: &[u8]) -> Result<Ttl, RequestError> {
    if text.eq_ignore_ascii_case(b"NONE") { Ok(Ttl::Never) } else { duration(name, text).map(Ttl::After) }
}

/// Names parted by commas, in the order in which they stand, none twice.
fn read_types(text: &[u8]) -> Result<Vec<TypeName>, RequestError> {
    let mut names = Vec::new();
    for word in text.split(|byte| *byte == b',') {
        let name = TypeName::parse(word)?;
        if names.contains(&name) {
            return Err(RequestError::argument("TYPE", "names a type twice", text));
        }
        if names.len() == MAX_TYPES {
            return Err(RequestError::argument("TYPE", "at most 32 types", text));
        }
        names.push(name);
    }
    Ok(names)
}
