//! The page of one symbol: its figures, prices over time with the VWAP, its bands and the events, the distribution of
//! sizes, and the venues.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::symbols::Marker;
use ratatui::text::Line;
use ratatui::widgets::{Axis, Block, Borders, Chart, Dataset, GraphType, Paragraph};

use super::app::App;
use crate::figures::{amount, price, time_of_day};
use crate::model::{Detail, SymbolRow};
use crate::names::{Key, shown};

/// Draws it.
pub fn draw(frame: &mut Frame<'_>, area: Rect, app: &App, key: &Key) {
    let row = app.snapshot().and_then(|snapshot| snapshot.symbols.iter().find(|row| row.name == *key));
    let head = head(row, app, key);
    let rows = u16::try_from(head.len()).unwrap_or(u16::MAX);
    let [top, body] = Layout::vertical([Constraint::Length(rows), Constraint::Min(0)]).areas(area);
    frame.render_widget(Paragraph::new(head), top);
    let Some(detail) = app.detail() else { return };
    if body.height < 5 {
        return;
    }
    if body.width < 60 {
        return sizes(frame, body, app, detail);
    }
    let [left, right] = Layout::horizontal([Constraint::Fill(3), Constraint::Fill(2)]).spacing(1).areas(body);
    prices(frame, left, app, detail);
    let venue_rows = u16::try_from(detail.venues.len() + 1).unwrap_or(u16::MAX).min(body.height / 3);
    let [upper, lower] = Layout::vertical([Constraint::Min(0), Constraint::Length(venue_rows)]).areas(right);
    sizes(frame, upper, app, detail);
    venues(frame, lower, app, detail);
}

fn head(row: Option<&SymbolRow>, app: &App, key: &Key) -> Vec<Line<'static>> {
    let mut lines =
        vec![Line::styled(format!("{}  key {}", shown(key.symbol(), 40), shown(key.bytes(), 60)), app.look.head())];
    let Some(row) = row else {
        let why = app.snapshot().map_or("nothing was read yet", |snapshot| crate::lines::absent(snapshot));
        lines.push(Line::styled(why, app.look.warning()));
        return lines;
    };
    lines.extend(crate::lines::figures(row).map(Line::from));
    let error = row.error.clone().or_else(|| app.detail().and_then(|detail| detail.error.clone()));
    lines.extend(error.map(|error| Line::styled(error, app.look.warning())));
    lines
}

/// The average price over time, the window's VWAP with its bands as level lines, events as dots.
fn prices(frame: &mut Frame<'_>, area: Rect, app: &App, detail: &Detail) {
    let averages: Vec<(f64, f64)> =
        detail.spans.iter().filter_map(|span| Some((span.start_ms as f64, span.vwap?))).collect();
    let of_side = |side: &str| -> Vec<(f64, f64)> {
        let events = detail.events.iter().filter(|event| event.side == side);
        events.map(|event| (event.ts_ms as f64, event.price)).collect()
    };
    let (sells, buys) = (of_side("sell"), of_side("buy"));
    let (from, to) = (detail.from_ms as f64, detail.to_ms as f64);
    let level = |value: f64| [(from, value), (to, value)];
    let levels: Vec<[(f64, f64); 2]> =
        detail.bands.iter().flat_map(|bands| [bands.vwap, bands.upper, bands.lower]).map(level).collect();
    let all = averages.iter().chain(&sells).chain(&buys).chain(levels.iter().flatten()).map(|(_, price)| *price);
    let (low, high) =
        all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), price| (low.min(price), high.max(price)));
    let block =
        Block::new().borders(Borders::TOP).border_style(app.look.quiet()).title(" price, VWAP and bands, events ");
    if !low.is_finite() {
        return frame.render_widget(Paragraph::new("no events in the window").block(block), area);
    }
    let margin = ((high - low) * 0.05).max(high.abs() * 1e-6).max(f64::MIN_POSITIVE);
    let (low, high) = (low - margin, high + margin);
    let line = |data| Dataset::default().marker(Marker::Braille).graph_type(GraphType::Line).data(data);
    let dots = |data| Dataset::default().marker(Marker::Dot).graph_type(GraphType::Scatter).data(data);
    let mut sets: Vec<Dataset<'_>> = levels.iter().map(|level| line(level).style(app.look.quiet())).collect();
    sets.push(line(&averages).style(app.look.chart()));
    sets.push(dots(&sells).style(app.look.longs()));
    sets.push(dots(&buys).style(app.look.shorts()));
    let middle = (low + high) / 2.0;
    let chart = Chart::new(sets)
        .block(block)
        .legend_position(None)
        .x_axis(Axis::default().bounds([from, to]).labels([time_of_day(detail.from_ms), time_of_day(detail.to_ms)]))
        .y_axis(Axis::default().bounds([low, high]).labels([price(low), price(middle), price(high)]));
    frame.render_widget(chart, area);
}

/// The distribution of the sizes as bars, the largest sizes below; as many classes as there is room for.
fn sizes(frame: &mut Frame<'_>, area: Rect, app: &App, detail: &Detail) {
    let room = usize::from(area.height.saturating_sub(1)).max(1);
    let group = detail.classes.len().div_ceil(room).max(1);
    let classes: Vec<(f64, f64, u64)> = detail
        .classes
        .chunks(group)
        .filter_map(|chunk| Some((chunk.first()?.low, chunk.last()?.high, chunk.iter().map(|class| class.count).sum())))
        .collect();
    let most = classes.iter().map(|(_, _, count)| *count).max().unwrap_or(0).max(1);
    let width = usize::from(area.width.saturating_sub(22));
    let bar = |(low, high, count): &(f64, f64, u64)| {
        let length = (*count as f64 / most as f64 * width as f64).ceil() as usize;
        Line::styled(
            format!("{:>6}-{:<6} {:>6} {}", amount(*low), amount(*high), count, "█".repeat(length)),
            app.look.chart(),
        )
    };
    let block = Block::new().borders(Borders::TOP).border_style(app.look.quiet()).title(" sizes ");
    frame.render_widget(Paragraph::new(classes.iter().map(bar).collect::<Vec<_>>()).block(block), area);
}

fn venues(frame: &mut Frame<'_>, area: Rect, app: &App, detail: &Detail) {
    let line = |venue: &crate::model::Venue| {
        let longs = venue.sell_volume / venue.volume.max(f64::MIN_POSITIVE) * 100.0;
        Line::from(format!(
            "{:12} {:>6} {:>7} {longs:>3.0}% longs",
            shown(venue.name.as_bytes(), 12),
            venue.count,
            amount(venue.volume)
        ))
    };
    let block = Block::new().borders(Borders::TOP).border_style(app.look.quiet()).title(" venues ");
    frame.render_widget(Paragraph::new(detail.venues.iter().map(line).collect::<Vec<_>>()).block(block), area);
}
