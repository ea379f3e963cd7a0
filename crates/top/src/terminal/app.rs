//! What is chosen: page, row, order, filter, window; and what a key does to it.

use std::cmp::Ordering;
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::style::Look;
use crate::model::{Detail, Link, Snapshot, SymbolRow, View};
use crate::names::{Key, shown};
use crate::watch::Wants;

/// Windows to go through, milliseconds.
const WINDOWS: [u64; 6] = [60_000, 300_000, 900_000, 3_600_000, 14_400_000, 86_400_000];
/// The longest filter.
const LONGEST_FILTER: usize = 40;

/// What happens after a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It goes on.
    GoOn,
    /// The program ends.
    End,
}

/// What is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// All symbols.
    All,
    /// One of them.
    One(Key),
    /// What all keys are like.
    Keyspace,
    /// The keys to press and what is shown.
    Help,
}

/// What rows are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Volume,
    Events,
    P95,
    Deviation,
    Longs,
    Rate,
    Symbol,
}

impl Order {
    const ALL: [Self; 7] =
        [Self::Volume, Self::Events, Self::P95, Self::Deviation, Self::Longs, Self::Rate, Self::Symbol];

    /// Its name in the line below.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Volume => "volume",
            Self::Events => "events",
            Self::P95 => "p95",
            Self::Deviation => "deviation",
            Self::Longs => "long share",
            Self::Rate => "rate",
            Self::Symbol => "symbol",
        }
    }

    /// The largest first; deviations by their size, whichever way.
    fn compare(self, left: &SymbolRow, right: &SymbolRow) -> Ordering {
        let by = |of: fn(&SymbolRow) -> f64| of(right).total_cmp(&of(left));
        let least = |value: Option<f64>| value.unwrap_or(f64::NEG_INFINITY);
        match self {
            Self::Volume => by(|row| row.volume),
            Self::Events => by(|row| row.count as f64),
            Self::P95 => least(right.p95).total_cmp(&least(left.p95)),
            Self::Deviation => {
                least(right.deviation_pct.map(f64::abs)).total_cmp(&least(left.deviation_pct.map(f64::abs)))
            }
            Self::Longs => by(|row| row.sell_volume / (row.buy_volume + row.sell_volume).max(f64::MIN_POSITIVE)),
            Self::Rate => least(right.rate_ratio).total_cmp(&least(left.rate_ratio)),
            Self::Symbol => left.name.cmp(&right.name),
        }
    }
}

/// What the lower part of the page of all symbols shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Panel {
    Events,
    Signals,
    Markets,
    Limiters,
}

impl Panel {
    /// In the order of the Tab key.
    pub const ALL: [Self; 4] = [Self::Events, Self::Signals, Self::Markets, Self::Limiters];

    /// The one behind it.
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|panel| *panel == self).unwrap_or(0);
        Self::ALL.get((at + 1) % Self::ALL.len()).copied().unwrap_or(self)
    }
}

/// Everything that is chosen, and what is seen.
#[derive(Debug)]
pub struct App {
    /// What is known of the server.
    pub(super) view: Option<View>,
    pub(super) page: Page,
    pub(super) order: Order,
    pub(super) is_turned_round: bool,
    pub(super) filter: String,
    /// Whether keys go into the filter.
    pub(super) is_typing: bool,
    pub(super) window_ms: u64,
    pub(super) panel: Panel,
    pub(super) look: Look,
    /// The chosen row, by name, so that it stays chosen while rows change places.
    chosen: Option<Key>,
    /// The rows that pass the filter, in order.
    pub(super) rows: Vec<SymbolRow>,
    /// How many rows were drawn: a page of them.
    pub(super) page_rows: usize,
    /// The first row that the page of all keys shows.
    pub(super) first_row: usize,
}

impl App {
    /// Nothing is known yet: all symbols, by volume.
    pub fn new(window_ms: u64, colours: bool) -> Self {
        Self {
            view: None,
            page: Page::All,
            order: Order::Volume,
            is_turned_round: false,
            filter: String::new(),
            is_typing: false,
            window_ms,
            panel: Panel::Events,
            look: Look { colours },
            chosen: None,
            rows: Vec::new(),
            page_rows: 10,
            first_row: 0,
        }
    }

    /// Takes what is known now.
    pub fn see(&mut self, view: View) {
        let is_new = match (self.snapshot(), &view.snapshot) {
            (Some(old), Some(new)) => !Arc::ptr_eq(old, new),
            (old, new) => old.is_some() != new.is_some(),
        };
        self.view = Some(view);
        if is_new {
            self.arrange();
        }
    }

    /// The newest picture.
    pub fn snapshot(&self) -> Option<&Arc<Snapshot>> {
        self.view.as_ref()?.snapshot.as_ref()
    }

    /// Whether the server answers.
    pub fn link(&self) -> Link {
        self.view.as_ref().map_or(Link::Connecting, |view| view.link.clone())
    }

    /// What is known of the symbol that is open.
    pub fn detail(&self) -> Option<&Detail> {
        let Page::One(key) = &self.page else { return None };
        self.view.as_ref()?.details.get(key).map(AsRef::as_ref)
    }

    /// What the model should read.
    pub fn wants(&self) -> Wants {
        let open = if let Page::One(key) = &self.page { vec![key.clone()] } else { Vec::new() };
        Wants { window_ms: self.window_ms, open }
    }

    /// The place of the chosen row.
    pub fn place(&self) -> usize {
        let at = self.chosen.as_ref().and_then(|key| self.rows.iter().position(|row| row.name == *key));
        at.unwrap_or(0)
    }

    fn arrange(&mut self) {
        let Some(snapshot) = self.snapshot() else { return };
        let wanted = self.filter.to_lowercase();
        let passes = |row: &&SymbolRow| shown(row.symbol.as_bytes(), 200).to_lowercase().contains(&wanted);
        let mut rows: Vec<SymbolRow> = snapshot.symbols.iter().filter(passes).cloned().collect();
        let order = self.order;
        rows.sort_by(|left, right| order.compare(left, right).then_with(|| left.name.cmp(&right.name)));
        if self.is_turned_round {
            rows.reverse();
        }
        self.rows = rows;
    }

    fn choose(&mut self, place: usize) {
        let place = place.min(self.rows.len().saturating_sub(1));
        self.chosen = self.rows.get(place).map(|row| row.name.clone());
    }

    /// What a key does.
    pub fn press(&mut self, key: KeyEvent) -> Then {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return if key.code == KeyCode::Char('c') { Then::End } else { Then::GoOn };
        }
        if self.is_typing {
            self.type_filter(key.code);
            return Then::GoOn;
        }
        match (&self.page, key.code) {
            (Page::All, KeyCode::Char('q')) => return Then::End,
            (_, KeyCode::Char('?' | 'h')) => self.page = if self.page == Page::Help { Page::All } else { Page::Help },
            (_, KeyCode::Char('q') | KeyCode::Esc | KeyCode::Backspace | KeyCode::Left) => self.leave(),
            (_, KeyCode::Char('w')) => self.step_window(true),
            (_, KeyCode::Char('W')) => self.step_window(false),
            (_, KeyCode::Char('a')) => {
                self.page = if self.page == Page::Keyspace { Page::All } else { Page::Keyspace };
                self.first_row = 0;
            }
            (Page::All, code) => self.press_in_table(code),
            (Page::Keyspace, code) => self.scroll(code),
            _ => {}
        }
        Then::GoOn
    }

    fn leave(&mut self) {
        if self.page == Page::All {
            self.filter.clear();
            self.arrange();
        }
        self.page = Page::All;
    }

    fn scroll(&mut self, code: KeyCode) {
        let page = self.page_rows.max(1);
        self.first_row = match code {
            KeyCode::Down | KeyCode::Char('j') => self.first_row + 1,
            KeyCode::Up | KeyCode::Char('k') => self.first_row.saturating_sub(1),
            KeyCode::PageDown | KeyCode::Char(' ') => self.first_row + page,
            KeyCode::PageUp => self.first_row.saturating_sub(page),
            KeyCode::Home | KeyCode::Char('g') => 0,
            // As far as there are rows: drawing knows how many.
            KeyCode::End | KeyCode::Char('G') => usize::MAX / 2,
            _ => self.first_row,
        };
    }

    fn press_in_table(&mut self, code: KeyCode) {
        let (place, page) = (self.place(), self.page_rows.max(1));
        match code {
            KeyCode::Down | KeyCode::Char('j') => self.choose(place + 1),
            KeyCode::Up | KeyCode::Char('k') => self.choose(place.saturating_sub(1)),
            KeyCode::PageDown | KeyCode::Char(' ') => self.choose(place + page),
            KeyCode::PageUp => self.choose(place.saturating_sub(page)),
            KeyCode::Home | KeyCode::Char('g') => self.choose(0),
            KeyCode::End | KeyCode::Char('G') => self.choose(usize::MAX),
            KeyCode::Enter | KeyCode::Right => {
                if let Some(row) = self.rows.get(place) {
                    self.page = Page::One(row.name.clone());
                }
            }
            KeyCode::Tab => self.panel = self.panel.next(),
            KeyCode::Char('/') => self.is_typing = true,
            KeyCode::Char('s') => {
                let at = Order::ALL.iter().position(|order| *order == self.order).unwrap_or(0);
                self.order = Order::ALL.get((at + 1) % Order::ALL.len()).copied().unwrap_or(Order::Volume);
                self.arrange();
            }
            KeyCode::Char('S') => {
                self.is_turned_round = !self.is_turned_round;
                self.arrange();
            }
            _ => {}
        }
    }

    fn type_filter(&mut self, code: KeyCode) {
        match code {
            KeyCode::Enter => self.is_typing = false,
            KeyCode::Esc => {
                self.is_typing = false;
                self.filter.clear();
            }
            KeyCode::Backspace => drop(self.filter.pop()),
            KeyCode::Char(letter) if self.filter.chars().count() < LONGEST_FILTER && !letter.is_control() => {
                self.filter.push(letter);
            }
            _ => {}
        }
        self.arrange();
    }

    /// The next longer window, or the next shorter one.
    fn step_window(&mut self, is_longer: bool) {
        let next = if is_longer {
            WINDOWS.iter().find(|window| **window > self.window_ms).or(WINDOWS.first())
        } else {
            WINDOWS.iter().rev().find(|window| **window < self.window_ms).or(WINDOWS.last())
        };
        self.window_ms = next.copied().unwrap_or(self.window_ms);
    }
}
