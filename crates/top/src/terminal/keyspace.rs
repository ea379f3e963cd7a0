//! The page of all keys: what the newest audit found, group by group, and what policies did.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders, Paragraph};

use super::app::App;
use crate::lines;
use crate::model::{GroupRow, PolicyRow};
use crate::tables::{GROUPS, POLICIES, group, heading, line, policy};

/// Draws it, and keeps the first row within what there is.
pub fn draw(frame: &mut Frame<'_>, area: Rect, app: &mut App) {
    let Some(snapshot) = app.snapshot().cloned() else { return };
    let head: Vec<Line<'_>> = lines::audit(&snapshot).into_iter().map(Line::from).collect();
    let head_rows = u16::try_from(head.len()).unwrap_or(u16::MAX);
    let policy_rows = match snapshot.policies.len() {
        0 => 0,
        // Rows, heading and border, where there is room for both tables.
        count => u16::try_from(count + 2).unwrap_or(u16::MAX).min(area.height / 3),
    };
    let [top, upper, lower] =
        Layout::vertical([Constraint::Length(head_rows), Constraint::Min(0), Constraint::Length(policy_rows)])
            .areas(area);
    frame.render_widget(Paragraph::new(head), top);
    app.page_rows = usize::from(upper.height.saturating_sub(1));
    app.first_row = app.first_row.min(snapshot.audit.groups.len().saturating_sub(app.page_rows));
    groups(frame, upper, app, &snapshot.audit.groups);
    policies(frame, lower, app, &snapshot.policies);
}

fn groups(frame: &mut Frame<'_>, area: Rect, app: &App, rows: &[GroupRow]) {
    let text = |row: &GroupRow| {
        let style = if row.broken.is_empty() { Style::new() } else { app.look.warning() };
        Line::styled(line(&GROUPS, &group(row)), style)
    };
    let head = (!rows.is_empty()).then(|| Line::styled(heading(&GROUPS), app.look.head()));
    let seen = rows.iter().skip(app.first_row).take(app.page_rows).map(text);
    frame.render_widget(Paragraph::new(head.into_iter().chain(seen).collect::<Vec<_>>()), area);
}

fn policies(frame: &mut Frame<'_>, area: Rect, app: &App, rows: &[PolicyRow]) {
    if area.height < 3 {
        return;
    }
    let head = Line::styled(heading(&POLICIES), app.look.head());
    let lines: Vec<Line<'_>> =
        std::iter::once(head).chain(rows.iter().map(|row| Line::from(line(&POLICIES, &policy(row))))).collect();
    let block = Block::new().borders(Borders::TOP).title(" policies ").border_style(app.look.quiet());
    frame.render_widget(Paragraph::new(lines).block(block), area);
}
