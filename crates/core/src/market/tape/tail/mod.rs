//! The newest ticks of a market, raw and in order.
//!
//! They lie in three parts: the oldest few, which are the next to go; most of them packed in chunks; the newest few
//! unpacked, since that is where ticks arrive. Of the oldest few a cursor knows where those begin that are left, unless a
//! late tick came among them: then they are unpacked. The chunk that a late tick went into stays open for the next one,
//! as late ticks come in runs, until a late tick goes elsewhere or the newest few become a chunk.

mod ids;
mod late;

use std::collections::VecDeque;

use ids::Ids;
use late::Open;

use super::chunk::{Chunk, Cursor, MOST, SEALED};
use super::tick::{Held, Id, Order, Side, Tick};
use crate::heap::{self, Measure};
use crate::relocation::Mover;
use crate::steps;

/// What of a tail is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Not earlier, Unix ms.
    pub from_ms: u64,
    /// Not later, Unix ms.
    pub to_ms: u64,
    /// Newest first.
    pub is_reversed: bool,
    /// At most so many.
    pub count: usize,
    /// Of this side only.
    pub side: Option<Side>,
}

/// The newest ticks.
#[derive(Debug, Clone, Default)]
pub struct Tail {
    oldest: VecDeque<Held>,
    /// The oldest few where they are packed, and how many of them are gone.
    going: Option<(Chunk, Cursor)>,
    chunks: VecDeque<Chunk>,
    newest: Vec<Held>,
    /// The chunk whose ticks are unpacked, if one is.
    open: Option<Open>,
    /// How many there are.
    len: usize,
    /// The IDs of all that are held, where they are names. Derived.
    ids: Ids,
}

impl Tail {
    /// How many ticks are held.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether none is.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether a tick of this ID is held.
    #[inline]
    pub fn has_id(&self, id: Id<'_>) -> bool {
        self.ids.has(id)
    }

    /// Records `tick` in its place and lets the oldest go beyond `keep`. IDs are remembered where they are names.
    pub fn record(&mut self, tick: &Tick<'_>, order: Order, keep: usize) {
        // Nearly always it is the newest.
        let is_newest = self.newest.last().is_some_and(|last| last.ts_ms <= tick.ts_ms);
        if keep == 0 || (self.len >= keep && !is_newest && self.is_before_all(tick, order)) {
            return;
        }
        if order == Order::Time {
            self.ids.insert(tick.id);
        }
        self.place(tick, order);
        self.len += 1;
        // One comes and one goes; of two there are fewer each time where less is to be kept than before.
        self.shrink(keep, order, 2);
    }

    /// Lets the oldest go beyond `keep`.
    pub fn shrink_to(&mut self, keep: usize, order: Order) {
        self.shrink(keep, order, usize::MAX);
    }

    /// Lets the oldest go beyond `keep`, but no more than `most`.
    pub fn shrink(&mut self, keep: usize, order: Order, most: usize) {
        let surplus = self.len.saturating_sub(keep).min(most);
        steps::note(surplus);
        for _ in 0..surplus {
            if self.drop_packed(order).or_else(|| self.drop_unpacked(order)).is_none() {
                return;
            }
            self.len -= 1;
        }
    }

    /// Lets the oldest go where it is packed: nothing of it is looked at but its ID.
    #[inline]
    fn drop_packed(&mut self, order: Order) -> Option<()> {
        if self.oldest.is_empty() && self.going.is_none() {
            self.begin_first();
        }
        let (chunk, cursor) = self.going.as_mut()?;
        let gone = chunk.next(cursor)?;
        if order == Order::Time {
            self.ids.remove(gone.id);
        }
        if cursor.taken() == chunk.len() {
            self.going = None;
        }
        Some(())
    }

    #[cold]
    fn drop_unpacked(&mut self, order: Order) -> Option<()> {
        if self.oldest.is_empty() {
            // Hardly ever: a tail shorter than a chunk. Its ticks move to the end that ticks go from.
            self.oldest.extend(self.newest.drain(..));
        }
        let gone = self.oldest.pop_front()?;
        if order == Order::Time {
            self.ids.remove(gone.id());
        }
        Some(())
    }

    /// The ticks of the first chunk become the oldest few.
    #[inline(never)]
    fn begin_first(&mut self) {
        let Some(chunk) = self.chunks.pop_front() else { return };
        match &mut self.open {
            Some(open) if open.place == 0 => {
                self.oldest.extend(open.ticks.drain(..));
                self.open = None;
                return;
            }
            Some(open) => open.place -= 1,
            None => {}
        }
        self.going = Some((chunk, Cursor::default()));
    }

    /// Unpacks the oldest few.
    fn unpack_oldest(&mut self) {
        if let Some((chunk, cursor)) = self.going.take() {
            steps::note(chunk.len());
            chunk.unpack_from(cursor, &mut self.oldest);
        }
    }

    #[cold]
    fn is_before_all(&self, tick: &Tick<'_>, order: Order) -> bool {
        let moment = tick.moment(order);
        if let Some(next) = self.next_to_go() {
            return moment < next.tick().moment(order);
        }
        let oldest = self.oldest.front().or_else(|| self.newest.first().filter(|_| self.chunks.is_empty()));
        match (oldest, self.chunks.front()) {
            (Some(oldest), _) => moment < oldest.tick().moment(order),
            (None, Some(chunk)) => tick.ts_ms < chunk.first_ms,
            (None, None) => false,
        }
    }

    /// The oldest tick, where it is packed and others are gone already.
    #[cold]
    fn next_to_go(&self) -> Option<Held> {
        let (chunk, mut cursor) = self.going.as_ref().map(|(chunk, cursor)| (chunk, *cursor))?;
        chunk.next(&mut cursor)?.held()
    }

    /// Puts the tick behind all that are not later: among equals it came last.
    fn place(&mut self, tick: &Tick<'_>, order: Order) {
        let moment = tick.moment(order);
        let is_earlier = |held: &Held| held.tick().moment(order) <= moment;
        let packed_ms = self.last_packed().map(|chunk| chunk.last_ms);
        let is_behind_packed = match packed_ms {
            // In the millisecond of a chunk's end the numbers have to be compared.
            Some(last_ms) => tick.ts_ms > last_ms || (order == Order::Time && tick.ts_ms == last_ms),
            None => self.oldest.back().is_none_or(is_earlier),
        };
        let is_behind_newest = self.newest.first().is_some_and(is_earlier);
        if is_behind_packed || is_behind_newest {
            let place = match self.newest.last() {
                Some(last) if !is_earlier(last) => self.newest.partition_point(is_earlier),
                _ => self.newest.len(),
            };
            self.newest.insert(place, Held::of(tick));
            if self.newest.len() > SEALED {
                self.seal();
            }
        } else {
            self.place_late(tick, order);
        }
    }

    /// Packs the first of the newest. The open chunk goes with them, lest a market that was late once stays larger for it.
    #[inline(never)]
    fn seal(&mut self) {
        self.close();
        if let Some(ticks) = self.newest.get(..SEALED) {
            self.chunks.push_back(Chunk::pack(ticks));
        }
        // The tick that remains goes to the front without moving the others' buffers.
        self.newest.swap(0, SEALED);
        self.newest.truncate(1);
    }

    /// The last chunk, be it the one that goes.
    fn last_packed(&self) -> Option<&Chunk> {
        self.chunks.back().or_else(|| self.going.as_ref().map(|(chunk, _)| chunk))
    }

    /// Visits what is wanted, in its order.
    pub fn range(&self, wanted: &Wanted, mut visit: impl FnMut(&Tick<'_>)) {
        let mut left = wanted.count;
        let mut see = |held: &Held| {
            let is_wanted = (wanted.from_ms..=wanted.to_ms).contains(&held.ts_ms)
                && wanted.side.is_none_or(|side| side == held.side);
            if left > 0 && is_wanted {
                left -= 1;
                visit(&held.tick());
            }
            left > 0
        };
        let is_near = |(_, chunk): &(usize, &Chunk)| chunk.first_ms <= wanted.to_ms && chunk.last_ms >= wanted.from_ms;
        let mut room = Vec::new();
        if wanted.is_reversed {
            if !self.newest.iter().rev().all(&mut see) {
                return;
            }
            for (place, chunk) in self.chunks.iter().enumerate().rev().filter(is_near) {
                if !self.ticks_of(place, chunk, &mut room).iter().rev().all(&mut see) {
                    return;
                }
            }
            self.oldest.iter().chain(&self.going_from(wanted.from_ms)).rev().all(&mut see);
        } else {
            if !self.oldest.iter().chain(&self.going_from(wanted.from_ms)).all(&mut see) {
                return;
            }
            for (place, chunk) in self.chunks.iter().enumerate().filter(is_near) {
                if !self.ticks_of(place, chunk, &mut room).iter().all(&mut see) {
                    return;
                }
            }
            self.newest.iter().all(&mut see);
        }
    }

    /// What is left of the chunk that goes, unpacked; nothing where all of it is before `from_ms`.
    fn going_from(&self, from_ms: u64) -> Vec<Held> {
        let mut ticks = Vec::new();
        if let Some((chunk, cursor)) = self.going.as_ref().filter(|(chunk, _)| chunk.last_ms >= from_ms) {
            chunk.unpack_from(*cursor, &mut ticks);
        }
        ticks
    }

    /// The ticks of a chunk, which are unpacked into `room` unless it is open.
    fn ticks_of<'a>(&'a self, place: usize, chunk: &Chunk, room: &'a mut Vec<Held>) -> &'a [Held] {
        if let Some(open) = self.open.as_ref().filter(|open| open.place == place) {
            return &open.ticks;
        }
        room.clear();
        chunk.unpack(room);
        room
    }

    /// When the oldest tick held happened, Unix ms.
    pub fn first_ms(&self) -> Option<u64> {
        let going = || self.next_to_go().map(|held| held.ts_ms);
        let oldest = self.oldest.front().map(|held| held.ts_ms).or_else(going);
        let packed = || self.chunks.front().map(|chunk| chunk.first_ms);
        oldest.or_else(packed).or_else(|| self.newest.first().map(|held| held.ts_ms))
    }

    /// When the newest tick held happened, Unix ms.
    pub fn last_ms(&self) -> Option<u64> {
        let newest = self.newest.last().map(|held| held.ts_ms);
        let packed = || self.last_packed().map(|chunk| chunk.last_ms);
        newest.or_else(packed).or_else(|| self.oldest.back().map(|held| held.ts_ms))
    }

    /// Ticks as they were saved, in order.
    pub fn loaded(ticks: &[Held], order: Order) -> Self {
        let mut tail = Self { len: ticks.len(), ..Self::default() };
        let mut chunks = ticks.chunks(SEALED).peekable();
        while let Some(chunk) = chunks.next() {
            match chunks.peek() {
                Some(_) => tail.chunks.push_back(Chunk::pack(chunk)),
                None => tail.newest.extend_from_slice(chunk),
            }
        }
        if order == Order::Time {
            ticks.iter().for_each(|held| tail.ids.insert(held.id()));
        }
        tail
    }

    /// Gives back the memory that holds no tick.
    pub fn free_spare(&mut self) {
        self.close();
        self.oldest.shrink_to_fit();
        self.chunks.shrink_to_fit();
        self.newest.shrink_to_fit();
        self.ids.free_spare();
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        heap::deque(&self.oldest, measure);
        heap::deque(&self.chunks, measure);
        let going = self.going.iter().map(|(chunk, _)| chunk);
        self.chunks.iter().chain(going).for_each(|chunk| measure(chunk.bytes().as_ptr(), chunk.bytes().len()));
        heap::vec(&self.newest, measure);
        let opened = self.open.iter().flat_map(|open| &open.ticks);
        self.oldest.iter().chain(&self.newest).chain(opened).for_each(|held| held.measure(measure));
        self.open.iter().for_each(|open| heap::vec(&open.ticks, measure));
        self.ids.measure(measure);
    }

    /// Moves every buffer that can be moved.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        mover.deque(&mut self.oldest);
        mover.deque(&mut self.chunks);
        mover.vec(&mut self.newest);
        let going = self.going.iter_mut().map(|(chunk, _)| chunk);
        self.chunks.iter_mut().chain(going).for_each(|chunk| mover.slice(chunk.bytes_mut()));
        self.open.iter_mut().for_each(|open| mover.vec(&mut open.ticks));
        let opened = self.open.iter_mut().flat_map(|open| &mut open.ticks);
        self.oldest.iter_mut().chain(&mut self.newest).chain(opened).for_each(|held| mover.vec(held.id_buffer()));
    }

    /// About how many allocations freeing takes.
    pub fn free_effort(&self) -> usize {
        4 + self.chunks.len()
    }

    /// Asserts what must hold: the count is that of the parts, ticks are in order, IDs are those held, few are unpacked, the
    /// oldest are packed or not, and an open chunk is one of the chunks and says its times.
    pub fn check(&self, order: Order) {
        if let Some(Open { place, ticks }) = &self.open {
            let times = ticks.iter().map(|held| held.ts_ms);
            let chunk = self.chunks.get(*place).map(|chunk| (Some(chunk.first_ms), Some(chunk.last_ms)));
            assert_eq!(chunk, Some((times.clone().min(), times.max())), "the open chunk says its times");
            assert!(ticks.len() <= MOST, "the open chunk is not too long");
        }
        assert!(self.oldest.len() <= MOST && self.newest.len() <= SEALED, "few are unpacked");
        if let Some((chunk, cursor)) = &self.going {
            assert!(self.oldest.is_empty() && cursor.taken() < chunk.len(), "some of the chunk that goes are left");
        }
        let mut all = Vec::new();
        let wanted = Wanted { from_ms: 0, to_ms: u64::MAX, is_reversed: false, count: usize::MAX, side: None };
        self.range(&wanted, |tick| all.push(Held::of(tick)));
        assert_eq!(all.len(), self.len, "the count is that of the parts");
        assert!(all.is_sorted_by_key(|held| held.tick().moment(order)), "ticks are in order");
        let ids: Vec<Id<'_>> = all.iter().map(Held::id).filter(|id| *id != Id::None).collect();
        assert!(order == Order::Id || (ids.len() == self.ids.len() && ids.iter().all(|id| self.ids.has(*id))));
    }
}
