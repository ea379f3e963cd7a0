//! What leaves a shelf, against a slow model that looks at every row: how many wait, which make room, and that none is
//! left behind.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::entry::Consignment;
use crate::shelf::tests::{above, is_sound};

#[derive(Debug, Clone)]
enum Step {
    /// Events of a series.
    Append {
        series: usize,
        sizes: Vec<u8>,
    },
    /// What goes next is sent.
    Send {
        most_series: usize,
        batch: usize,
    },
    /// Some of it was taken, and perhaps was new.
    Settle {
        many: usize,
        is_new: bool,
    },
    /// One of its events is refused.
    Refuse {
        which: usize,
    },
    Shed {
        surplus: u64,
    },
    Rewind,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..3_usize, prop::collection::vec(0..20_u8, 1..6))
            .prop_map(|(series, sizes)| Step::Append { series, sizes }),
        4 => (1..4_usize, 1..4_usize).prop_map(|(most_series, batch)| Step::Send { most_series, batch }),
        3 => (0..4_usize, any::<bool>()).prop_map(|(many, is_new)| Step::Settle { many, is_new }),
        1 => (0..9_usize).prop_map(|which| Step::Refuse { which }),
        3 => (0..7_u64).prop_map(|surplus| Step::Shed { surplus }),
        1 => Just(Step::Rewind),
    ];
    prop::collection::vec(step, 1..40)
}

/// Every row, how far each series was delivered, and up to where it was sent without an answer.
#[derive(Debug, Default)]
struct Model {
    rows: BTreeMap<i64, (i64, f64)>,
    cursors: BTreeMap<i64, i64>,
    sent: BTreeMap<i64, i64>,
}

/// From this size on an event is kept longest.
const FLOOR: f64 = 10.0;

impl Model {
    fn is_delivered(&self, id: i64, series: i64) -> bool {
        self.cursors.get(&series).is_some_and(|cursor| id <= *cursor)
    }

    /// Events of each series that were not delivered.
    fn waiting(&self) -> BTreeMap<i64, u64> {
        let mut waiting = BTreeMap::new();
        for (id, (series, _)) in &self.rows {
            *waiting.entry(*series).or_default() += u64::from(!self.is_delivered(*id, *series));
        }
        waiting
    }

    fn shed(&mut self, surplus: u64) -> u64 {
        let before = self.rows.len();
        let (cursors, sent) = (&self.cursors, &self.sent);
        self.rows.retain(|id, (series, _)| cursors.get(series).is_none_or(|cursor| id > cursor));
        let count = (surplus as usize).saturating_sub(before - self.rows.len());
        let mut order: Vec<_> = self.rows.iter().map(|(id, (series, size))| (*id, *series, *size)).collect();
        let rank = |id: i64, series: i64, size: f64| {
            let is_under_way = sent.get(&series).is_some_and(|sent| id <= *sent);
            (size >= FLOOR, size < FLOOR && is_under_way)
        };
        order.sort_by(|a, b| rank(a.0, a.1, a.2).cmp(&rank(b.0, b.1, b.2)).then(a.2.total_cmp(&b.2)));
        order.truncate(count);
        for (id, ..) in &order {
            self.rows.remove(id);
        }
        order.len() as u64
    }

    fn settle(&mut self, series: i64, last: i64) {
        let cursor = self.cursors.entry(series).or_default();
        *cursor = last.max(*cursor);
        self.sent.remove(&series);
    }
}

fn held(shelf: &Shelf) -> BTreeMap<i64, (i64, f64)> {
    let mut rows = shelf.db.prepare("SELECT id, series, size FROM event").unwrap();
    let rows = rows.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))).unwrap();
    rows.map(Result::unwrap).collect()
}

/// A shelf, its model, and what was sent last.
struct Pair {
    shelf: Shelf,
    model: Model,
    under_way: Vec<Consignment>,
    appended: u64,
}

impl Pair {
    fn new() -> Self {
        let shelf = Shelf::in_memory(is_sound).unwrap();
        Self { shelf, model: Model::default(), under_way: Vec::new(), appended: 0 }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Append { series, sizes } => self.append(["A", "B", "C"][series], &sizes),
            Step::Send { most_series, batch } => self.send(most_series, batch),
            Step::Settle { many, is_new } => self.settle(many, is_new),
            Step::Refuse { which } => self.refuse(which),
            Step::Shed { surplus } => {
                let gone = self.shelf.shed(surplus, &mut HashSet::new()).unwrap();
                assert_eq!(gone, self.model.shed(surplus));
            }
            Step::Rewind => {
                self.shelf.rewind().unwrap();
                (self.model.cursors, self.model.sent) = (BTreeMap::new(), BTreeMap::new());
            }
        }
    }

    fn append(&mut self, symbol: &str, sizes: &[u8]) {
        let mut entries = Vec::new();
        for size in sizes {
            // No two are equally large.
            self.appended += 1;
            let size = f64::from(*size) + self.appended as f64 / 1e6;
            entries.push(above(FLOOR, symbol, self.appended, size));
        }
        self.shelf.append(&entries).unwrap();
        self.model.rows = held(&self.shelf);
    }

    fn send(&mut self, most_series: usize, batch: usize) {
        self.under_way = self.shelf.next(most_series, batch, &|_| false).unwrap();
        for one in &self.under_way {
            let id = one.series.id;
            let sent = self.model.sent.entry(id).or_default();
            *sent = one.rows.last().copied().unwrap().max(*sent);
            assert!(one.rows.iter().all(|row| self.model.rows.contains_key(row) && !self.model.is_delivered(*row, id)));
        }
    }

    fn settle(&mut self, many: usize, is_new: bool) {
        for one in self.under_way.drain(..).take(many) {
            self.shelf.settle(one.series.id, &one.rows, is_new).unwrap();
            self.model.settle(one.series.id, *one.rows.last().unwrap());
        }
    }

    fn refuse(&mut self, which: usize) {
        let Some(one) = self.under_way.first() else { return };
        let row = one.rows[which % one.rows.len()];
        self.shelf.discard(one.series.id, &[row]).unwrap();
        self.model.rows.remove(&row);
    }

    fn check(&self) {
        assert_eq!(held(&self.shelf), self.model.rows);
        assert_eq!(self.shelf.rows(), self.model.rows.len() as u64);
        let waiting = self.model.waiting();
        for (id, track) in &self.shelf.tracks {
            assert_eq!(track.waiting, waiting.get(id).copied().unwrap_or_default(), "series {id}");
        }
    }

    /// Everything that waits goes, and nothing is left.
    fn drain(&mut self) {
        while self.shelf.waiting() > 0 {
            self.send(9, 2);
            assert!(!self.under_way.is_empty());
            self.settle(9, true);
            self.check();
        }
        assert!(self.model.waiting().values().all(|waiting| *waiting == 0));
    }
}

#[test]
fn events_in_doubt_that_had_to_make_room_while_they_were_under_way_are_not_taken_off_twice() {
    let mut shelf = Shelf::in_memory(is_sound).unwrap();
    let small: Vec<_> = (0..6).map(|time| above(FLOOR, "A", time, 1.0 + time as f64)).collect();
    shelf.append(&small).unwrap();
    shelf.rewind().unwrap();
    let one_by_one = shelf.next(1, 9, &|_| false).unwrap().remove(0);
    assert_eq!(one_by_one.batches.len(), 6);
    shelf.append(&[above(FLOOR, "A", 9, 8.0), above(FLOOR, "A", 10, 9.0), above(FLOOR, "A", 11, 20.0)]).unwrap();
    // What is not under way goes first, though it is larger.
    assert_eq!(shelf.shed(3, &mut HashSet::new()).unwrap(), 3);
    assert_eq!(held(&shelf).into_keys().collect::<Vec<_>>(), [2, 3, 4, 5, 6, 9]);
    shelf.settle(one_by_one.series.id, &one_by_one.rows, true).unwrap();
    assert_eq!((shelf.waiting(), shelf.rows()), (1, 6));
    assert_eq!(shelf.next(1, 9, &|_| false).unwrap()[0].rows, [9]);
}

proptest! {
    #[test]
    fn what_waits_is_what_lies_behind_the_cursor_and_what_is_under_way_makes_room_last(steps in steps()) {
        let mut pair = Pair::new();
        for step in steps {
            pair.take(step);
            pair.check();
        }
        pair.drain();
    }
}
