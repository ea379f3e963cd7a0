//! `CANDLE.RANGE`: rows of any interval, from all levels that it is a multiple of.

use std::ops::ControlFlow;

use super::ReadError;
use crate::grammar::Decimal;
use crate::market::candle::{Candle, Interval, Span, UNITS};
use crate::market::reply::StudyColumn;
use crate::market::request::{Candles, DEFAULT_ROWS, MAX_ROWS};
use crate::market::store::{Market, Row, State, Time};
use crate::market::studies::{Bar, Kind, Study};
use crate::market::tape::Moment;

/// Which rows are looked for, and when that is.
struct Wanted {
    interval: Interval,
    /// The first row starts there or later, the last one before.
    starts: Span,
    count: usize,
    now_ms: u64,
    /// Only candles that had ended by then.
    ended_by_ms: Option<u64>,
    is_closed_only: bool,
}

impl Market {
    /// The rows asked for, in the order asked for.
    pub fn candles(&self, request: &Candles, time: Time) -> Result<Vec<Row>, ReadError> {
        let interval = request.interval;
        let reach_ms = self.levels().reach_of(interval).ok_or_else(|| needs_level(interval))?;
        let now_ms = request.at_ms.unwrap_or_else(|| self.now_ms(time));
        let zone = self.levels().zone();
        // Where no level reaches that the interval is a multiple of, rows begin where one does.
        let first_at = |ms: u64| {
            let span = interval.span(ms, zone);
            if span.start_ms == ms { ms } else { span.end_ms }
        };
        let begin_ms = if reach_ms == 0 { 0 } else { first_at(reach_ms) };
        let (from_ms, to_ms) = match request.between_ms {
            Some((from_ms, to_ms)) if request.is_reversed && from_ms > to_ms => (to_ms, from_ms),
            Some(between_ms) => between_ms,
            // As of a moment nothing behind it is looked at, however much that is.
            None => (0, request.at_ms.unwrap_or_else(|| now_ms.max(self.time_ms()))),
        };
        let begin_ms = if from_ms == 0 { begin_ms } else { begin_ms.max(first_at(from_ms)) };
        let wanted = Wanted {
            interval,
            starts: Span { start_ms: begin_ms, end_ms: interval.span(to_ms, zone).end_ms },
            count: request.count.unwrap_or(DEFAULT_ROWS),
            now_ms,
            ended_by_ms: request.at_ms,
            is_closed_only: request.is_closed_only,
        };
        if wanted.starts.start_ms >= wanted.starts.end_ms {
            return Ok(Vec::new());
        }
        let is_from_newest = request.is_reversed || request.between_ms.is_none();
        let mut rows = if request.is_filled {
            self.filled_rows(wanted, is_from_newest)
        } else {
            self.rows(&wanted, is_from_newest)
        };
        if is_from_newest != request.is_reversed {
            rows.reverse();
        }
        Ok(rows)
    }

    /// The columns of the studies asked for beside `rows`, which are the answer. They go over the candles as the rows are,
    /// from the oldest held, at most 5,000 before the first row.
    pub fn study_columns(&self, request: &Candles, rows: &[Row], time: Time) -> Result<Vec<StudyColumn>, ReadError> {
        let first_ms = rows.iter().map(|row| row.span.start_ms).min();
        let Some(before_ms) = first_ms.filter(|_| !request.studies.is_empty()).map(|ms| ms.checked_sub(1)) else {
            return Ok(request.studies.iter().flat_map(|study| columns_of(study, &[], 0, false)).collect());
        };
        let mut all: Vec<Row> = Vec::new();
        if let Some(to_ms) = before_ms {
            let warming = Candles {
                between_ms: Some((0, to_ms)),
                is_reversed: true,
                count: Some(MAX_ROWS),
                studies: Vec::new(),
                ..request.clone()
            };
            all = self.candles(&warming, time)?;
            all.reverse();
        }
        let warm = all.len();
        all.extend(rows);
        if request.is_reversed {
            all.get_mut(warm..).unwrap_or_default().reverse();
        }
        let bar = |row: &Row| Bar {
            high: row.candle.high.to_f64(),
            low: row.candle.low.to_f64(),
            close: row.candle.close.to_f64(),
        };
        let bars: Vec<Bar> = all.iter().map(bar).collect();
        Ok(request.studies.iter().flat_map(|study| columns_of(study, &bars, warm, request.is_reversed)).collect())
    }

    /// Rows with trades, newest first or oldest first.
    fn rows(&self, wanted: &Wanted, is_reversed: bool) -> Vec<Row> {
        let zone = self.levels().zone();
        let mut rows: Vec<Row> = Vec::with_capacity(wanted.count.min(DEFAULT_ROWS));
        let _ = self.levels().visit(wanted.interval, wanted.starts, is_reversed, &mut |part| {
            // The last row is not finished yet: its parts follow each other.
            if let Some(Row { candle, .. }) = rows.last_mut().filter(|row| row.span.holds(part.start_ms)) {
                // The earlier takes over the later, whichever came first here: a level that was added late may begin in the
                // millisecond in which the coarser one ends.
                if is_reversed {
                    let later = std::mem::replace(candle, *part);
                    candle.merge(&later);
                } else {
                    candle.merge(part);
                }
                return ControlFlow::Continue(());
            }
            self.finish_last(wanted, &mut rows);
            if rows.len() >= wanted.count {
                return ControlFlow::Break(());
            }
            let span = wanted.interval.span(part.start_ms, zone);
            rows.push(Row { candle: *part, span, state: State::Open });
            ControlFlow::Continue(())
        });
        self.finish_last(wanted, &mut rows);
        rows
    }

    /// Says of the last row what it is, now that all its parts are in it; it goes where it is not wanted. Another time does
    /// nothing.
    #[inline]
    fn finish_last(&self, wanted: &Wanted, rows: &mut Vec<Row>) {
        let Some(row) = rows.last_mut() else { return };
        match self.state_wanted(wanted, row.span) {
            Some(state) => {
                row.state = state;
                row.candle.start_ms = row.span.start_ms;
            }
            None => drop(rows.pop()),
        }
    }

    fn row_wanted(&self, wanted: &Wanted, candle: Candle, span: Span) -> Option<Row> {
        let state = self.state_wanted(wanted, span)?;
        Some(Row { candle: Candle { start_ms: span.start_ms, ..candle }, span, state })
    }

    /// What the candle of `span` is to a reader; `None` where it is not wanted.
    #[inline]
    fn state_wanted(&self, wanted: &Wanted, span: Span) -> Option<State> {
        let is_closed = self.is_closed_to(span, wanted.now_ms);
        let has_ended = wanted.ended_by_ms.is_none_or(|by_ms| span.end_ms <= by_ms);
        (has_ended && (is_closed || !wanted.is_closed_only)).then(|| self.state(span, is_closed))
    }

    /// Whether a candle is closed to a reader.
    fn is_closed_to(&self, span: Span, now_ms: u64) -> bool {
        span.end_ms <= self.time_ms() || span.end_ms.saturating_add(self.options().grace_ms) <= now_ms
    }

    /// Rows without a hole between them, flat where there were no trades: up to the candle of now, from the first whose
    /// close before is known.
    fn filled_rows(&self, wanted: Wanted, is_from_newest: bool) -> Vec<Row> {
        let zone = self.levels().zone();
        let Wanted { interval, mut starts, count, now_ms, .. } = wanted;
        let until_ms = wanted.ended_by_ms.unwrap_or_else(|| now_ms.max(self.time_ms()));
        starts.end_ms = starts.end_ms.min(interval.span(until_ms, zone).end_ms);
        self.leave_out_unwanted(&wanted, &mut starts);
        if is_from_newest {
            let last_ms = starts.end_ms.saturating_sub(1);
            starts.start_ms = starts.start_ms.max(interval.before(last_ms, count.saturating_sub(1) as u64, zone));
        }
        let found = self.rows(&Wanted { starts, count, is_closed_only: false, ended_by_ms: None, ..wanted }, false);
        let mut close = self.close_before(starts.start_ms);
        let mut at_ms = starts.start_ms;
        if close.is_none() {
            let Some(first) = found.first() else { return Vec::new() };
            at_ms = first.span.start_ms;
        }
        let mut found = found.into_iter().peekable();
        let mut rows = Vec::new();
        while at_ms < starts.end_ms && (is_from_newest || rows.len() < count) {
            let span = interval.span(at_ms, zone);
            let candle = found.next_if(|row| row.span == span).map(|row| row.candle);
            if let Some(candle) = candle {
                close = Some(candle.close);
                rows.extend(self.row_wanted(&wanted, candle, span));
            } else if let Some(close) = close {
                rows.extend(self.flat_row(&wanted, close, span));
            }
            at_ms = span.end_ms;
        }
        if is_from_newest {
            rows.reverse();
        }
        rows
    }

    /// Ends `starts` behind the last candle that is wanted. Behind it are those that end within GRACE, which are open, and
    /// the one that had not ended by AT.
    fn leave_out_unwanted(&self, wanted: &Wanted, starts: &mut Span) {
        let span_at = |ms: u64| wanted.interval.span(ms, self.levels().zone());
        let is_wanted = |span: Span| {
            let has_ended = wanted.ended_by_ms.is_none_or(|by_ms| span.end_ms <= by_ms);
            has_ended && (!wanted.is_closed_only || self.is_closed_to(span, wanted.now_ms))
        };
        while let Some(last_ms) = starts.end_ms.checked_sub(1).filter(|last_ms| *last_ms >= starts.start_ms) {
            let last = span_at(last_ms);
            if is_wanted(last) {
                return;
            }
            starts.end_ms = last.start_ms;
        }
    }

    fn flat_row(&self, wanted: &Wanted, close: Decimal, span: Span) -> Option<Row> {
        let row = self.row_wanted(wanted, flat(close, span), span)?;
        let is_missing = self.gaps().touch(span.start_ms, span.end_ms);
        Some(Row { state: if is_missing { State::Missing } else { State::Filled }, ..row })
    }

    /// The price of the last trade before `ts_ms`.
    fn close_before(&self, ts_ms: u64) -> Option<Decimal> {
        let mut close = None;
        let _ = self.levels().visit(Interval::Month, Span { start_ms: 0, end_ms: ts_ms }, true, &mut |candle| {
            close = Some(candle.close);
            ControlFlow::Break(())
        });
        close
    }
}

/// The columns of a study over `bars`, of which the first `warm` are not shown.
fn columns_of(study: &Study, bars: &[Bar], warm: usize, is_reversed: bool) -> Vec<StudyColumn> {
    let figures = study.over(bars);
    let columns = study.columns().iter().zip(&figures).map(|(name, column)| {
        let mut values: Vec<Option<f64>> = (warm..bars.len()).map(|row| column.at(row)).collect();
        if is_reversed {
            values.reverse();
        }
        StudyColumn { name: format!("{name}_{}", lengths(study)), values }
    });
    columns.collect()
}

fn lengths(study: &Study) -> String {
    match study.kind() {
        Kind::Sma(n) | Kind::Ema(n) | Kind::Rsi(n) | Kind::Atr(n) | Kind::Adx(n) => n.to_string(),
        Kind::Bb(n, width) => format!("{n}_{}", crate::grammar::format_real(width)),
        Kind::StochRsi { rsi, range, k, d } => format!("{rsi}_{range}_{k}_{d}"),
    }
}

/// A candle without trades.
fn flat(close: Decimal, span: Span) -> Candle {
    let moment = Moment { ts_ms: span.start_ms, id: 0 };
    Candle {
        start_ms: span.start_ms,
        open: close,
        high: close,
        low: close,
        close,
        volume: 0,
        quote: Some(0),
        trades: Some(0),
        taker_volume: Some(0),
        taker_quote: Some(0),
        first: moment,
        last: moment,
        is_row: false,
    }
}

#[cold]
fn needs_level(interval: Interval) -> ReadError {
    let coarsest = UNITS.iter().rev().find(|unit| interval.is_multiple_of(unit.width_ms));
    ReadError::NeedsLevel { interval, level: coarsest.map_or("1s", |unit| unit.name) }
}
