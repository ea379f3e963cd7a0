//! `KEYS.AUDIT START [BUDGET pct]`, `STOP`, `STATUS`, `REPORT [BY order] [COUNT n]`, `REPORT PREFIX p [DB n]`

use crate::grammar::{Args, RequestError, integer, push_option, set_once};

/// Most percent of one core that an audit may take.
pub const MAX_BUDGET_PCT: u64 = 50;

/// Most rows of one report: what all groups of sixteen databases could be.
const MAX_ROWS: u64 = 65_536;

/// Rows of a report that names no number.
const ROWS: u64 = 20;

/// What the rows of a report are sorted by, most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Memory.
    #[default]
    Bytes,
    /// Keys.
    Keys,
    /// Keys without an expiry.
    NoTtl,
    /// Idle keys.
    Idle,
    /// Keys that break their policy.
    Broken,
    /// Memory that was added since the audit before.
    Growth,
}

impl Order {
    const ALL: [Self; 6] = [Self::Bytes, Self::Keys, Self::NoTtl, Self::Idle, Self::Broken, Self::Growth];

    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Keys => "keys",
            Self::NoTtl => "no_ttl",
            Self::Idle => "idle",
            Self::Broken => "broken",
            Self::Growth => "growth",
        }
    }

    fn parse(name: &'static str, text: &[u8]) -> Result<Self, RequestError> {
        let found = Self::ALL.into_iter().find(|order| text.eq_ignore_ascii_case(order.name().as_bytes()));
        let problem = "must be bytes, keys, no_ttl, idle, broken or growth";
        found.ok_or_else(|| RequestError::argument(name, problem, text))
    }
}

/// The arguments of `KEYS.AUDIT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditRequest {
    /// Starts an audit, which takes so many percent of a core; `None` for as many as are configured.
    Start(Option<u64>),
    /// Ends the running one.
    Stop,
    /// Asks how far it is.
    Status,
    /// Asks for the groups of the last one.
    Report {
        /// Which come first.
        order: Order,
        /// At most so many.
        count: u64,
    },
    /// Asks for one group of the last one.
    ReportPrefix {
        /// Its name.
        prefix: Vec<u8>,
        /// Its database; `None` for the first that has it.
        db: Option<u32>,
    },
}

impl AuditRequest {
    /// Reads the arguments behind the command's name.
    pub fn parse(mut args: Args<'_>) -> Result<Self, RequestError> {
        if args.take_keyword("START") {
            return parse_start(args);
        }
        if args.take_keyword("REPORT") {
            return parse_report(args);
        }
        let request = if args.take_keyword("STOP") {
            Self::Stop
        } else if args.take_keyword("STATUS") {
            Self::Status
        } else {
            let word = args.required()?;
            return Err(RequestError::argument("subcommand", "must be START, STOP, STATUS or REPORT", word));
        };
        if args.is_empty() { Ok(request) } else { Err(RequestError::Arity) }
    }

    /// The inverse of [`AuditRequest::parse`].
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        match self {
            Self::Start(budget_pct) => {
                out.push(b"START".to_vec());
                push_option(&mut out, "BUDGET", *budget_pct);
            }
            Self::Stop => out.push(b"STOP".to_vec()),
            Self::Status => out.push(b"STATUS".to_vec()),
            Self::Report { order, count } => {
                out.push(b"REPORT".to_vec());
                push_option(&mut out, "BY", Some(order.name()));
                push_option(&mut out, "COUNT", Some(count));
            }
            Self::ReportPrefix { prefix, db } => {
                out.extend([b"REPORT".to_vec(), b"PREFIX".to_vec(), prefix.clone()]);
                push_option(&mut out, "DB", *db);
            }
        }
        out
    }
}

fn parse_start(mut args: Args<'_>) -> Result<AuditRequest, RequestError> {
    let mut budget_pct = None;
    while let Some(word) = args.peek() {
        if !args.take_keyword("BUDGET") {
            return Err(RequestError::unknown_option(word));
        }
        set_once(&mut budget_pct, "BUDGET", &mut args, |name, text| whole(name, text, 1, MAX_BUDGET_PCT))?;
    }
    Ok(AuditRequest::Start(budget_pct))
}

fn parse_report(mut args: Args<'_>) -> Result<AuditRequest, RequestError> {
    let (mut order, mut count, mut prefix, mut db) = (None, None, None, None);
    while let Some(word) = args.peek() {
        if args.take_keyword("BY") {
            set_once(&mut order, "BY", &mut args, Order::parse)?;
        } else if args.take_keyword("COUNT") {
            set_once(&mut count, "COUNT", &mut args, |name, text| whole(name, text, 1, MAX_ROWS))?;
        } else if args.take_keyword("PREFIX") {
            set_once(&mut prefix, "PREFIX", &mut args, |_, text| Ok(text.to_vec()))?;
        } else if args.take_keyword("DB") {
            set_once(&mut db, "DB", &mut args, |name, text| whole(name, text, 0, i32::MAX as u64))?;
        } else {
            return Err(RequestError::unknown_option(word));
        }
    }
    let given = |name, is_given: bool| {
        if is_given {
            Err(RequestError::argument("option", "does not go with PREFIX, nor DB without it", name))
        } else {
            Ok(())
        }
    };
    match prefix {
        Some(prefix) => {
            given(b"BY".as_slice(), order.is_some())?;
            given(b"COUNT", count.is_some())?;
            Ok(AuditRequest::ReportPrefix { prefix, db: db.and_then(|number| u32::try_from(number).ok()) })
        }
        None => {
            given(b"DB", db.is_some())?;
            Ok(AuditRequest::Report { order: order.unwrap_or_default(), count: count.unwrap_or(ROWS) })
        }
    }
}

fn whole(name: &'static str, text: &[u8], low: u64, high: u64) -> Result<u64, RequestError> {
    integer(name, text, low.cast_signed()..=high.cast_signed()).map(i64::cast_unsigned)
}
