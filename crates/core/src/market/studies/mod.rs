//! Indicators over the rows of a chart, as TA-Lib defines them (STOCHRSI as pandas-ta does).
//!
//! What lives here: the figures, as a function of rows and nothing else. What does not: which rows there are, the words of
//! STUDY. All of them cost one pass over the rows, whatever their length. Figures are doubles: they are derived, and what
//! they are compared with is computed in doubles too.

mod averages;
mod momentum;
mod ranges;
mod rolling;
mod study;

pub use study::{Bar, Column, Kind, LENGTH_RANGE, Study, StudyError, WIDTH_RANGE};

/// What TA-Lib takes for zero.
const NEARLY_ZERO: f64 = 1e-14;
