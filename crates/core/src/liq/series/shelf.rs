//! Where cursors over windows that are not the series' own are kept: the 16 lengths asked for last, and all series
//! together within one room, from which the longest unused go first.
//!
//! A cursor never changes an answer, only what it costs, so a process-wide room needs no care beyond its size.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};

use super::Side;
use super::heap::{self, Measure};
use super::order::OrderCursor;
use super::totals::SumCursor;
use crate::relocation::Mover;
use crate::steps;

/// Lengths of windows that one series keeps cursors for.
const MOST_LENGTHS: usize = 16;

/// Bytes that the kept cursors of all series may take, unless [`set_room`] says otherwise.
pub const DEFAULT_ROOM_BYTES: usize = 32 << 20;

static ROOM_BYTES: AtomicUsize = AtomicUsize::new(DEFAULT_ROOM_BYTES);
static USED_BYTES: AtomicUsize = AtomicUsize::new(0);
static TURN: AtomicU64 = AtomicU64::new(0);
static SHELVES: Mutex<Vec<Weak<Mutex<Kept>>>> = Mutex::new(Vec::new());

/// Says how many bytes the kept cursors of all series may take; 0 keeps none but each series' own. What is too much goes
/// now.
pub fn set_room(bytes: usize) {
    ROOM_BYTES.store(bytes, Ordering::Relaxed);
    make_room(bytes);
}

/// Bytes that the kept cursors of all series take.
pub fn used_room() -> usize {
    USED_BYTES.load(Ordering::Relaxed)
}

/// What a cursor is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The order of sizes of a window, ms, and of one side or both.
    Order(u64, Option<Side>),
    /// The sums of a window, ms.
    Sums(u64),
}

impl Key {
    const fn window_ms(self) -> u64 {
        match self {
            Self::Order(window_ms, _) | Self::Sums(window_ms) => window_ms,
        }
    }
}

#[derive(Debug)]
enum Cursor {
    Order(OrderCursor),
    Sums(SumCursor),
}

#[derive(Debug)]
struct Entry {
    key: Key,
    cursor: Cursor,
    /// When it was asked last, by the process-wide count of questions.
    turn: u64,
    bytes: usize,
}

impl Entry {
    fn measure(&self, measure: &mut Measure<'_>) {
        match &self.cursor {
            Cursor::Order(cursor) => cursor.measure(measure),
            Cursor::Sums(cursor) => cursor.measure(measure),
        }
    }
}

/// The cursors that one series keeps.
#[derive(Debug, Default)]
struct Kept {
    entries: Vec<Entry>,
}

impl Kept {
    /// Drops the entries that `goes` names, and gives their room back.
    fn let_go(&mut self, mut goes: impl FnMut(&Entry) -> bool) {
        self.entries.retain(|entry| {
            let goes = goes(entry);
            if goes {
                USED_BYTES.fetch_sub(entry.bytes, Ordering::Relaxed);
            }
            !goes
        });
        if self.entries.is_empty() {
            self.entries = Vec::new();
        }
    }

    /// Puts down what an entry takes by now.
    fn weigh(&mut self, place: usize) {
        let Some(entry) = self.entries.get_mut(place) else { return };
        let mut bytes = size_of::<Entry>();
        entry.measure(&mut |_, more| bytes += more);
        USED_BYTES.fetch_add(bytes, Ordering::Relaxed);
        USED_BYTES.fetch_sub(entry.bytes, Ordering::Relaxed);
        entry.bytes = bytes;
    }

    fn limit_lengths(&mut self) {
        let mut lengths: Vec<(u64, u64)> = Vec::new();
        for entry in &self.entries {
            let window_ms = entry.key.window_ms();
            match lengths.iter_mut().find(|(_, held)| *held == window_ms) {
                Some((turn, _)) => *turn = (*turn).max(entry.turn),
                None => lengths.push((entry.turn, window_ms)),
            }
        }
        if lengths.len() > MOST_LENGTHS
            && let Some((_, oldest_ms)) = lengths.into_iter().min()
        {
            self.let_go(|entry| entry.key.window_ms() == oldest_ms);
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.let_go(|_| true);
    }
}

/// A series' place among those that keep cursors.
#[derive(Debug, Default)]
pub struct Shelf {
    /// Made by the first question about another window.
    kept: Option<Arc<Mutex<Kept>>>,
}

/// A copy begins without cursors.
impl Clone for Shelf {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Shelf {
    /// Asks the order of `key`, made by `make` when none is kept.
    pub fn order<R>(
        &mut self,
        (window_ms, side): (u64, Option<Side>),
        make: impl FnOnce() -> OrderCursor,
        ask: impl FnOnce(&mut OrderCursor) -> R,
    ) -> R {
        let mut made = None;
        self.with(
            Key::Order(window_ms, side),
            || Cursor::Order(make()),
            |cursor| match cursor {
                Cursor::Order(cursor) => ask(cursor),
                // A key of orders never holds sums.
                Cursor::Sums(_) => ask(made.insert(OrderCursor::new(window_ms, side))),
            },
        )
    }

    /// Asks the sums of the window of `window_ms`.
    pub fn sums<R>(&mut self, window_ms: u64, ask: impl FnOnce(&mut SumCursor) -> R) -> R {
        let mut made = None;
        self.with(
            Key::Sums(window_ms),
            || Cursor::Sums(SumCursor::new(window_ms)),
            |cursor| match cursor {
                Cursor::Sums(cursor) => ask(cursor),
                // A key of sums never holds an order.
                Cursor::Order(_) => ask(made.insert(SumCursor::new(window_ms))),
            },
        )
    }

    fn with<R>(&mut self, key: Key, make: impl FnOnce() -> Cursor, ask: impl FnOnce(&mut Cursor) -> R) -> R {
        let room = ROOM_BYTES.load(Ordering::Relaxed);
        if room == 0 {
            // Made for this answer alone: what were kept now would go at once, by a walk over all series.
            self.kept = None;
            return ask(&mut make());
        }
        let shelf = self.kept.get_or_insert_with(new_shelf);
        let mut kept = lock(shelf);
        let turn = TURN.fetch_add(1, Ordering::Relaxed);
        let place = match kept.entries.iter().position(|entry| entry.key == key) {
            Some(place) => place,
            None => {
                kept.entries.push(Entry { key, cursor: make(), turn, bytes: 0 });
                kept.limit_lengths();
                kept.entries.len() - 1
            }
        };
        let answer = match kept.entries.get_mut(place) {
            Some(entry) => {
                entry.turn = turn;
                ask(&mut entry.cursor)
            }
            None => ask(&mut Cursor::Sums(SumCursor::new(key.window_ms()))),
        };
        kept.weigh(place);
        if USED_BYTES.load(Ordering::Relaxed) > room {
            // Own entries first give way to the one just asked; others' are reached with this shelf unlocked.
            drop(kept);
            make_room(room);
        }
        answer
    }

    /// Lets every order that is kept hear of something.
    pub fn each_order(&mut self, mut tell: impl FnMut(&mut OrderCursor)) {
        let Some(shelf) = &self.kept else { return };
        for entry in &mut lock(shelf).entries {
            if let Cursor::Order(cursor) = &mut entry.cursor {
                tell(cursor);
            }
        }
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        let Some(shelf) = &self.kept else { return };
        let kept = lock(shelf);
        measure(std::ptr::null(), size_of::<Mutex<Kept>>() + size_of::<[usize; 2]>());
        heap::vec(&kept.entries, measure);
        kept.entries.iter().for_each(|entry| entry.measure(measure));
    }

    /// Moves every buffer but the shelf itself, which others know by its place.
    pub fn relocate(&self, mover: &mut impl Mover) {
        let Some(shelf) = &self.kept else { return };
        let mut kept = lock(shelf);
        mover.vec(&mut kept.entries);
        for entry in &mut kept.entries {
            match &mut entry.cursor {
                Cursor::Order(cursor) => cursor.relocate(mover),
                Cursor::Sums(cursor) => cursor.relocate(mover),
            }
        }
    }
}

/// Nothing that holds the lock can leave cursors half changed but a panic, after which the series itself is in doubt.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn new_shelf() -> Arc<Mutex<Kept>> {
    let shelf = Arc::default();
    let mut shelves = lock(&SHELVES);
    if shelves.len() == shelves.capacity() {
        shelves.retain(|shelf| shelf.strong_count() > 0);
    }
    shelves.push(Arc::downgrade(&shelf));
    shelf
}

/// Lets the longest unused cursors go until a quarter of the room is free again, so that this walk is rare.
fn make_room(room: usize) {
    if USED_BYTES.load(Ordering::Relaxed) <= room {
        return;
    }
    let shelves: Vec<Arc<Mutex<Kept>>> = lock(&SHELVES).iter().filter_map(Weak::upgrade).collect();
    let mut entries: Vec<(u64, usize)> = Vec::new();
    for shelf in &shelves {
        if let Some(kept) = try_lock(shelf) {
            entries.extend(kept.entries.iter().map(|entry| (entry.turn, entry.bytes)));
        }
    }
    steps::note(shelves.len() + entries.len());
    entries.sort_unstable();
    let mut excess = USED_BYTES.load(Ordering::Relaxed).saturating_sub(room - room / 4);
    let mut last_turn = None;
    for (turn, bytes) in entries {
        if excess == 0 {
            break;
        }
        excess = excess.saturating_sub(bytes);
        last_turn = Some(turn);
    }
    let Some(last_turn) = last_turn else { return };
    for shelf in &shelves {
        if let Some(mut kept) = try_lock(shelf) {
            kept.let_go(|entry| entry.turn <= last_turn);
        }
    }
}

/// A shelf that another thread holds is being freed or asked: it keeps what it has this time.
fn try_lock(shelf: &Mutex<Kept>) -> Option<MutexGuard<'_, Kept>> {
    match shelf.try_lock() {
        Ok(kept) => Some(kept),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}
