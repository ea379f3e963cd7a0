//! The triggers of a market by id. Beside the slot lies how the id begins, which tells nearly all apart without a look at the
//! trigger: a search among a hundred thousand else misses the cache at every step.

use std::cmp::Ordering;

use super::record::Slab;
use super::sorted::Sorted;
use crate::heap::Measure;
use crate::relocation::Mover;

/// A slot, and the first eight bytes of its id; in halves, so that it takes twelve bytes and not sixteen.
#[derive(Debug, Clone, Copy)]
struct Name {
    begin: [u32; 2],
    slot: u32,
}

/// The first eight bytes, zeros behind a shorter id: in the order of ids, but that different ids may be the same here.
fn begin_of(id: &[u8]) -> u64 {
    let mut begin = [0; 8];
    id.iter().zip(&mut begin).for_each(|(byte, place)| *place = *byte);
    id.first_chunk().map_or_else(|| u64::from_be_bytes(begin), |eight| u64::from_be_bytes(*eight))
}

impl Name {
    const fn begin(self) -> u64 {
        let [high, low] = self.begin;
        ((high as u64) << 32) | low as u64
    }
}

/// An id, as it is compared with those that are held.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    id: &'a [u8],
    begin: u64,
}

impl<'a> Wanted<'a> {
    fn new(id: &'a [u8]) -> Self {
        Self { id, begin: begin_of(id) }
    }

    fn is_behind(&self, name: &Name, slab: &Slab) -> bool {
        match name.begin().cmp(&self.begin) {
            Ordering::Less => true,
            Ordering::Greater => false,
            Ordering::Equal => id_at(slab, name.slot) < self.id,
        }
    }
}

fn id_at(slab: &Slab, slot: u32) -> &[u8] {
    slab.get(slot).map(|record| &*record.id).unwrap_or_default()
}

/// The slots of all that are held, by id.
#[derive(Debug, Clone, Default)]
pub(super) struct Names(Sorted<Name>);

impl Names {
    pub const fn new() -> Self {
        Self(Sorted::new())
    }

    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// The slot of this id.
    pub fn find(&self, id: &[u8], slab: &Slab) -> Option<u32> {
        let wanted = Wanted::new(id);
        let name = self.0.find(|name| wanted.is_behind(name, slab))?;
        (name.begin() == wanted.begin && id_at(slab, name.slot) == id).then_some(name.slot)
    }

    /// Adds a slot under an id that is not there.
    pub fn insert(&mut self, id: &[u8], slot: u32, slab: &Slab) {
        let wanted = Wanted::new(id);
        let begin = [(wanted.begin >> 32) as u32, wanted.begin as u32];
        self.0.insert_at(Name { begin, slot }, |name| wanted.is_behind(name, slab));
    }

    /// Removes a slot, which is still held.
    pub fn remove(&mut self, slot: u32, slab: &Slab) {
        let wanted = Wanted::new(id_at(slab, slot));
        self.0.remove_at(|name| wanted.is_behind(name, slab), |name| name.slot == slot);
    }

    /// All slots by id.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.0.iter().map(|name| name.slot)
    }

    /// The slots of all whose id begins so, by id.
    pub fn beginning<'a>(&'a self, prefix: &'a [u8], slab: &'a Slab) -> impl Iterator<Item = u32> + 'a {
        let wanted = Wanted::new(prefix);
        let from = self.0.iter_from(move |name| wanted.is_behind(name, slab)).map(|name| name.slot);
        from.take_while(move |slot| id_at(slab, *slot).starts_with(prefix))
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        self.0.measure(measure);
    }

    /// Moves every buffer.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        self.0.relocate(mover);
    }
}
