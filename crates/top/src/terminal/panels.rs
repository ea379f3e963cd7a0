//! What is below the table: large liquidations, signals, markets, limiters. Two of them side by side where there is room.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders, Paragraph};

use super::app::{App, Panel};
use crate::figures::{age, amount, change, optional_price, price, time_of_day};
use crate::model::Snapshot;
use crate::names::shown;

/// From this width on two panels are shown.
const WIDE: u16 = 120;

/// Draws the chosen panel, and the one behind it.
pub fn draw(frame: &mut Frame<'_>, area: Rect, app: &App) {
    if area.width < WIDE {
        return one(frame, area, app, app.panel);
    }
    let [left, right] = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).spacing(1).areas(area);
    one(frame, left, app, app.panel);
    one(frame, right, app, app.panel.next());
}

fn one(frame: &mut Frame<'_>, area: Rect, app: &App, panel: Panel) {
    let Some(snapshot) = app.snapshot() else { return };
    let room = usize::from(area.height.saturating_sub(1));
    let (title, lines) = match panel {
        Panel::Events => ("large liquidations (UTC)".to_owned(), events(snapshot, app, room)),
        Panel::Signals => ("signals (UTC)".to_owned(), signals(snapshot, app, room)),
        Panel::Markets => (format!("{} markets", snapshot.keys.markets), markets(snapshot, app, room)),
        Panel::Limiters => {
            (format!("{} limiters, fullest first", snapshot.keys.limiters), limiters(snapshot, app, room))
        }
    };
    let lines = if lines.is_empty() { vec![Line::styled("none", app.look.quiet())] } else { lines };
    let block = Block::new().borders(Borders::TOP).title(format!(" {title} ")).border_style(app.look.quiet());
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn events(snapshot: &Snapshot, app: &App, room: usize) -> Vec<Line<'static>> {
    let line = |event: &crate::model::EventRow| {
        let text = format!(
            "{} {:12} {:4} {:>7} at {:<10} {}",
            time_of_day(event.ts_ms),
            shown(event.symbol.as_bytes(), 12),
            event.side,
            amount(event.size),
            price(event.price),
            event.exchange.as_deref().map(|name| shown(name.as_bytes(), 12)).unwrap_or_default(),
        );
        Line::styled(text, app.look.side(event.side))
    };
    snapshot.events.iter().take(room).map(line).collect()
}

fn signals(snapshot: &Snapshot, app: &App, room: usize) -> Vec<Line<'static>> {
    let line = |signal: &crate::model::SignalRow| {
        let text = format!(
            "{} {:12} {:4} at {:<10} {:>8} {}",
            signal.ts_ms.map(time_of_day).unwrap_or_default(),
            shown(signal.symbol.as_bytes(), 12),
            shown(signal.side.as_bytes(), 4),
            optional_price(signal.price),
            change(signal.vwap_deviation),
            shown(signal.entry_reason.as_bytes(), 20),
        );
        Line::styled(text, app.look.side(if signal.side == "sell" { "sell" } else { "buy" }))
    };
    snapshot.signals.iter().take(room).map(line).collect()
}

fn markets(snapshot: &Snapshot, app: &App, room: usize) -> Vec<Line<'static>> {
    let count = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    let line = |row: &crate::model::MarketRow| {
        let text = format!(
            "{:12} {:>14} {:>6} old  armed {} pending {} fired {}{}",
            shown(row.symbol.as_bytes(), 12),
            row.price.as_deref().map_or_else(|| "-".to_owned(), |price| shown(price.as_bytes(), 14)),
            row.age_ms.map_or_else(|| "-".to_owned(), age),
            count(row.armed),
            count(row.pending),
            count(row.fired),
            if row.is_stale == Some(true) { "  stale" } else { "" },
        );
        Line::styled(text, if row.is_stale == Some(true) { app.look.warning() } else { Style::new() })
    };
    snapshot.markets.iter().take(room).map(line).collect()
}

fn limiters(snapshot: &Snapshot, app: &App, room: usize) -> Vec<Line<'static>> {
    let line = |row: &crate::model::LimiterRow| {
        let ban = if row.ban_ms > 0 { format!("  BANNED for {}", age(row.ban_ms)) } else { String::new() };
        let text = format!(
            "{:20} {:>4.0}% of {} in {}{ban}",
            shown(row.key.as_bytes(), 20),
            row.used_share * 100.0,
            row.burst,
            age(row.period_ms)
        );
        let style = match row.used_share {
            _ if row.ban_ms > 0 => app.look.alarm(),
            share if share >= 0.9 => app.look.warning(),
            _ => Style::new(),
        };
        Line::styled(text, style)
    };
    snapshot.limiters.iter().take(room).map(line).collect()
}
