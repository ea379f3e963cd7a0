//! The table of symbols. The columns that there is room for, in the order of their use.

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Row, Table, TableState};

use super::app::App;
use crate::figures::{amount, change, optional_amount, optional_price, ratio, sparkline};
use crate::lines::sides;
use crate::model::SymbolRow;
use crate::names::shown;

/// A column: its heading, the least width, and its place when room is short.
struct Column {
    what: What,
    head: &'static str,
    width: usize,
    /// Columns of a higher rank go first.
    rank: u8,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Symbol,
    Events,
    Volume,
    P50,
    P80,
    P95,
    Vwap,
    Deviation,
    Sides,
    Rate,
    Hour,
}

const COLUMNS: [Column; 11] = [
    Column { what: What::Symbol, head: "SYMBOL", width: 9, rank: 0 },
    Column { what: What::Events, head: "events", width: 6, rank: 10 },
    Column { what: What::Volume, head: "volume", width: 7, rank: 1 },
    Column { what: What::P50, head: "p50", width: 6, rank: 9 },
    Column { what: What::P80, head: "p80", width: 6, rank: 8 },
    Column { what: What::P95, head: "p95", width: 6, rank: 7 },
    Column { what: What::Vwap, head: "vwap", width: 10, rank: 6 },
    Column { what: What::Deviation, head: "dev", width: 7, rank: 2 },
    Column { what: What::Sides, head: "lg/sh", width: 6, rank: 3 },
    Column { what: What::Rate, head: "rate", width: 5, rank: 4 },
    Column { what: What::Hour, head: "hour", width: 8, rank: 5 },
];

/// From so many times the usual rate on a row is marked.
const BUSY: f64 = 3.0;
/// The widest that the two elastic columns become.
const WIDEST_SYMBOL: usize = 24;
const WIDEST_HOUR: usize = 60;

/// Draws it, and notes how many rows it has room for.
pub fn draw(frame: &mut Frame<'_>, area: Rect, app: &mut App) {
    app.page_rows = usize::from(area.height.saturating_sub(1));
    let columns = fit(usize::from(area.width));
    let head = Row::new(columns.iter().map(|(column, width)| {
        let text =
            if column.what == What::Symbol { format!("{:width$}", column.head) } else { heading(column, *width) };
        Cell::from(text)
    }));
    let place = app.place();
    // Only what is seen is made into text: there may be ten thousand rows.
    let first =
        place.saturating_sub(app.page_rows.saturating_sub(1) / 2).min(app.rows.len().saturating_sub(app.page_rows));
    let seen = app.rows.get(first..(first + app.page_rows).min(app.rows.len())).unwrap_or_default();
    let rows: Vec<Row<'_>> = seen.iter().map(|row| line(row, &columns, app)).collect();
    let widths = columns.iter().map(|(_, width)| Constraint::Length(u16::try_from(*width).unwrap_or(u16::MAX)));
    let table = Table::new(rows, widths)
        .header(head.style(app.look.head()))
        .column_spacing(1)
        .row_highlight_style(app.look.chosen());
    let mut state = TableState::new().with_selected(Some(place - first));
    frame.render_stateful_widget(table, area, &mut state);
}

/// The columns that fit, with their widths.
fn fit(width: usize) -> Vec<(&'static Column, usize)> {
    let mut ranked: Vec<&Column> = COLUMNS.iter().collect();
    ranked.sort_by_key(|column| column.rank);
    let mut left = width;
    let mut most_rank = 0;
    for column in ranked {
        let needed = column.width + usize::from(column.rank > 0);
        if needed > left {
            break;
        }
        left -= needed;
        most_rank = column.rank;
    }
    let is_in = |column: &&Column| column.rank <= most_rank;
    let more_symbol = left.min(WIDEST_SYMBOL - 9);
    let more_hour = (left - more_symbol).min(WIDEST_HOUR - 8);
    let widened = |column: &'static Column| match column.what {
        What::Symbol => (column, (column.width + more_symbol).min(width)),
        What::Hour => (column, column.width + more_hour),
        _ => (column, column.width),
    };
    COLUMNS.iter().filter(is_in).map(widened).collect()
}

fn heading(column: &Column, width: usize) -> String {
    match column.what {
        What::Sides | What::Hour => format!("{:width$}", column.head),
        _ => format!("{:>width$}", column.head),
    }
}

fn line<'a>(row: &'a SymbolRow, columns: &[(&Column, usize)], app: &App) -> Row<'a> {
    let look = app.look;
    let cell = |(column, width): &(&Column, usize)| {
        let width = *width;
        if let (Some(error), What::Volume) = (&row.error, column.what) {
            return Cell::from(shown(error.as_bytes(), 200));
        }
        if row.error.is_some() && column.what != What::Symbol {
            return Cell::from("");
        }
        let right = |text: String| Cell::from(format!("{text:>width$}"));
        match column.what {
            What::Symbol => Cell::from(shown(row.symbol.as_bytes(), width)),
            What::Events => right(amount(row.count as f64)),
            What::Volume => right(amount(row.volume)),
            What::P50 => right(optional_amount(row.p50)),
            What::P80 => right(optional_amount(row.p80)),
            What::P95 => right(optional_amount(row.p95)),
            What::Vwap => right(optional_price(row.vwap)),
            What::Deviation => right(change(row.deviation_pct)),
            What::Sides => {
                let bar = sides(row, width);
                let longs: String = bar.chars().filter(|letter| *letter == 'L').collect();
                let shorts: String = bar.chars().filter(|letter| *letter != 'L').collect();
                Cell::from(Line::from(vec![Span::styled(longs, look.longs()), Span::styled(shorts, look.shorts())]))
            }
            What::Rate => {
                let is_busy = row.rate_ratio.is_some_and(|ratio| ratio >= BUSY);
                let style = if is_busy { look.warning() } else { Style::new() };
                Cell::from(Span::styled(format!("{:>width$}", ratio(row.rate_ratio)), style))
            }
            What::Hour => Cell::from(Span::styled(sparkline(&row.hour, width), look.chart())),
        }
    };
    Row::new(columns.iter().map(cell).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fit_every_width() {
        for width in 0..400 {
            let columns = fit(width);
            let taken: usize = columns.iter().map(|(_, width)| width).sum::<usize>() + columns.len().saturating_sub(1);
            assert!(taken <= width.max(9), "{width}: {taken}");
        }
        assert!(fit(80).iter().any(|(column, _)| column.what == What::P50), "80 columns show all percentiles");
        assert_eq!(fit(20).len(), 2, "20 columns show symbol and volume");
        assert_eq!(fit(160).len(), COLUMNS.len());
    }
}
