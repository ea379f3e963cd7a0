//! Milliseconds that hold many events: which, so that a repeated one is found without looking at each.

use std::collections::{HashMap, HashSet};

use crate::liq::series::heap::Measure;
use crate::liq::series::raw_event::RawEvent;

/// So many events of one millisecond are looked through one by one.
pub const CROWD: usize = 64;

/// What tells two events of one millisecond apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Twin {
    price_bits: u64,
    size_bits: u64,
    id_hash: u64,
    tag: u8,
}

impl Twin {
    const fn of(event: &RawEvent) -> Self {
        let (price_bits, size_bits) = (event.price.to_bits(), event.size.to_bits());
        Self { price_bits, size_bits, id_hash: event.id_hash, tag: event.tag() }
    }
}

/// The events of every millisecond that holds more than [`CROWD`], and of some that did.
#[derive(Debug, Clone, Default)]
pub struct Crowds {
    by_ms: HashMap<u64, HashSet<Twin>>,
}

impl Crowds {
    /// Whether nothing is crowded.
    pub fn is_empty(&self) -> bool {
        self.by_ms.is_empty()
    }

    /// Whether the millisecond of `event` holds its equal; `None` when that is not known here.
    pub fn contains(&self, event: &RawEvent) -> Option<bool> {
        self.by_ms.get(&event.ts_ms).map(|twins| twins.contains(&Twin::of(event)))
    }

    /// Takes in an event; `false` when its millisecond is not known here.
    pub fn add(&mut self, event: &RawEvent) -> bool {
        self.by_ms.get_mut(&event.ts_ms).is_some_and(|twins| {
            twins.insert(Twin::of(event));
            true
        })
    }

    /// Takes in all events of a millisecond that became crowded.
    pub fn begin(&mut self, ts_ms: u64, events: impl Iterator<Item = RawEvent>) {
        self.by_ms.insert(ts_ms, events.map(|event| Twin::of(&event)).collect());
    }

    /// Takes out an event that left.
    pub fn remove(&mut self, event: &RawEvent) {
        let Some(twins) = self.by_ms.get_mut(&event.ts_ms) else { return };
        twins.remove(&Twin::of(event));
        // Half as many may come again before it is worth while.
        if twins.len() <= CROWD / 2 {
            self.by_ms.remove(&event.ts_ms);
        }
    }

    /// Measures every buffer, whose start is not known.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        let table = |capacity: usize, entry: usize| (capacity * 8 / 7).next_power_of_two() * (entry + 1);
        if self.by_ms.capacity() > 0 {
            measure(std::ptr::null(), table(self.by_ms.capacity(), size_of::<(u64, HashSet<Twin>)>()));
        }
        for twins in self.by_ms.values() {
            measure(std::ptr::null(), table(twins.capacity(), size_of::<Twin>()));
        }
    }
}
