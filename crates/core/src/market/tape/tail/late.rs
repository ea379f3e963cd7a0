//! Where late ticks go: among the oldest few, or into a chunk, which then stays open.

use super::{Chunk, Held, MOST, Order, SEALED, Tail, Tick};
use crate::steps;

/// A chunk that is open: what it holds packed is out of date, but for its first and last time.
#[derive(Debug, Clone)]
pub(super) struct Open {
    /// Which of the chunks it is.
    pub(super) place: usize,
    /// What it holds, in order.
    pub(super) ticks: Vec<Held>,
}

impl Tail {
    /// Puts a tick behind all that are not later, which lie among the oldest or in a chunk.
    #[cold]
    pub(super) fn place_late(&mut self, tick: &Tick<'_>, order: Order) {
        let moment = tick.moment(order);
        let is_earlier = |held: &Held| held.tick().moment(order) <= moment;
        let first_chunk_ms = self.chunks.front().map(|chunk| chunk.first_ms);
        let is_going = self.going.as_ref().is_some_and(|(chunk, _)| tick.ts_ms <= chunk.last_ms);
        if is_going || first_chunk_ms.is_none_or(|first_ms| tick.ts_ms < first_ms) {
            self.unpack_oldest();
        }
        let is_among_oldest = first_chunk_ms.is_none_or(|first_ms| tick.ts_ms < first_ms)
            || self.oldest.back().is_some_and(|last| !is_earlier(last));
        if is_among_oldest && self.oldest.len() == MOST {
            self.pack_oldest();
            return self.place_late(tick, order);
        }
        if is_among_oldest {
            let place = self.oldest.partition_point(is_earlier);
            self.oldest.insert(place, Held::of(tick));
            return;
        }
        // The last chunk that does not begin later; with numbers, the first one in which something is later.
        let mut place = self.chunks.partition_point(|chunk| chunk.first_ms <= tick.ts_ms).saturating_sub(1);
        if order == Order::Id {
            // Of those that share the millisecond only their ticks tell.
            let mut first = self.chunks.partition_point(|chunk| chunk.last_ms < tick.ts_ms).min(place);
            while first < place {
                let middle = first.midpoint(place);
                if self.last_of(middle).is_some_and(|last| is_earlier(&last)) {
                    first = middle + 1;
                } else {
                    place = middle;
                }
            }
        }
        self.open_at(place);
        self.insert_open(tick, order);
    }

    /// The last tick of a chunk.
    fn last_of(&self, place: usize) -> Option<Held> {
        match &self.open {
            Some(open) if open.place == place => open.ticks.last().cloned(),
            _ => {
                let mut ticks = Vec::new();
                self.chunks.get(place)?.unpack(&mut ticks);
                steps::note(ticks.len());
                ticks.pop()
            }
        }
    }

    /// Has the chunk at `place` open, and no other.
    fn open_at(&mut self, place: usize) {
        if self.open.as_ref().is_some_and(|open| open.place == place) {
            return;
        }
        // The room of the one that was open, or for as many as a chunk can come to hold.
        let mut ticks = self.close().unwrap_or_else(|| Vec::with_capacity(MOST + 1));
        if let Some(chunk) = self.chunks.get(place) {
            chunk.unpack(&mut ticks);
            steps::note(ticks.len());
            self.open = Some(Open { place, ticks });
        }
    }

    /// Packs the ticks of the open chunk; answers their room.
    pub(super) fn close(&mut self) -> Option<Vec<Held>> {
        let Open { place, mut ticks } = self.open.take()?;
        if let Some(chunk) = self.chunks.get_mut(place) {
            *chunk = Chunk::pack(&ticks);
        }
        steps::note(ticks.len());
        ticks.clear();
        Some(ticks)
    }

    /// Puts the tick into the open chunk, which becomes two when it is full.
    fn insert_open(&mut self, tick: &Tick<'_>, order: Order) {
        let moment = tick.moment(order);
        let Some(open) = &mut self.open else { return };
        let at = open.ticks.partition_point(|held| held.tick().moment(order) <= moment);
        open.ticks.insert(at, Held::of(tick));
        let Some(chunk) = self.chunks.get_mut(open.place) else { return };
        chunk.first_ms = chunk.first_ms.min(tick.ts_ms);
        chunk.last_ms = chunk.last_ms.max(tick.ts_ms);
        if open.ticks.len() > MOST {
            let behind = Chunk::pack(open.ticks.split_off(MOST / 2).as_slice());
            let place = open.place + 1;
            self.close();
            self.chunks.insert(place, behind);
        }
    }

    /// Packs the later of the oldest: a feed that goes back in time fills that end.
    fn pack_oldest(&mut self) {
        self.chunks.push_front(Chunk::pack(self.oldest.split_off(SEALED).make_contiguous()));
        if let Some(open) = &mut self.open {
            open.place += 1;
        }
    }
}
