//! The page that explains keys and figures.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::app::App;

const TEXT: &[&str] = &[
    "up down j k      choose a symbol          Enter      open it",
    "PgUp PgDn g G    page, first, last        Esc q      back; q ends",
    "s S              next order, turn round   /          filter; Esc clears",
    "w W              longer, shorter window   Tab        next panel",
    "a                what all keys are like: the newest audit, policies",
    "",
    "volume           notional of liquidations in the window",
    "p50 p80 p95      so many percent of them are at most this large",
    "vwap, dev        average price; the newest event's distance from it",
    "long/short       L: liquidated longs (forced sells), s: shorts",
    "rate             events per minute over the usual: 3.0x is thrice",
    "hour             volume by minute of the last hour",
    "large            liquidations of at least their symbol's p95",
    "memory           the module's mode: normal, compact, aggregate, critical",
];

/// Draws it.
pub fn draw(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let mut lines = vec![Line::styled("liq-top: keys and figures", app.look.head())];
    lines.extend(TEXT.iter().map(|text| Line::from(*text)));
    frame.render_widget(Paragraph::new(lines), area);
}
