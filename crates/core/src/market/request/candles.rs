//! `CANDLE.RANGE key interval [from to] [REV] [COUNT n] [FILL] [CLOSED] [AS kline|ohlcv|pack] [STUDY name n …] … [AT ts]`

use super::range::edge;
use crate::grammar::{Args, RequestError, format_real, integer, push_option, real, set_once, take_flag, timestamp_ms};
use crate::market::candle::Interval;
use crate::market::studies::{Kind, LENGTH_RANGE, Study, StudyError, WIDTH_RANGE};

/// Rows returned when `COUNT` is not named.
pub const DEFAULT_ROWS: usize = 500;
/// Most rows of one answer.
pub const MAX_ROWS: usize = 5000;

/// What rows look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Twelve columns, as Binance answers.
    Kline,
    /// Six columns, as ccxt has them.
    Ohlcv,
    /// All rows as one MessagePack map of columns.
    Pack,
}

impl Form {
    const ALL: [Self; 3] = [Self::Kline, Self::Ohlcv, Self::Pack];

    /// As the option spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kline => "kline",
            Self::Ohlcv => "ohlcv",
            Self::Pack => "pack",
        }
    }
}

const OPTIONS: [&str; 7] = ["REV", "COUNT", "FILL", "CLOSED", "AS", "STUDY", "AT"];

/// The arguments of `CANDLE.RANGE`.
#[derive(Debug, Clone, PartialEq)]
pub struct Candles {
    /// Candles of which interval.
    pub interval: Interval,
    /// Earliest and latest start, Unix ms, inclusive; `None` for the newest.
    pub between_ms: Option<(u64, u64)>,
    /// Newest first; then the later edge may stand first.
    pub is_reversed: bool,
    /// Most rows.
    pub count: Option<usize>,
    /// With rows for candles without trades.
    pub is_filled: bool,
    /// Without the candle that is open.
    pub is_closed_only: bool,
    /// What rows look like.
    pub form: Option<Form>,
    /// Columns of indicators, in this order.
    pub studies: Vec<Study>,
    /// Only candles that had ended by then, which is now.
    pub at_ms: Option<u64>,
}

impl Candles {
    /// The newest candles of `interval`.
    pub const fn newest(interval: Interval) -> Self {
        Self {
            interval,
            between_ms: None,
            is_reversed: false,
            count: None,
            is_filled: false,
            is_closed_only: false,
            form: None,
            studies: Vec::new(),
            at_ms: None,
        }
    }

    /// Reads the arguments behind the key.
    pub fn parse(mut args: Args<'_>) -> Result<Self, RequestError> {
        let mut request = Self::newest(Interval::parse("interval", args.required()?)?);
        if has_edges(&args) {
            let from_ms = edge("from", args.required()?)?;
            request.between_ms = Some((from_ms, edge("to", args.value_of("to")?)?));
        }
        while let Some(arg) = args.peek() {
            if args.take_keyword("COUNT") {
                set_once(&mut request.count, "COUNT", &mut args, |name, text| {
                    integer(name, text, 1..=MAX_ROWS as i64).map(|count| count as usize)
                })?;
            } else if args.take_keyword("AS") {
                set_once(&mut request.form, "AS", &mut args, form)?;
            } else if args.take_keyword("STUDY") {
                take_study(&mut request.studies, &mut args)?;
            } else if args.take_keyword("AT") {
                set_once(&mut request.at_ms, "AT", &mut args, timestamp_ms)?;
            } else if !take_flag(&mut request.is_reversed, "REV", &mut args)?
                && !take_flag(&mut request.is_filled, "FILL", &mut args)?
                && !take_flag(&mut request.is_closed_only, "CLOSED", &mut args)?
            {
                return Err(RequestError::unknown_option(arg));
            }
        }
        Ok(request)
    }

    /// The inverse of [`Candles::parse`].
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        let mut out = vec![self.interval.to_string().into_bytes()];
        if let Some((from_ms, to_ms)) = self.between_ms {
            out.extend([from_ms.to_string().into_bytes(), to_ms.to_string().into_bytes()]);
        }
        for (name, is_named) in [("REV", self.is_reversed), ("FILL", self.is_filled), ("CLOSED", self.is_closed_only)] {
            if is_named {
                out.push(name.into());
            }
        }
        push_option(&mut out, "COUNT", self.count);
        push_option(&mut out, "AS", self.form.map(Form::name));
        for study in &self.studies {
            out.push(b"STUDY".to_vec());
            push_study(&mut out, study);
        }
        push_option(&mut out, "AT", self.at_ms);
        out
    }
}

/// Whether times stand there: what begins as one, or two words of which none is an option.
fn has_edges(args: &Args<'_>) -> bool {
    let is_time = |text: &[u8]| matches!(text, b"-" | b"+") || text.first().is_some_and(u8::is_ascii_digit);
    let is_option = |text: &[u8]| OPTIONS.iter().any(|option| text.eq_ignore_ascii_case(option.as_bytes()));
    let mut ahead = args.clone();
    let (first, second) = (ahead.next(), ahead.next());
    first.is_some_and(is_time)
        || first.zip(second).is_some_and(|(first, second)| !is_option(first) && !is_option(second))
}

fn form(name: &'static str, text: &[u8]) -> Result<Form, RequestError> {
    let found = Form::ALL.into_iter().find(|form| form.name().as_bytes().eq_ignore_ascii_case(text));
    found.ok_or_else(|| RequestError::argument(name, "must be kline, ohlcv or pack", text))
}

/// Most studies of one answer.
const MAX_STUDIES: usize = 8;

/// A study and its lengths behind the keyword `STUDY`, just taken.
fn take_study(studies: &mut Vec<Study>, args: &mut Args<'_>) -> Result<(), RequestError> {
    let name = args.value_of("STUDY")?;
    if studies.len() == MAX_STUDIES {
        return Err(RequestError::argument("STUDY", format!("more than {MAX_STUDIES}"), name));
    }
    let mut length =
        || integer("STUDY", args.value_of("STUDY")?, 1..=*LENGTH_RANGE.end() as i64).map(|length| length as usize);
    let kind = match name.to_ascii_uppercase().as_slice() {
        b"SMA" => Kind::Sma(length()?),
        b"EMA" => Kind::Ema(length()?),
        b"RSI" => Kind::Rsi(length()?),
        b"ATR" => Kind::Atr(length()?),
        b"ADX" => Kind::Adx(length()?),
        b"BB" => Kind::Bb(length()?, real("STUDY", args.value_of("STUDY")?, &WIDTH_RANGE)?),
        b"STOCHRSI" => Kind::StochRsi { rsi: length()?, range: length()?, k: length()?, d: length()? },
        _ => return Err(RequestError::argument("STUDY", "must be SMA, EMA, RSI, ATR, ADX, BB or STOCHRSI", name)),
    };
    let refused = |error: StudyError| RequestError::argument("STUDY", error.to_string(), name);
    studies.push(Study::new(kind).map_err(refused)?);
    Ok(())
}

fn push_study(out: &mut Vec<Vec<u8>>, study: &Study) {
    let (name, lengths): (&str, Vec<usize>) = match study.kind() {
        Kind::Sma(n) => ("SMA", vec![n]),
        Kind::Ema(n) => ("EMA", vec![n]),
        Kind::Rsi(n) => ("RSI", vec![n]),
        Kind::Atr(n) => ("ATR", vec![n]),
        Kind::Adx(n) => ("ADX", vec![n]),
        Kind::Bb(n, _) => ("BB", vec![n]),
        Kind::StochRsi { rsi, range, k, d } => ("STOCHRSI", vec![rsi, range, k, d]),
    };
    out.push(name.into());
    out.extend(lengths.iter().map(|length| length.to_string().into_bytes()));
    if let Kind::Bb(_, width) = study.kind() {
        out.push(format_real(width).into_bytes());
    }
}
