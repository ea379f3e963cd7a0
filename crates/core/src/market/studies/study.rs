//! A study: which, its lengths, and the columns it gives.

use std::fmt;
use std::ops::RangeInclusive;

use super::{averages, momentum, ranges};

/// What studies look at of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// The highest price.
    pub high: f64,
    /// The lowest price.
    pub low: f64,
    /// The last price.
    pub close: f64,
}

/// Lengths, in rows; the least is greater for most studies.
pub const LENGTH_RANGE: RangeInclusive<usize> = 1..=500;

/// The width of Bollinger's bands, in standard deviations.
pub const WIDTH_RANGE: RangeInclusive<f64> = 0.0..=1000.0;

/// Which study, and its lengths in rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// The mean of the last n closes.
    Sma(usize),
    /// The exponential mean with the factor 2 / (n + 1), begun with the mean of the first n closes.
    Ema(usize),
    /// Wilder's relative strength index.
    Rsi(usize),
    /// Wilder's mean of the true range.
    Atr(usize),
    /// Wilder's mean of the directional index.
    Adx(usize),
    /// Bollinger's bands: the mean and so many population deviations about it.
    Bb(usize, f64),
    /// Where the RSI lies in its own range.
    StochRsi {
        /// The RSI's length.
        rsi: usize,
        /// The length of its range.
        range: usize,
        /// The length of the mean that is %K.
        k: usize,
        /// The length of the mean of that, %D.
        d: usize,
    },
}

/// Why lengths are none of a study.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StudyError {
    /// A length is below what the study is defined for, or too great.
    Length {
        /// The least there is.
        least: usize,
    },
    /// The width is no number, below 0 or too great.
    Width,
}

impl fmt::Display for StudyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { least } => write!(f, "must be {least} … {}", LENGTH_RANGE.end()),
            Self::Width => write!(f, "must be {} … {}", WIDTH_RANGE.start(), WIDTH_RANGE.end()),
        }
    }
}

impl std::error::Error for StudyError {}

/// A figure for every row from some row on.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Rows before this one have too few before them.
    pub first: usize,
    /// The figures from there on, one a row.
    pub values: Vec<f64>,
}

impl Column {
    /// The figure of a row.
    pub fn at(&self, row: usize) -> Option<f64> {
        self.values.get(row.checked_sub(self.first)?).copied()
    }
}

/// A study that can be computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Study(Kind);

impl Study {
    /// Refuses lengths that the study is not defined for: TA-Lib's bounds below, 500 above.
    pub fn new(kind: Kind) -> Result<Self, StudyError> {
        let (lengths, least): (&[usize], usize) = match &kind {
            Kind::Atr(n) => (&[*n], 1),
            Kind::Sma(n) | Kind::Ema(n) | Kind::Rsi(n) | Kind::Adx(n) | Kind::Bb(n, _) => (&[*n], 2),
            Kind::StochRsi { rsi, range, k, d } => {
                if [*rsi, *range].iter().any(|length| !(2..=*LENGTH_RANGE.end()).contains(length)) {
                    return Err(StudyError::Length { least: 2 });
                }
                (&[*k, *d], 1)
            }
        };
        if lengths.iter().any(|length| !(least..=*LENGTH_RANGE.end()).contains(length)) {
            return Err(StudyError::Length { least });
        }
        match kind {
            Kind::Bb(_, width) if !WIDTH_RANGE.contains(&width) => Err(StudyError::Width),
            _ => Ok(Self(kind)),
        }
    }

    /// Which it is.
    pub const fn kind(&self) -> Kind {
        self.0
    }

    /// The names of its columns, behind the study's own where there are several.
    pub const fn columns(&self) -> &'static [&'static str] {
        match self.0 {
            Kind::Sma(_) => &["sma"],
            Kind::Ema(_) => &["ema"],
            Kind::Rsi(_) => &["rsi"],
            Kind::Atr(_) => &["atr"],
            Kind::Adx(_) => &["adx"],
            Kind::Bb(..) => &["bb_lower", "bb_middle", "bb_upper"],
            Kind::StochRsi { .. } => &["stochrsi_k", "stochrsi_d"],
        }
    }

    /// The columns over these rows, oldest first; one for each name.
    pub fn over(&self, bars: &[Bar]) -> Vec<Column> {
        let closes = || bars.iter().map(|bar| bar.close).collect::<Vec<_>>();
        match self.0 {
            Kind::Sma(length) => vec![averages::sma(&closes(), length)],
            Kind::Ema(length) => vec![averages::ema(&closes(), length)],
            Kind::Rsi(length) => vec![momentum::rsi(&closes(), length)],
            Kind::Atr(length) => vec![ranges::atr(bars, length)],
            Kind::Adx(length) => vec![ranges::adx(bars, length)],
            Kind::Bb(length, width) => averages::bollinger(&closes(), length, width).into(),
            Kind::StochRsi { rsi, range, k, d } => momentum::stochastic_rsi(&closes(), rsi, range, k, d).into(),
        }
    }
}
