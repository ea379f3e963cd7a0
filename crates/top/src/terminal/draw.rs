//! A whole frame: what the server is, the page, and the line of keys. Parts that have no room are left out, so that every
//! size of a terminal shows something true.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::app::{App, Page};
use super::{help, keyspace, panels, symbol, table};
use crate::figures::age;
use crate::lines;
use crate::model::{Alarm, Link};
use crate::names::{sentence, shown};
use crate::watch::local_ms;

/// Draws everything.
pub fn frame(frame: &mut Frame<'_>, app: &mut App) {
    let area = frame.area();
    let notes = notes(app);
    let is_small = area.height < 12;
    let head_rows = if is_small { 1 } else { 2 };
    let note_rows = u16::try_from(notes.len()).unwrap_or(0).min(if is_small { 1 } else { 3 });
    let [head, note, body, foot] = Layout::vertical([
        Constraint::Length(head_rows),
        Constraint::Length(note_rows),
        Constraint::Min(0),
        Constraint::Length(u16::from(area.height > 3)),
    ])
    .areas(area);
    frame.render_widget(Paragraph::new(head_lines(app, is_small)), head);
    frame.render_widget(Paragraph::new(notes), note);
    match app.page.clone() {
        Page::Help => help::draw(frame, body, app),
        Page::One(key) => symbol::draw(frame, body, app, &key),
        Page::Keyspace => keyspace::draw(frame, body, app),
        Page::All => all(frame, body, app),
    }
    frame.render_widget(Paragraph::new(foot_line(app)), foot);
}

/// The table, and below it what is new, where there is room.
fn all(frame: &mut Frame<'_>, area: Rect, app: &mut App) {
    let lower = if area.height < 14 { 0 } else { (area.height * 2 / 5).min(20) };
    let [upper, lower] = Layout::vertical([Constraint::Min(0), Constraint::Length(lower)]).areas(area);
    table::draw(frame, upper, app);
    if lower.height > 0 {
        panels::draw(frame, lower, app);
    }
}

fn head_lines(app: &App, is_small: bool) -> Vec<Line<'static>> {
    let Some(snapshot) = app.snapshot() else {
        let address = app.view.as_ref().map(|view| view.address.clone()).unwrap_or_default();
        return vec![Line::from(format!("liq-top  {address}"))];
    };
    let [server, memory] = lines::head(snapshot);
    let style = match snapshot.memory.alarm {
        Some(Alarm::Alert) => app.look.alarm(),
        Some(Alarm::Warning) => app.look.warning(),
        None => ratatui::style::Style::new(),
    };
    let memory = Line::styled(memory, style);
    // Where one line must do, it is the one with the alarm, if there is any.
    match (is_small, snapshot.memory.alarm.is_some()) {
        (true, false) => vec![Line::from(server)],
        (true, true) => vec![memory],
        _ => vec![Line::from(server), memory],
    }
}

/// What a person must know: the server is away, data is in danger, something may not be read.
fn notes(app: &App) -> Vec<Line<'static>> {
    let mut out = Vec::new();
    match app.link() {
        Link::Down { since_ms, why } => {
            let since = age(local_ms().saturating_sub(since_ms));
            let old = if app.snapshot().is_some() { "; what is shown is old" } else { "" };
            out.push(Line::styled(format!("NO SERVER for {since}{old}: {}", sentence(&why)), app.look.alarm()));
        }
        Link::Connecting => out.push(Line::from("connecting ...")),
        Link::Up => {}
    }
    let warnings = app.snapshot().map(|snapshot| snapshot.warnings.clone()).unwrap_or_default();
    out.extend(warnings.into_iter().map(|warning| Line::styled(format!("! {warning}"), app.look.warning())));
    out
}

fn foot_line(app: &App) -> Line<'static> {
    if app.is_typing {
        return Line::from(format!("filter: {}_", shown(app.filter.as_bytes(), 60)));
    }
    let mut parts = vec![Span::from(format!("{} ", age(app.window_ms)))];
    match &app.page {
        Page::All => {
            let turned = if app.is_turned_round { ", turned round" } else { "" };
            parts.push(Span::from(format!("by {}{turned} ", app.order.name())));
            if !app.filter.is_empty() {
                parts.push(Span::from(format!("with '{}' ", shown(app.filter.as_bytes(), 20))));
            }
            parts.push(Span::styled(
                "? help  Enter open  s sort  / filter  w window  Tab panel  a keys  q quit",
                app.look.quiet(),
            ));
        }
        _ => parts.push(Span::styled("Esc back  w window  ? help  Ctrl-C quit", app.look.quiet())),
    }
    Line::from(parts)
}
