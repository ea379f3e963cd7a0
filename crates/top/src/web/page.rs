//! The pages as HTML. Every text that comes from the server goes through [`escape`], and names before that through the
//! letters of [`shown`].

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::figures::{age, amount, change, optional_amount, optional_price, price, ratio, sparkline, time_of_day};
use crate::lines;
use crate::model::{Alarm, Link, Snapshot, SymbolRow, View};
use crate::names::{Key, LONG, shown};
use crate::picture::{Paper, svg};
use crate::tables::{Column, GROUPS, POLICIES, group, policy};
use crate::watch::local_ms;

/// Rows on the page; the rest is smaller.
const MOST_ROWS: usize = 500;
const MOST_NEWS: usize = 20;
const NAV: &str = "<nav><a href=\"/\">symbols</a> <a href=\"/keys\">keys</a></nav>";

/// Which page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// All symbols.
    All,
    /// One of them.
    One(Key),
    /// One of them, by what stands for its key: it is not known yet which.
    Unread(String),
    /// What all keys are like.
    Keyspace,
}

impl Page {
    /// Its title, and where its changes come from.
    fn title_and_events(&self) -> (String, String) {
        match self {
            Self::All => ("all symbols".to_owned(), "/events".to_owned()),
            Self::One(key) => (escape(&shown(key.symbol(), LONG)), format!("/events?id={}", id(key))),
            Self::Unread(id) => ("a symbol".to_owned(), format!("/events?id={id}")),
            Self::Keyspace => ("keys".to_owned(), "/events?of=keys".to_owned()),
        }
    }
}

/// What stands for a key in addresses: keys may be long, and no text.
fn id(key: &Key) -> String {
    let mut hasher = DefaultHasher::new();
    key.bytes().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// The page of the series with this id; none when the id is none.
pub fn of_symbol(view: &View, wanted: &str) -> Option<Page> {
    let is_id = wanted.len() == 16 && wanted.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_id.then(|| find(view, wanted).map_or_else(|| Page::Unread(wanted.to_owned()), Page::One))
}

/// The key with this id.
pub fn find(view: &View, wanted: &str) -> Option<Key> {
    let rows = &view.snapshot.as_ref()?.symbols;
    rows.iter().find(|row| id(&row.name) == wanted).map(|row| row.name.clone())
}

/// Text that is only text.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

fn name(text: &str, most: usize) -> String {
    escape(&shown(text.as_bytes(), most))
}

/// A page as it is first loaded.
pub fn whole(view: &View, page: &Page) -> String {
    let (title, events) = page.title_and_events();
    format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8><title>{title} - liq-top</title>\
         <meta name=viewport content=\"width=device-width\"><link rel=stylesheet href=/style.css>\
         <script src=/live.js defer></script></head><body data-events=\"{events}\">\
         <p id=gone hidden>liq-top does not answer: what is shown is old</p>\
         <p id=held class=quiet hidden>it waits while text is marked</p><main id=view>{}</main></body></html>\n",
        content(view, page)
    )
}

/// What changes of a page.
pub fn content(view: &View, page: &Page) -> String {
    let mut out = NAV.to_owned();
    if let Link::Down { since_ms, why } = &view.link {
        let since = age(local_ms().saturating_sub(*since_ms));
        let _ = write!(out, "<p class=alarm>no server for {since}: {}</p>", escape(why));
    }
    let Some(snapshot) = view.snapshot.as_deref() else {
        out.push_str("<p>nothing was read yet</p>");
        return out;
    };
    let class = match snapshot.memory.alarm {
        Some(Alarm::Alert) => "alarm",
        Some(Alarm::Warning) => "warning",
        None => "quiet",
    };
    let [server, memory] = lines::head(snapshot);
    let _ = write!(out, "<p class=quiet>{}</p><p class={class}>{}</p>", escape(&server), escape(&memory));
    for warning in &snapshot.warnings {
        let _ = write!(out, "<p class=warning>{}</p>", escape(warning));
    }
    match page {
        Page::All => all(&mut out, snapshot),
        Page::One(key) => one(&mut out, view, snapshot, key),
        Page::Unread(_) => out.push_str("<p class=warning>there is no such symbol, or it was not read yet</p>"),
        Page::Keyspace => keyspace(&mut out, snapshot),
    }
    out
}

/// In the place of a symbol that is one too many.
pub fn too_many() -> String {
    format!("{NAV}<p class=warning>too many symbols are open: this one waits until another is closed</p>")
}

fn all(out: &mut String, snapshot: &Snapshot) {
    let _ = write!(
        out,
        "<table><thead><tr><th>symbol ({})<th>events<th>volume<th>p50<th>p80<th>p95<th>vwap<th>dev<th>longs<th>rate<th>last hour\
         </thead><tbody>",
        age(snapshot.window_ms)
    );
    for row in snapshot.symbols.iter().take(MOST_ROWS) {
        symbol_row(out, row);
    }
    out.push_str("</tbody></table>");
    if let Some(more @ 1..) = snapshot.symbols.len().checked_sub(MOST_ROWS) {
        let _ = write!(out, "<p class=quiet>and {more} with less volume</p>");
    }
    news(out, snapshot);
    tables(out, snapshot);
}

fn symbol_row(out: &mut String, row: &SymbolRow) {
    let _ = write!(out, "<tr><td><a href=\"/symbol?id={}\">{}</a>", id(&row.name), name(&row.symbol, 32));
    if let Some(error) = &row.error {
        let _ = write!(out, "<td colspan=10 class=warning>{}", escape(error));
        return;
    }
    let longs = row.sell_volume / (row.buy_volume + row.sell_volume).max(f64::MIN_POSITIVE) * 100.0;
    let _ = write!(
        out,
        "<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td><meter min=0 max=100 value={longs:.0} title=\"{longs:.0} % longs\"></meter>\
         <td>{}<td class=chart>{}",
        row.count,
        amount(row.volume),
        optional_amount(row.p50),
        optional_amount(row.p80),
        optional_amount(row.p95),
        optional_price(row.vwap),
        escape(&change(row.deviation_pct)),
        ratio(row.rate_ratio),
        sparkline(&row.hour, 30),
    );
}

fn news(out: &mut String, snapshot: &Snapshot) {
    out.push_str("<section><h2>large liquidations (UTC)</h2><table><tbody>");
    for event in snapshot.events.iter().take(MOST_NEWS) {
        let _ = write!(
            out,
            "<tr class={}><td>{}<td>{}<td>{}<td>{}<td>{}<td>{}",
            event.side,
            time_of_day(event.ts_ms),
            name(&event.symbol, 32),
            event.side,
            amount(event.size),
            price(event.price),
            name(event.exchange.as_deref().unwrap_or_default(), 20),
        );
    }
    out.push_str("</tbody></table></section><section><h2>signals (UTC)</h2><table><tbody>");
    for signal in snapshot.signals.iter().take(MOST_NEWS) {
        let _ = write!(
            out,
            "<tr><td>{}<td>{}<td>{}<td>{}<td>{}<td>{}",
            signal.ts_ms.map(time_of_day).unwrap_or_default(),
            name(&signal.symbol, 32),
            name(&signal.side, 8),
            optional_price(signal.price),
            escape(&change(signal.vwap_deviation)),
            name(&signal.entry_reason, 32),
        );
    }
    out.push_str("</tbody></table></section>");
}

fn tables(out: &mut String, snapshot: &Snapshot) {
    let count = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    out.push_str("<section><h2>markets</h2><table><thead><tr><th>market<th>price<th>age<th>armed<th>pending<th>fired</thead><tbody>");
    for row in snapshot.markets.iter().take(MOST_ROWS) {
        let _ = write!(
            out,
            "<tr class={}><td>{}<td>{}<td>{}<td>{}<td>{}<td>{}",
            if row.is_stale == Some(true) { "warning" } else { "live" },
            name(&row.symbol, 32),
            name(row.price.as_deref().unwrap_or("-"), 24),
            row.age_ms.map_or_else(|| "-".to_owned(), age),
            count(row.armed),
            count(row.pending),
            count(row.fired),
        );
    }
    out.push_str("</tbody></table></section><section><h2>limiters, fullest first</h2><table><tbody>");
    for row in snapshot.limiters.iter().take(MOST_NEWS) {
        let _ = write!(
            out,
            "<tr class={}><td>{}<td>{:.0} %<td>of {} in {}<td>{}",
            if row.ban_ms > 0 || row.used_share >= 0.9 { "warning" } else { "live" },
            name(&row.key, 40),
            row.used_share * 100.0,
            row.burst,
            age(row.period_ms),
            if row.ban_ms > 0 { format!("banned for {}", age(row.ban_ms)) } else { String::new() },
        );
    }
    out.push_str("</tbody></table></section>");
}

fn one(out: &mut String, view: &View, snapshot: &Snapshot, key: &Key) {
    let _ = write!(
        out,
        "<h1>{}</h1><p class=quiet>{}</p>",
        escape(&shown(key.symbol(), LONG)),
        escape(&shown(key.bytes(), LONG))
    );
    let Some(row) = snapshot.symbols.iter().find(|row| row.name == *key) else {
        let _ = write!(out, "<p class=warning>{}</p>", lines::absent(snapshot));
        return;
    };
    let detail = view.details.get(key);
    for error in row.error.iter().chain(detail.and_then(|detail| detail.error.as_ref())) {
        let _ = write!(out, "<p class=warning>{}</p>", escape(error));
    }
    let Some(detail) = detail else {
        // A series whose options are refused is not read closely.
        if row.error.is_none() {
            out.push_str("<p class=quiet>it is being read</p>");
        }
        return;
    };
    match svg(row, detail, Paper::Bare) {
        Ok(picture) => out.push_str(&picture),
        Err(error) => drop(write!(out, "<p class=warning>{}</p>", escape(&error))),
    }
    out.push_str("<table><thead><tr><th>venue<th>events<th>volume<th>longs<th>shorts</thead><tbody>");
    for venue in &detail.venues {
        let _ = write!(
            out,
            "<tr><td>{}<td>{}<td>{}<td>{}<td>{}",
            name(&venue.name, 32),
            venue.count,
            amount(venue.volume),
            amount(venue.sell_volume),
            amount(venue.buy_volume)
        );
    }
    out.push_str("</tbody></table>");
}

fn keyspace(out: &mut String, snapshot: &Snapshot) {
    out.push_str("<h1>keys</h1>");
    for line in lines::audit(snapshot) {
        let _ = write!(out, "<p>{}</p>", escape(&line));
    }
    let groups = snapshot.audit.groups.iter().map(|row| (!row.broken.is_empty(), group(row)));
    table(out, &GROUPS, groups);
    out.push_str("<h2>policies</h2>");
    table(out, &POLICIES, snapshot.policies.iter().map(|row| (false, policy(row))));
}

/// A table whose rows may be of those that need attention.
fn table<const N: usize>(out: &mut String, columns: &[Column; N], rows: impl Iterator<Item = (bool, [String; N])>) {
    let class = |column: &Column| if column.is_figure { "figure" } else { "word" };
    out.push_str("<table><thead><tr>");
    for column in columns {
        let _ = write!(out, "<th class={}>{}", class(column), column.head);
    }
    out.push_str("</thead><tbody>");
    for (is_warning, cells) in rows {
        let _ = write!(out, "<tr class={}>", if is_warning { "warning" } else { "live" });
        for (column, cell) in columns.iter().zip(&cells) {
            let _ = write!(out, "<td class={}>{}", class(column), escape(cell));
        }
    }
    out.push_str("</tbody></table>");
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::board::Board;
    use crate::keys::Kind;

    #[test]
    fn a_series_is_gone_only_where_all_are_read() {
        let (key, other) = (Key::from(b"liq:{A}".as_slice()), Key::from(b"liq:{B}".as_slice()));
        let mut board = Board::new("x", 3_600_000);
        let view = |board: &Board| View { snapshot: Some(Arc::new(board.snapshot())), ..View::new("x") };
        let page = Page::One(key);
        assert!(content(&view(&board), &page).contains("the series is gone"));
        board.add(Kind::Series, other);
        assert!(content(&view(&board), &page).contains("it is gone, or was not read yet"));
    }
}
